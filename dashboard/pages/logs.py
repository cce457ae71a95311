"""The page of log lines: search, histogram, facets, live tail, one line whole, export."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from html import escape

import streamlit as st

from dashboard import export_panel, session
from dashboard.export_panel import Export
from dashboard.log_facets import chosen_attribute, facets
from dashboard.log_lines import LINES, lines_table
from dashboard.log_patterns import PATTERNS, patterns
from dashboard.log_tail import tail
from dashboard.page_addresses import SEARCH
from dashboard.page_turns import page_turns
from dashboard.telemetry_chart import BUCKETS, histogram
from dashboard.telemetry_panel import (
    Search,
    asked,
    begun,
    keep_looking,
    language_help,
    nothing,
    period_words,
    problem,
    reader,
    search_box,
)
from sentinel.errors import SentinelError
from sentinel.store.telemetry.answering import LogAnswers
from sentinel.telemetry.answers import LogLineView, LogsFound, LogStatisticsView
from sentinel.telemetry.asked import Asked
from sentinel.telemetry.query import LOG_FIELDS, Both

ROWS = 100
MOST_EXPORTED = 100_000
"""Lines of an exported file."""
TURNED = "logs-turned"
FOLLOW = "live-tail"


def _answers(tenant: str) -> LogAnswers:
    return reader().logs(session.scope(), tenant)


def _understood(found: Asked) -> None:
    """Show the query that plain words made, which can be gone on with."""
    if not found.from_words:
        return
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        made = escape(found.query or "every line")
        st.html(f'<p class="small">Query: <code class="made">{made}</code></p>', width="content")
        st.button("Edit query", key="logs-edit", type="tertiary", icon=":material/edit:",
                  on_click=_take, args=(found.query,))  # fmt: skip


def _take(query: str) -> None:
    st.session_state[SEARCH] = query


def _turned(found: Asked) -> list[str]:
    question, cursors = st.session_state.get(TURNED, (None, []))
    return cursors if question == (found.since, found.until, found.query) else []


def _turn(found: Asked, cursors: list[str]) -> None:
    st.session_state[TURNED] = ((found.since, found.until, found.query), cursors)


def _every(tenant: str, found: Asked) -> Iterator[list[LogLineView]]:
    """Yield the lines that match, page by page, at most `MOST_EXPORTED`."""
    answers, cursor, left = _answers(tenant), None, MOST_EXPORTED
    while left:
        page = answers.found(found, min(1_000, left), cursor)
        yield page.lines
        cursor, left = page.next_cursor, left - len(page.lines)
        if cursor is None:
            return


def _export(tenant: str, found: Asked, counted: LogStatisticsView | None) -> Export | None:
    if counted is None:  # how many there are is not known yet
        return None
    total = min(counted.total_logs, MOST_EXPORTED)
    return Export(
        page="Logs", asked=(tenant, found.query, found.since, found.until), shape=LINES,
        words=("line", "lines"), pages=lambda: _every(tenant, found), count=lambda: total,
        few=total <= 1_000,
    )  # fmt: skip


def _foot(found: Asked, page: LogsFound, tenant: str, counted: LogStatisticsView | None) -> None:
    cursors = _turned(found)
    export = _export(tenant, found, counted)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        first = len(cursors) * ROWS + 1
        of = "" if counted is None else f" of {counted.total_logs:,}"
        st.html(
            f'<span class="fresh-count">{first:,} – {first + len(page.lines) - 1:,}{of} · '
            f"{escape(period_words(found))}</span>",
            width="stretch",
        )
        page_turns("logs", _turn, found, cursors, page.next_cursor)
        if export is not None:
            export_panel.buttons(export)
    if export is not None:
        if counted is not None and counted.total_logs > MOST_EXPORTED:
            st.html(f'<p class="small">A file has at most the newest {MOST_EXPORTED:,} lines.</p>')
        export_panel.written(export)


def _search(found: Asked, tenant: str) -> None:
    search = Search(tenant)
    cursors = _turned(found)
    cursor = cursors[-1] if cursors else None
    attribute = chosen_attribute()
    try:
        answers = _answers(tenant)
    except SentinelError as error:
        problem(error)
        return
    search.begin("lines", (found, cursor), partial(answers.found, found, ROWS, cursor))
    search.begin("parts", found, partial(answers.histogram, found, BUCKETS))
    search.begin("counts", found, partial(answers.statistics, found))
    if attribute:
        search.begin("facet", (found, attribute), partial(answers.facet, found, attribute, 20))
    lines = search.outcome("lines")
    if lines.value is not None and not lines.value.lines and not cursors:
        anything = Asked("", False, Both(()), 0, found.until)
        search.begin("any", found.until, partial(answers.found, anything, 1, None))
        ever = search.outcome("any")
        nothing("log line", ever=ever.value is None or bool(ever.value.lines))
        keep_looking(search)
        return
    with st.container(key="logs-body"):
        left, right = st.columns([2, 6], gap="medium")
        with right:
            parts = search.shown("parts", "Counting lines over time …")
            if parts is not None:
                histogram(parts.parts, found)
            page = search.shown("lines", "Searching …")
            if page is not None:
                lines_table(page.lines, found.query)
                _foot(found, page, tenant, search.outcome("counts").value)
        with left:
            facets(search, found, None if page is None else page.lines)
    keep_looking(search)


def logs() -> None:
    """Show the page."""
    tenant = begun("Logs")
    if tenant is None:
        return
    text = search_box(
        'timeout level:>=error service:shop -"retry", or: show me errors from database'
    )
    found = asked(text, LOG_FIELDS)
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        following = st.toggle("Live tail", key=FOLLOW, help="Lines as they arrive")
        by_pattern = st.toggle("Patterns", key=PATTERNS, disabled=following,
                               help="Lines by the statement that writes them")  # fmt: skip
        language_help("logs")
    if found is None:
        return
    _understood(found)
    if following:
        tail(found, tenant)
    elif by_pattern:
        patterns(found, tenant)
    else:
        _search(found, tenant)


logs()
