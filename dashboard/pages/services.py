"""The page of services: what is affected, the catalog, who calls whom, and golden signals."""

from __future__ import annotations

from functools import partial
from html import escape

import pandas as pd
import streamlit as st

from dashboard import session
from dashboard.service_catalog import (
    CatalogView,
    affected_html,
    catalog_html,
    read_catalog,
    service_html,
    unseen_edges,
)
from dashboard.service_map import (
    MOST_EDGES,
    dot,
    figures_html,
    milliseconds,
    percent,
    rate,
)
from dashboard.status_pages import status_pages_html
from dashboard.table import table
from dashboard.telemetry_panel import (
    Search,
    asked,
    begun,
    keep_looking,
    nothing,
    period_words,
    problem,
    reader,
    shared_parameters,
)
from sentinel.errors import SentinelError
from sentinel.telemetry.answers import DependencyView, ServicesFound, TraceStatisticsView
from sentinel.telemetry.asked import Asked
from sentinel.telemetry.query import SPAN_FIELDS, Both

SERVICE = "service"
"""The parameter of the address that names the service whose callers and callees are shown."""


def _all() -> None:
    st.query_params.pop(SERVICE, None)


def _map(
    statistics: TraceStatisticsView | None, calls: list[DependencyView], only: str,
    catalog: CatalogView | None,
) -> None:  # fmt: skip
    unseen: list[tuple[str, str]] = []
    if catalog is not None:
        unseen = unseen_edges(catalog, {(one.caller, one.callee) for one in calls})
        near = catalog.name_of(only)
        unseen = [
            both for both in unseen if not only or near in map(catalog.name_of, both)
        ]  # fmt: skip
    st.html('<h2 class="section">Dependencies</h2>')
    if only:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.html(f'<p class="small">Callers and callees of <b>{escape(only)}</b></p>',
                    width="content")  # fmt: skip
            st.button("Show all", key="services-all", on_click=_all, type="tertiary")
    if not calls and not unseen:
        st.html('<p class="small">No service calls another in this time.</p>')
        return
    scheme = "dark" if st.context.theme.type == "dark" else "light"
    services = [] if statistics is None else statistics.services
    if only:
        shown = {only, *(name for one in calls for name in (one.caller, one.callee)),
                *(name for both in unseen for name in both)}  # fmt: skip
        services = [one for one in services if one.service_name in shown]
    alerts = {} if catalog is None else catalog.live_alerts()
    with st.container(key="service-map"):
        st.graphviz_chart(dot(services, calls, scheme, unseen, alerts, _more()), width="content")
    if unseen:
        st.html('<p class="small">Dashed: declared, or seen before, and not in this time.</p>')
    if not calls:
        return
    if len(calls) > MOST_EDGES:
        st.html(
            f'<p class="small">The {MOST_EDGES} dependencies with most calls of {len(calls):,} are '
            "drawn; the table has all.</p>"
        )
    with st.expander("Dependencies as a table"):
        _table(calls)


def _table(calls: list[DependencyView]) -> None:
    frame = pd.DataFrame(
        [
            {
                "Caller": one.caller, "Callee": one.callee, "Calls": one.calls,
                "Requests": rate(one.per_second), "Errors": percent(one.error_rate),
                "P95": milliseconds(one.p95_ms),
            }
            for one in calls
        ]
    )  # fmt: skip
    table(frame, most=400, alt="Who calls whom, with rates, errors and latency")


def _signals(found: TraceStatisticsView) -> None:
    whole = found.roots if found.roots.spans else found.all
    with st.container(horizontal=True, gap="small", key="figures-services"):
        st.metric("Services", f"{len(found.services):,}", border=True)
        st.metric("Traces", f"{found.total_traces:,}", border=True)
        st.metric("Requests", rate(whole.per_second), border=True)
        st.metric("Errors", percent(whole.error_rate), border=True)
        st.metric("P95", milliseconds(whole.p95_ms), border=True)
    st.html('<h2 class="section">Golden signals</h2>')
    st.html(figures_html(found.services[:200], shared_parameters()))


def _search(found: Asked, tenant: str, only: str, catalog: CatalogView | None) -> None:
    search = Search(tenant)
    try:
        answers = reader().traces(session.scope(), tenant)
    except SentinelError as error:
        problem(error)
        _map(None, [], only, catalog)
        return
    search.begin("statistics", found, partial(answers.statistics, found))
    search.begin("map", (found, only), partial(answers.dependencies, found, only))
    statistics = search.outcome("statistics")
    if statistics.value is not None and not statistics.value.services:
        anything = Asked("", False, Both(()), 0, found.until)
        search.begin("any", found.until, partial(answers.found, anything, 1, None))
        ever = search.outcome("any").value
        _map(None, [], only, catalog)
        nothing("trace", ever=ever is None or bool(ever.traces))
        keep_looking(search)
        return
    shown = search.shown("statistics", "Measuring services …")
    if shown is not None:
        _signals(shown)
    calls: ServicesFound | None = search.shown("map", "Searching who calls whom …")
    if calls is not None:
        _map(shown, calls.dependencies, only, catalog)
    st.html(f'<p class="small">{escape(period_words(found))}</p>')
    keep_looking(search)


def services() -> None:
    """Show the page."""
    tenant = begun("Services")
    if tenant is None:
        return
    only = str(st.query_params.get(SERVICE, ""))
    catalog = _catalog(tenant, only)
    if catalog is not None:
        st.html('<h2 class="section">Affected now</h2>' + affected_html(catalog, _more()))
        if only:
            st.html(f'<h2 class="section">{escape(only)}</h2>'
                    + service_html(catalog, only, _more()))  # fmt: skip
    found = asked("", SPAN_FIELDS, words=False)
    if found is not None:
        _search(found, tenant, only, catalog)
    if catalog is not None:
        st.html('<h2 class="section">Catalog</h2>' + catalog_html(catalog, _more()))
        pages = status_pages_html(catalog.pages, catalog.public, catalog.subscribers)
        if pages:
            st.html(pages)


def _more() -> dict[str, str]:
    """Return the parameters of links on this page that keep tenant and time range."""
    return {name: value for name, value in shared_parameters().items() if value}


def _catalog(tenant: str, only: str) -> CatalogView | None:
    try:
        return read_catalog(session.data().within(session.scope()), tenant, only)
    except SentinelError as error:
        problem(error)
        return None


services()
