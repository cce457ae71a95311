"""One trace: its waterfall, the chosen span with its attributes, and its logs."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from html import escape
from typing import Any

import streamlit as st

from dashboard import session
from dashboard.blotter import widget
from dashboard.log_lines import attributes_html, lines_table
from dashboard.service_map import MOST_BARS, bars, milliseconds
from dashboard.telemetry_panel import Search, keep_looking, problem, reader, shared_parameters
from sentinel.errors import NotFound, SentinelError
from sentinel.printable import counted
from sentinel.telemetry.answers import SpanView, TraceLogs, TraceView
from sentinel.telemetry.asked import nanoseconds_of

__all__ = ["TRACE", "show"]

TRACE = "trace"
"""The parameter of the address that names the trace that is shown."""
MOST_LINES = 200
"""Log lines of a trace."""


def _back() -> None:
    st.query_params.pop(TRACE, None)


def _chosen(trace: TraceView) -> SpanView:
    """Return the span that is shown whole: the chosen one, else the first."""
    state: Any = st.session_state.get("waterfall") or {}
    told: dict[str, Any] = state.get("span") or {}
    wanted = str(told.get("id", "")) if told.get("of") == trace.trace_id else ""
    return next((one for one in trace.spans if one.span_id == wanted), trace.spans[0])


def _head(trace: TraceView) -> None:
    root = trace.spans[0]
    at = datetime.fromisoformat(trace.start_time[:26] + "+00:00")
    words = (
        f"{session.clock().full(at)} · {milliseconds(trace.duration_ms)} · "
        f"{len(trace.spans):,}{'+' if trace.cut else ''} spans · "
        f"{counted(len(trace.services), 'service')} · "
        f"{trace.errors:,} errors"
    )
    st.html(
        f'<h2 class="section">{escape(root.service_name)} {escape(root.operation_name)}</h2>'
        f'<p class="small">{escape(words)}<br>'
        f'<code class="made">{escape(trace.trace_id)}</code></p>'
    )


def _span(span: SpanView) -> None:
    status = escape(span.status)
    if span.status_message:
        status += f": {escape(span.status_message)}"
    fields = {
        "Operation": escape(span.operation_name), "Service": escape(span.service_name),
        "Kind": escape(span.kind), "Status": status,
        "Duration": f"{milliseconds(span.duration_ms)}, {milliseconds(span.own_ms)} of its own",
        "Offset": milliseconds(span.offset_ms), "Span": escape(span.span_id),
    }  # fmt: skip
    rows = "".join(f"<dt>{name}</dt><dd>{text}</dd>" for name, text in fields.items() if text)
    more = shared_parameters()
    parts = [f'<h2 class="section">Span</h2><dl class="meanings">{rows}</dl>']
    for title, values in (("Attributes", span.attributes), ("Resource", span.resource)):
        if shown := attributes_html(values, "", "traces", more):
            parts.append(f'<h2 class="section">{title}</h2>{shown}')
    for event in span.events:
        shown = attributes_html(event.attributes, "", "traces", more)
        parts.append(f'<h2 class="section">Event: {escape(event.name)}</h2>{shown}')
    st.html("".join(parts))


def _logs(found: TraceLogs, span: SpanView) -> None:
    st.html('<h2 class="section">Logs of the trace</h2>')
    if not found.lines:
        st.html('<p class="small">No log line names this trace.</p>')
        return
    mine = [one for one in found.lines if one.span_id == span.span_id]
    only = st.toggle("Logs of the span", key="trace-span-only") if mine else False
    lines_table(mine if only else found.lines, "")
    if len(found.lines) == MOST_LINES:
        st.html(f'<p class="small">The first {MOST_LINES:,} lines are shown.</p>')


def show(trace_id: str, tenant: str) -> None:
    """Show a trace.

    Args:
        trace_id: in hex, as the address has it
        tenant: whose trace
    """
    st.button("All traces", key="traces-back", icon=":material/arrow_back:", on_click=_back)
    search = Search(tenant)
    try:
        traces = reader().traces(session.scope(), tenant)
        logs = reader().logs(session.scope(), tenant)
    except SentinelError as error:
        problem(error)
        return
    # What arrives late belongs to it too: a minute is one search.
    now = nanoseconds_of(session.data().now())
    minute = now // (60 * 10**9)
    search.begin("trace", (trace_id, minute), partial(traces.trace, trace_id))
    search.begin(
        "logs", (trace_id, minute), partial(logs.of_trace, trace_id, now, MOST_LINES)
    )  # fmt: skip
    found = search.outcome("trace")
    if isinstance(found.problem, NotFound):
        st.html(
            f'<div class="empty"><h2>There is no trace {escape(trace_id[:40])}</h2><p>It may be '
            "past its retention, or of another tenant.</p></div>"
        )
        return
    trace: TraceView | None = search.shown("trace", "Reading the trace …")
    if trace is not None:
        _head(trace)
        span = _chosen(trace)
        widget("waterfall", bars(trace, span.span_id), "span")
        if len(trace.spans) > MOST_BARS:
            st.html(
                f'<p class="small">The first {MOST_BARS:,} of {len(trace.spans):,} spans are '
                "drawn; search for the others by service, operation or attribute.</p>"
            )
        with st.container(key="trace-body"):
            left, right = st.columns([3, 5], gap="medium")
            with left:
                _span(span)
            with right:
                lines = search.shown("logs", "Searching its logs …")
                if lines is not None:
                    _logs(lines, span)
    keep_looking(search)
