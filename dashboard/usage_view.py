"""What the page of API usage shows: figures, tables of callers and endpoints, quota forecasts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from html import escape
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import session
from dashboard.service_map import milliseconds, percent, rate
from dashboard.table import moments, selected_row, table
from dashboard.telemetry_panel import shared_parameters
from dashboard.telemetry_query import address
from sentinel.api_usage.answers import (
    EndpointChangesFound,
    FiguresView,
    QuotasFound,
    QuotaView,
    RisesFound,
    UsageGroup,
)

__all__ = [
    "changes_table", "figures", "groups_table", "quotas_table", "rises_table", "section",
    "usage_link",
]  # fmt: skip

COLUMNS = ("Requests", "Rate", "Errors", "P50", "P95", "P99")


def section(title: str) -> None:
    """Show the heading of a part of the page."""
    st.html(f'<h2 class="section">{escape(title)}</h2>')


def usage_link(words: str, **parameters: str) -> str:
    """Return a link to the page of API usage in the same period, as HTML; `words` are escaped."""
    where = escape(address("api-usage", {**shared_parameters(), **parameters}))
    return f'<a href="{where}" target="_self">{escape(words)}</a>'


def figures(total: FiguresView) -> None:
    """Show the figures of a period; latencies only where there are requests."""

    def latency(given: float) -> str:
        return milliseconds(given) if total.requests else "–"

    shown = (
        ("Requests", f"{total.requests:,}"), ("Rate", rate(total.per_second)),
        ("Errors", percent(total.error_rate)), ("Client errors", f"{total.client_errors:,}"),
        ("Refused", f"{total.refused:,}"), ("P50", latency(total.p50_ms)),
        ("P95", latency(total.p95_ms)), ("P99", latency(total.p99_ms)),
    )  # fmt: skip
    with st.container(horizontal=True, gap="small", key="figures-usage"):
        for name, value in shown:
            st.metric(name, value, border=True)


def groups_table(
    title: str, groups: Sequence[UsageGroup], key: str, choose: Callable[[str], None] | None = None
) -> None:
    """Show figures by the values of a field.

    Args:
        title: of the values
        groups: those with most first
        key: of the table
        choose: is called with the value of the row that somebody selects; None where none can be
    """
    if not groups:
        st.html(f'<p class="small">No request names its {escape(title.lower())}.</p>')
        return
    rows = [
        {title: one.value, **dict(zip(COLUMNS, _cells(one), strict=True)),
         "Share": f"{one.share:.0%}"}
        for one in groups
    ]  # fmt: skip
    key = f"{key}-{groups[0].value}-{len(groups)}"

    def chosen() -> None:
        if choose is not None and (row := selected_row(key)) is not None and row < len(groups):
            choose(groups[row].value)

    options: dict[str, Any] = (
        {} if choose is None else {"on_select": chosen, "selection_mode": "single-row"}
    )
    words = "" if choose is None else "; select a row to see it alone"
    table(pd.DataFrame(rows), key=key, most=420, alt=f"{title}s with figures{words}", **options)


def _cells(one: UsageGroup) -> tuple[str, ...]:
    latencies = (milliseconds(ms) for ms in (one.p50_ms, one.p95_ms, one.p99_ms))
    return f"{one.requests:,}", rate(one.per_second), percent(one.error_rate), *latencies


def rises_table(found: RisesFound) -> None:
    """Show what rises."""
    if not found.rises:
        st.html('<p class="small">Nothing rises compared with the period before.</p>')
        return
    rows = [
        {"Value": one.value, "Requests": one.requests, "Before": one.before} for one in found.rises
    ]
    table(pd.DataFrame(rows), key="usage-rises", most=300,
          alt="What has more requests than in the period before, the surest first")  # fmt: skip


def changes_table(found: EndpointChangesFound) -> None:
    """Show endpoints that are new or dead, and since when the log knows anything."""
    if not found.changes:
        st.html('<p class="small">No endpoint is new or dead.</p>')
    else:
        clock = session.clock()
        rows = [
            {"Endpoint": one.endpoint, "State": one.state, "Requests": one.requests,
             "Last": None if one.last is None else clock.local(_moment(one.last))}
            for one in found.changes
        ]  # fmt: skip
        table(pd.DataFrame(rows), key="usage-changes", most=300,
              column_config={"Last": moments()}, alt="Endpoints that are new or dead")  # fmt: skip
    if found.log_since is not None and found.log_since > found.history_since:
        since = session.clock().moment(_moment(found.log_since))
        st.html(f'<p class="small">The log begins at {escape(since)}; what came before is not '
                "known.</p>")  # fmt: skip


def quotas_table(found: QuotasFound) -> None:
    """Show how far keys or consumers are with a quota, and when it will be used up."""
    clock = session.clock()
    ends = clock.moment(_moment(found.end))
    st.html(f'<p class="small">It begins anew at {escape(ends)}.</p>')
    if not found.quotas:
        st.html('<p class="small">Nobody has requests.</p>')
        return

    def until(one: QuotaView) -> str:
        if one.reached is None:
            return one.why or "not before it begins anew"
        words = clock.moment(_moment(one.reached))
        if one.earliest is None or one.earliest == one.reached:
            return words
        last = "it may last" if one.latest is None else clock.moment(_moment(one.latest))
        return f"{words} ({clock.moment(_moment(one.earliest))} – {last})"

    rows = [
        {"Whose": one.value, "Used": one.used, "Of": one.amount, "Share": f"{one.share:.0%}",
         "Used up": until(one)}
        for one in found.quotas
    ]  # fmt: skip
    table(pd.DataFrame(rows), key="usage-quotas", most=420,
          alt="Quotas, with what is used and when they will be used up")  # fmt: skip


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text[:26] + "+00:00")
