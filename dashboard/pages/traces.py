"""The page of traces: search, the slowest, latency by operation, and one trace as a waterfall."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from html import escape

import pandas as pd
import streamlit as st

from dashboard import session, trace_view
from dashboard.page_turns import page_turns
from dashboard.service_map import milliseconds, percent, rate
from dashboard.table import moments, selected_row, table
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
from dashboard.trace_view import TRACE
from sentinel.errors import SentinelError
from sentinel.telemetry.answers import LatencyView, TraceSummaryView
from sentinel.telemetry.asked import Asked
from sentinel.telemetry.query import SPAN_FIELDS, Both

ROWS = 50
VIEWS = ("Traces", "Slowest", "Latency")
STATUSES = ("ok", "error", "unset")
TURNED = "traces-turned"


def _filters(names: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Show the fields beside the query; returns what each must be."""
    state = st.session_state
    chosen = str(state.get("service") or st.query_params.get("service", ""))
    options = sorted({*names, chosen} - {""})
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        service = st.selectbox(
            "Service", options, index=None, key="service", bind="query-params",
            placeholder="any", width=200,
        )  # fmt: skip
        operation = st.text_input("Operation", key="operation", bind="query-params", width=220,
                                  placeholder="any")  # fmt: skip
        longer = st.text_input("Duration", key="longer", bind="query-params", width=130,
                               placeholder=">250ms")  # fmt: skip
        status = st.segmented_control("Status", STATUSES, key="status", bind="query-params")
    length = str(longer or "").strip()
    least = f">={length}" if length and length[0] not in "<>" else length
    return (
        ("service", str(service or "")), ("operation", str(operation or "").strip()),
        ("duration", least), ("status", str(status or "")),
    )  # fmt: skip


def _open(key: str, ids: Sequence[str]) -> None:
    row = selected_row(key)
    if row is not None and row < len(ids):
        st.query_params[TRACE] = ids[row]


def _traces(found: Sequence[TraceSummaryView], key: str) -> None:
    clock = session.clock()
    frame = pd.DataFrame(
        [
            {
                # The first columns are visible on a phone.
                "Operation": f"{one.service_name}  {one.operation_name}",
                "Duration": one.duration_ms, "Errors": one.errors, "Spans": one.spans,
                "Time": clock.local(datetime.fromisoformat(one.start_time[:26] + "+00:00")),
                "Services": ", ".join(one.services), "Trace": one.trace_id,
            }
            for one in found
        ]
    )  # fmt: skip
    ids = [one.trace_id for one in found]
    table(
        frame, key=key, alt="Traces, one per row; select a row to open its waterfall",
        on_select=partial(_open, key, ids), selection_mode="single-row",
        column_config={
            "Operation": st.column_config.TextColumn(width=210),
            "Duration": st.column_config.ProgressColumn(
                format="%.1f ms", min_value=0, max_value=max(one.duration_ms for one in found) or 1,
                width=150,
            ),
            "Errors": st.column_config.NumberColumn(width=62),
            "Spans": st.column_config.NumberColumn(width=62),
            "Time": moments(),
            "Services": st.column_config.TextColumn(width=160),
        },
    )  # fmt: skip


def _latency(found: Sequence[LatencyView]) -> None:
    frame = pd.DataFrame(
        [
            {
                "Operation": one.operation_name, "Service": one.service_name,
                "P95": milliseconds(one.p95_ms), "P50": milliseconds(one.p50_ms),
                "P99": milliseconds(one.p99_ms), "Errors": percent(one.error_rate),
                "Requests": rate(one.per_second), "Spans": one.spans,
            }
            for one in found
        ]
    )  # fmt: skip
    table(frame, alt="Latency, errors and rate by service and operation")


def _turned(found: Asked) -> list[str]:
    question, cursors = st.session_state.get(TURNED, (None, []))
    return cursors if question == found else []


def _turn(found: Asked, cursors: list[str]) -> None:
    st.session_state[TURNED] = (found, cursors)


def _foot(found: Asked, cursors: list[str], following: str | None) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.html(f'<span class="fresh-count">{escape(period_words(found))}</span>', width="stretch")
        page_turns("traces", _turn, found, cursors, following)


def _list(search: Search, found: Asked, view: str, cursors: list[str]) -> None:
    page = search.shown("found", "Searching …")
    if page is None:
        return
    rows = page.operations if view == "Latency" else page.traces
    if not rows and not cursors:
        anything = Asked("", False, Both(()), 0, found.until)
        answers = reader().traces(session.scope(), search.tenant)
        search.begin("any", found.until, partial(answers.found, anything, 1, None))
        ever = search.outcome("any").value
        nothing("trace", ever=ever is None or bool(ever.traces))
    elif view == "Latency":
        _latency(rows)
    elif rows:
        _traces(rows, f"traces-{view}-{rows[0].trace_id}-{len(rows)}")
    _foot(found, cursors, page.next_cursor if view == "Traces" else None)


def _search(text: str, tenant: str) -> None:
    search = Search(tenant)
    try:
        answers = reader().traces(session.scope(), tenant)
    except SentinelError as error:
        problem(error)
        return
    whole = asked("", SPAN_FIELDS, words=False)
    names: list[str] = []
    if whole is not None:
        search.begin("names", whole, partial(answers.statistics, whole))
        # They only fill a list: the search for traces is not to wait for them.
        counted = search.ready("names")
        names = [] if counted is None else [one.service_name for one in counted.services]
    also = _filters(names)
    view = str(
        st.segmented_control(
            "View", VIEWS, key="view", default="Traces", required=True, bind="query-params",
            label_visibility="collapsed",
        )
    )  # fmt: skip
    found = asked(text, SPAN_FIELDS, also=also, words=False)
    if found is None:
        return
    cursors = _turned(found) if view == "Traces" else []
    if view == "Latency":
        search.begin("found", (found, view), partial(answers.latency, found, 200))
    elif view == "Slowest":
        search.begin("found", (found, view), partial(answers.slow, found, ROWS))
    else:
        cursor = cursors[-1] if cursors else None
        search.begin("found", (found, view, cursor), partial(answers.found, found, ROWS, cursor))
    _list(search, found, view, cursors)
    keep_looking(search)


def traces() -> None:
    """Show the page."""
    tenant = begun("Traces")
    if tenant is None:
        return
    if opened := str(st.query_params.get(TRACE, "")):
        trace_view.show(opened, tenant)
        return
    text = search_box("checkout status:error duration:>250ms @http.route:/buy")
    language_help("spans")
    _search(text, tenant)


traces()
