"""The page of the request log: search by query and time, one request whole, export."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from html import escape

import streamlit as st

from dashboard import export_panel, session
from dashboard.export_panel import KINDS, NDJSON, Export
from dashboard.page_turns import page_turns
from dashboard.request_lines import REQUESTS, requests_table
from dashboard.telemetry_panel import (
    Search,
    asked,
    begun,
    keep_looking,
    language_help,
    nothing,
    period_words,
    reader,
    search_box,
)
from dashboard.usage_chart import outcomes_chart
from sentinel.api_usage.answers import RequestsFound, RequestView, UsageFound
from sentinel.telemetry.asked import Asked
from sentinel.telemetry.query import REQUEST_FIELDS, Both

ROWS = 100
MOST_EXPORTED = 100_000
"""Requests of a file from this page; `sentinel requests export` writes all."""
TURNED = "requests-turned"


def _page(tenant: str, found: Asked, limit: int, cursor: str | None) -> RequestsFound:
    return reader().requests(session.scope(), tenant, found, limit, cursor)


def _turned(found: Asked) -> list[str]:
    question, cursors = st.session_state.get(TURNED, (None, []))
    return cursors if question == (found.since, found.until, found.query) else []


def _turn(found: Asked, cursors: list[str]) -> None:
    st.session_state[TURNED] = ((found.since, found.until, found.query), cursors)


def _every(tenant: str, found: Asked) -> Iterator[list[RequestView]]:
    """Yield the requests that match, page by page, at most `MOST_EXPORTED`."""
    cursor, left = None, MOST_EXPORTED
    while left:
        page = _page(tenant, found, min(1_000, left), cursor)
        yield page.requests
        cursor, left = page.next_cursor, left - len(page.requests)
        if cursor is None:
            return


def _foot(found: Asked, page: RequestsFound, tenant: str, counted: UsageFound | None) -> None:
    cursors = _turned(found)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        first = len(cursors) * ROWS + 1
        st.html(
            f'<span class="fresh-count">{first:,} – {first + len(page.requests) - 1:,} · '
            f"{escape(period_words(found))}</span>",
            width="stretch",
        )
        page_turns("requests", _turn, found, cursors, page.next_cursor)
        if counted is None:  # how many there are is not known yet
            return
        total = min(counted.total.requests, MOST_EXPORTED)
        export = Export(
            page="Request log", asked=(tenant, found.query, found.since, found.until),
            shape=REQUESTS, words=("request", "requests"), pages=lambda: _every(tenant, found),
            count=lambda: total, few=total <= 1_000, kinds=(*KINDS, NDJSON),
        )  # fmt: skip
        export_panel.buttons(export)
    if counted.total.requests > MOST_EXPORTED:
        st.html(f'<p class="small">A file from here has at most the newest {MOST_EXPORTED:,} '
                "requests; <code>sentinel requests export</code> writes all.</p>")  # fmt: skip
    export_panel.written(export)


def _search(found: Asked, tenant: str) -> None:
    search = Search(tenant)
    cursors = _turned(found)
    cursor = cursors[-1] if cursors else None
    search.begin("requests", (found, cursor), partial(_page, tenant, found, ROWS, cursor))
    usage = partial(reader().usage, session.scope(), tenant)
    search.begin("request parts", found, lambda: usage().usage(found, 60))
    requests = search.outcome("requests")
    if requests.value is not None and not requests.value.requests and not cursors:
        anything = Asked("", False, Both(()), 0, found.until)
        search.begin("any request", found.until, partial(_page, tenant, anything, 1, None))
        ever = search.outcome("any request")
        nothing("request", ever=ever.value is None or bool(ever.value.requests))
        keep_looking(search)
        return
    parts = search.shown("request parts", "Counting requests over time …")
    if parts is not None:
        outcomes_chart(parts, found)
    page = search.shown("requests", "Searching …")
    if page is not None:
        requests_table(page.requests, found.query, (found.since, found.until, found.query, cursor))
        _foot(found, page, tenant, parts)
    keep_looking(search)


def requests() -> None:
    """Show the page."""
    tenant = begun("Request log")
    if tenant is None:
        return
    text = search_box("consumer:user-7 status:>=400 service:shop duration:>250ms")
    found = asked(text, REQUEST_FIELDS, words=False)
    language_help("requests")
    if found is not None:
        _search(found, tenant)


requests()
