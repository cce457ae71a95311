"""The patterns of log lines: what the lines are by the statement that writes them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Literal

import pandas as pd
import streamlit as st

from dashboard import session
from dashboard.log_anomalies import anomalies
from dashboard.page_addresses import SEARCH
from dashboard.table import selected_row, table
from dashboard.telemetry_panel import Search, keep_looking, problem, reader
from sentinel.errors import SentinelError
from sentinel.store.telemetry.log_patterns import patterns_found
from sentinel.store.telemetry.reading import Period
from sentinel.telemetry.answers import LogPatternView, PatternsFound
from sentinel.telemetry.asked import Asked

__all__ = ["PATTERNS", "choose", "patterns"]

PATTERNS = "logs-patterns"
"""Where a session keeps whether patterns are shown in place of lines."""
State = Literal["all", "new", "vanished"]
STATES: Sequence[State] = ("all", "new", "vanished")
UNUSUAL = "unusual"
"""Beside the states of patterns: their anomalies."""
MOST = 200


def choose(key: str, queries: Sequence[str]) -> None:
    """Search the lines of the pattern that was selected."""
    row = selected_row(key)
    if row is not None and row < len(queries):
        st.session_state[SEARCH] = queries[row]
        st.session_state[PATTERNS] = False


def _table(found: Sequence[LogPatternView], state: str) -> None:
    frame = pd.DataFrame(
        [
            {
                # The first columns are visible on a phone.
                "Lines": one.count, "Pattern": one.template, "Before": one.count_before,
                "State": one.state, "Service": one.service_name,
            }
            for one in found
        ]
    )  # fmt: skip
    key = f"patterns-{state}-{found[0].id}-{len(found)}"
    table(
        frame, key=key, alt="Patterns, one per row; select a row to search its lines", most=560,
        on_select=partial(choose, key, [one.query for one in found]), selection_mode="single-row",
        column_config={
            "Pattern": st.column_config.TextColumn(width=560),
            "Lines": st.column_config.NumberColumn(width=70),
            "Before": st.column_config.NumberColumn(
                width=70, help="In a time range of the same length before this one."
            ),
            "State": st.column_config.TextColumn(width=80),
            "Service": st.column_config.TextColumn(width=120),
        },
    )  # fmt: skip


def patterns(found: Asked, tenant: str) -> None:
    """Show the patterns of the time range; selecting one searches its lines.

    Args:
        found: its time range is looked at, its query is not
        tenant: whose lines
    """
    state: State | Literal["unusual"] = st.segmented_control(
        "State", (*STATES, UNUSUAL), key="patterns-state", default="all", required=True,
        label_visibility="collapsed",
    )  # fmt: skip
    period = Period(found.since, found.until)
    try:
        patterns_reader = reader().patterns(session.scope(), tenant)
    except SentinelError as error:
        problem(error)
        return
    if state == "unusual":
        st.html(
            '<p class="small">Patterns whose rate was unusual for them, kept as they happened, '
            "whatever the search is. Select one to see its rate.</p>"
        )
        anomalies(patterns_reader, period, tenant)
        return
    st.html(
        '<p class="small">All lines of the time range by the statement that writes them, whatever '
        "the search is. Select one to search its lines.</p>"
    )
    search = Search(tenant)

    def look() -> PatternsFound:
        return patterns_found(
            patterns_reader, period, service="", level="", state=state, limit=MOST
        )  # fmt: skip

    search.begin("patterns", (period.since, period.until, state), look)
    answer: PatternsFound | None = search.shown("patterns", "Searching patterns …")
    if answer is not None and answer.patterns:
        _table(answer.patterns, state)
    elif answer is not None:
        st.html(
            '<div class="empty"><h2>No pattern was found</h2><p>Patterns are found some seconds '
            "after each minute has ended. Choose a longer time range, or another state.</p></div>"
        )
    keep_looking(search)
