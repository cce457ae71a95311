"""The page of API usage: an overview, one consumer, one endpoint."""

from __future__ import annotations

from functools import partial
from html import escape
from typing import Any, cast

import msgspec
import streamlit as st

from dashboard import export_panel, markup, session
from dashboard.export_panel import KINDS, NDJSON, Export
from dashboard.page_addresses import SEARCH
from dashboard.request_lines import USAGE
from dashboard.telemetry_panel import (
    Search,
    asked,
    begun,
    keep_looking,
    language_help,
    nothing,
    period_words,
    reader,
    refresh,
    search_box,
    shared_parameters,
)
from dashboard.telemetry_query import address, term, with_term
from dashboard.usage_chart import latency_chart, outcomes_chart
from dashboard.usage_view import (
    changes_table,
    figures,
    groups_table,
    quotas_table,
    rises_table,
    section,
    usage_link,
)
from sentinel.errors import ConfigurationError, SentinelError
from sentinel.store.telemetry.usage import GROUPS, GroupBy, Order
from sentinel.store.telemetry.usage_answers import UsageAnswers
from sentinel.telemetry.asked import Asked, nanoseconds_of
from sentinel.telemetry.query import REQUEST_FIELDS, Both, Field

PARTS, MOST, LEAST = 60, 50, 50
CONSUMER, ENDPOINT, QUOTA, BY, ORDER = "consumer", "endpoint", "quota", "by", "order"
"""Parameters of the address."""
EXPORTED_PARTS = 24
"""Of the period, in a file from this page; `sentinel requests export-usage` writes up to 500."""
LIVE = "usage-live"
LIVE_SECONDS = 10
_HISTORY = 14 * 86_400 * 10**9
_ORDERS: dict[Order, str] = {
    "requests": "Requests", "errors": "Errors", "client_errors": "Client errors",
    "refused": "Refused", "p95_ms": "P95", "response_bytes": "Bytes",
}  # fmt: skip
_OF_ENDPOINT: dict[GroupBy, str] = {
    "consumer": "Consumer", "status": "Status", "key": "Key", "agent": "User agent",
}  # fmt: skip


def _open(name: str, value: str) -> None:
    st.query_params[name] = value


def _choose(by: GroupBy, value: str) -> None:
    """Show one value alone, in a callback."""
    if by in (CONSUMER, ENDPOINT):
        _open(by, value)
    elif by in REQUEST_FIELDS:
        query = str(st.session_state.get(SEARCH) or "")
        st.session_state[SEARCH] = with_term(query, term(by, value))


def _keep_live() -> None:
    """Search anew every few seconds."""
    st.session_state["usage-ticks"] = 0

    def tick() -> None:
        st.session_state["usage-ticks"] += 1
        if st.session_state["usage-ticks"] > 1:  # the first one is of this run itself
            refresh()
            st.rerun()

    st.fragment(tick, run_every=LIVE_SECONDS)()


def _over_time(search: Search, found: Asked) -> Any:
    usage = search.shown("usage", "Counting requests …")
    if usage is None:
        return None
    figures(usage.total)
    if usage.total.requests:
        left, right = st.columns(2, gap="medium")
        with left:
            outcomes_chart(usage, found)
        with right:
            latency_chart(usage, found)
    return usage


def _quota(search: Search, answers: UsageAnswers) -> None:
    section("Quota forecast")
    text = str(
        st.text_input("Quota", key=QUOTA, bind="query-params", max_chars=500, width=420,
                      placeholder="10_000 per month quota by key",
                      help="A quota by key or by user, as limits are written")
        or ""
    ).strip()  # fmt: skip
    if not text:
        return
    now = nanoseconds_of(session.data().now())
    search.begin("quotas", (text, now // (60 * 10**9)), partial(answers.quotas, text, now))
    outcome = search.outcome("quotas")
    if isinstance(outcome.problem, ConfigurationError):
        st.html(markup.note("warn", outcome.problem.message, outcome.problem.hint))
        return
    quotas = search.shown("quotas", "Counting quotas …")
    if quotas is not None:
        quotas_table(quotas)


def _export(tenant: str, found: Asked, by: GroupBy) -> None:
    """Offer the figures of each value in each part of the period as a file."""
    with st.container(horizontal=True, gap="small"):
        export_panel.buttons(
            Export(
                page="API usage", asked=(tenant, by, found.query, found.since, found.until),
                shape=USAGE, words=("row", "rows"), count=lambda: EXPORTED_PARTS, few=True,
                pages=lambda: reader().usage_rows(
                    session.scope(), tenant, found, by, EXPORTED_PARTS
                ),
                kinds=(*KINDS, NDJSON),
            )
        )  # fmt: skip


def _overview(search: Search, answers: UsageAnswers, found: Asked) -> None:
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        by = cast("GroupBy", st.selectbox("By", list(GROUPS), key=BY, index=1, width=160,
                                          bind="query-params"))  # fmt: skip
        order = st.selectbox("Order", list(_ORDERS), key=ORDER, width=160, bind="query-params",
                             format_func=lambda one: _ORDERS[one])  # fmt: skip
    search.begin("top", (found, by, order), partial(answers.top, found, by, order, MOST))
    search.begin("rising", (found, by), partial(answers.rising, found, by, LEAST, 20))
    search.begin("changes", found, partial(answers.endpoints, found, _HISTORY, (), 10))
    top = search.shown("top", "Counting by value …")
    if top is not None:
        groups_table(by.capitalize(), top.groups, f"usage-top-{by}-{order}", partial(_choose, by))
        _export(search.tenant, found, by)
    left, right = st.columns(2, gap="medium")
    with left:
        section("Rising")
        rises = search.shown("rising", "Comparing with the period before …")
        if rises is not None:
            rises_table(rises)
    with right:
        section("New and dead endpoints")
        changes = search.shown("changes", "Reading the history …")
        if changes is not None:
            changes_table(changes)
    _quota(search, answers)


def _heading(words: str, query: str) -> None:
    where = escape(address("requests", {**shared_parameters(), SEARCH: query}))
    st.html(
        f'<h2 class="section">{escape(words)}</h2><p class="small">{usage_link("All usage")} · '
        f'<a href="{where}" target="_self">Its requests</a></p>'
    )


def _consumer(search: Search, answers: UsageAnswers, found: Asked, name: str) -> None:
    _heading(name, with_term(found.query, term("consumer", name)))
    search.begin("usage", (found, name), partial(answers.consumer, name, found, PARTS))
    usage = _over_time(search, found)
    if usage is None:
        return
    for title, groups, by in (
        ("Endpoint", usage.endpoints, "endpoint"), ("Status", usage.statuses, None),
        ("Key", usage.keys, None), ("Address", usage.addresses, None),
    ):  # fmt: skip
        section(f"By {title.lower()}")
        choose = None if by is None else partial(_instead, name_of=CONSUMER, by=by)
        groups_table(title, groups, f"usage-one-{title}", choose)


def _instead(value: str, *, name_of: str, by: str) -> None:
    st.query_params.pop(name_of, None)
    _open(by, value)


def _endpoint(search: Search, answers: UsageAnswers, found: Asked, name: str) -> None:
    method, _, path = name.rpartition(" ")
    nodes = [Field("endpoint", "=", (path,)), *([Field("method", "=", (method,))] * bool(method))]
    terms = [term("endpoint", path), *([term("method", method)] if method else [])]
    query = found.query
    for one in terms:
        query = with_term(query, one)
    _heading(name, query)
    only = msgspec.structs.replace(found, where=Both((found.where, *nodes)), query=query)
    search.begin("usage", only, partial(answers.usage, only, PARTS))
    for by in _OF_ENDPOINT:
        search.begin(f"by {by}", only, partial(answers.top, only, by, "requests", 20))
    if _over_time(search, only) is None:
        return
    for by, title in _OF_ENDPOINT.items():
        section(f"By {title.lower()}")
        top = search.shown(f"by {by}", "Counting by value …")
        if top is not None:
            choose = partial(_instead, name_of=ENDPOINT, by=by) if by == CONSUMER else None
            groups_table(title, top.groups, f"usage-one-{by}", choose)


def _show(tenant: str, found: Asked) -> None:
    search = Search(tenant)
    answers = reader().usage(session.scope(), tenant)
    consumer = str(st.query_params.get(CONSUMER, ""))[:200]
    endpoint = str(st.query_params.get(ENDPOINT, ""))[:500]
    if consumer:
        _consumer(search, answers, found, consumer)
    elif endpoint:
        _endpoint(search, answers, found, endpoint)
    else:
        search.begin("usage", found, partial(answers.usage, found, PARTS))
        usage = _over_time(search, found)
        if usage is not None and not usage.total.requests:
            anything = Asked("", False, Both(()), max(0, found.until - 90 * 86_400 * 10**9),
                             found.until)  # fmt: skip
            search.begin("any usage", found.until, partial(answers.usage, anything, 1))
            ever = search.outcome("any usage")
            nothing("request", ever=ever.value is None or bool(ever.value.total.requests))
        else:
            _overview(search, answers, found)
    st.html(f'<p class="small">{escape(period_words(found))}</p>')
    keep_looking(search)


def usage() -> None:
    """Show the page."""
    tenant = begun("API usage")
    if tenant is None:
        return
    text = search_box("service:shop -endpoint:/health status:>=400")
    found = asked(text, REQUEST_FIELDS, words=False)
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        live = st.toggle("Live", key=LIVE, help=f"Counts anew every {LIVE_SECONDS} seconds")
        language_help("requests")
    if found is None:
        return
    try:
        _show(tenant, found)
    except SentinelError as error:
        words = f"{error.message}. {error.hint}" if error.hint else error.message
        st.html(markup.note("warn", "Usage cannot be shown now.", words))
        return
    if live:
        _keep_live()


usage()
