"""The history page: every alert, found by words, fields and time, and exported."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

import pandas as pd
import streamlit as st

from dashboard import export_columns, export_panel, markup, session
from dashboard.alert_row import value
from dashboard.archive_panel import archive_panel
from dashboard.export_panel import Export
from dashboard.history_query import HistoryQuery
from dashboard.page_addresses import SEARCH
from dashboard.page_turns import page_turns
from dashboard.table import moments, table
from sentinel.alerts.view import SHOWN, AlertView
from sentinel.errors import SentinelError
from sentinel.severity import Severity

WORDS = [level.word for level in reversed(Severity)]
ALIASES = ("emergency", "warning")
# White or black text is chosen by Streamlit; both stand out on these.
COLOURS = ["#c4261b", "#c2520f", "#a87414", "#2b6cb0", "#667085"]
SPANS = {"1h": 1, "24h": 24, "7d": 24 * 7, "30d": 24 * 30, "90d": 24 * 90, "all": 0, "days": 0}
CUSTOM = "days"
"""The period between two days, which are chosen."""
ROWS = 50
NO_MATCH = (
    '<div class="empty"><h2>No alert matches</h2>'
    "<p>Choose a longer period or fewer words. A word matches the beginning of words; "
    "<code>host:web-01</code> searches for a label.</p></div>"
)
EMPTY = (
    '<div class="empty"><h2>No alerts yet</h2><p>Every alert that opens is listed here, also after '
    "it is resolved. Alerts open when rules are evaluated: <code>prefect deploy --all</code> "
    "deploys rules, <code>sentinel rule list</code> lists them.</p></div>"
)
ALL = 100_000_000
DOORS = {"api": "API", "cli": "CLI"}
"""Actors that are no people, as they are shown."""


def _query() -> HistoryQuery:
    state = st.session_state
    span = str(state.get("span") or "all")
    hours = SPANS.get(span, 0)
    since = session.data().now() - timedelta(hours=hours) if hours else None
    until = None
    if span == CUSTOM:
        since, until = _days(state.get("opened-days"))
    return HistoryQuery(
        q=str(state.get(SEARCH) or ""),
        severity=tuple(cast("list[str]", state.get("severities") or [])),
        status=tuple(cast("list[str]", state.get("statuses") or [])),
        since=since,
        until=until,
    )


def _days(chosen: object) -> tuple[datetime | None, datetime | None]:
    """Return when the chosen days begin and end in the viewer's time zone."""
    days = cast("tuple[date, ...]", chosen) if isinstance(chosen, tuple) else ()
    if not days:
        return None, None
    zone = ZoneInfo(session.zone())
    end = days[-1] + timedelta(days=1)
    return (
        datetime(days[0].year, days[0].month, days[0].day, tzinfo=zone),
        datetime(end.year, end.month, end.day, tzinfo=zone),
    )


def _question(query: HistoryQuery) -> object:
    """Return the search as it was chosen: its begin moves with the clock."""
    state = st.session_state
    return (query.q, query.severity, query.status, state.get("span"), state.get("opened-days"))


def _turned(query: HistoryQuery) -> list[str]:
    """Return where the pages of this search begin; another search begins at its first page."""
    question, cursors = st.session_state.get("turned", (None, []))
    return cast("list[str]", cursors) if question == _question(query) else []


def _turn(query: HistoryQuery, cursors: list[str]) -> None:
    st.session_state["turned"] = (_question(query), cursors)


def _filters() -> None:
    st.text_input(
        "Search", key=SEARCH, icon=":material/search:", bind="query-params",
        placeholder='Words, "a phrase", rule:disk-space, host:web-01, -left-out, OR, ( )',
        label_visibility="collapsed",
    )  # fmt: skip
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.segmented_control(
            "Time", list(SPANS), key="span", default="all", bind="query-params",
            label_visibility="collapsed",
        )  # fmt: skip
        st.pills(
            "Severity", WORDS, selection_mode="multi", key="severities",
            label_visibility="collapsed", bind="query-params",
        )  # fmt: skip
        st.multiselect(
            "Status", SHOWN, key="statuses", placeholder="Any status", width=240,
            label_visibility="collapsed", bind="query-params",
        )  # fmt: skip
        if st.session_state.get("span") == CUSTOM:
            today = session.data().now().astimezone(ZoneInfo(session.zone())).date()
            st.date_input(
                "Opened on these days", (today - timedelta(days=7), today), key="opened-days",
                max_value=today, bind="query-params", width=240,
                format=session.clock().input_format, label_visibility="collapsed",
            )  # fmt: skip


def _resolved_by(alert: AlertView) -> str:
    """Return who or what resolved an alert, else the reason; empty while it is live."""
    return DOORS.get(alert.resolved_by, alert.resolved_by) or alert.resolution_text


def _table(alerts: list[AlertView]) -> pd.DataFrame:
    clock = session.clock()
    rows: list[dict[str, Any]] = [
        {
            # The first columns are visible on a phone.
            "Severity": [alert.severity],
            "Alert": alert.title or alert.rule,
            "Opened": clock.local(alert.since),
            "Status": alert.status,
            "Value": value(alert.value, alert.unit),
            "Rule": alert.rule,
            "Labels": ", ".join(f"{name}={text}" for name, text in alert.labels.items()),
            "Owner": alert.assignee or alert.acknowledged_by,
            "Duration": markup.age(alert.since, alert.resolved_at) if alert.resolved_at else "",
            "Resolved by": _resolved_by(alert),
        }
        for alert in alerts
    ]
    return pd.DataFrame(rows)


def _shown(alerts: list[AlertView]) -> None:
    rows = table(
        _table(alerts),
        key=f"found-{alerts[0].id}-{len(alerts)}",
        most=650,
        on_select="rerun",
        selection_mode="single-row",
        row_height=31,
        column_config={
            "Opened": moments(),
            "Severity": st.column_config.MultiselectColumn(
                options=[*WORDS, *ALIASES], color=[*COLOURS, COLOURS[0], COLOURS[2]], width=84
            ),
            "Alert": st.column_config.TextColumn(width=222),
            "Status": st.column_config.TextColumn(width=96),
            "Value": st.column_config.TextColumn(width=74),
            "Rule": st.column_config.TextColumn(width=112),
            "Labels": st.column_config.TextColumn(width=128),
            "Owner": st.column_config.TextColumn(
                width=60, help="Whom it is assigned to, else who acknowledged it"
            ),
            "Duration": st.column_config.TextColumn(width=62),
            "Resolved by": st.column_config.TextColumn(width=92),
        },
        alt="Alerts that match, one per row; select a row to open its alert",
    )
    chosen = alerts[rows[0]].id if rows and rows[0] < len(alerts) else ""
    # The table keeps its selection: only a new one opens the drawer.
    if chosen != st.session_state.get("history-opened", ""):
        st.session_state["history-opened"] = chosen
        if chosen:
            session.show_alert(chosen)


def _export(query: HistoryQuery, *, few: bool) -> Export:
    reports, scope, wanted = session.reports(), session.scope(), query.filter(session.actor())
    return Export(
        page="History",
        asked=_question(query),
        shape=export_columns.ALERTS,
        words=("alert", "alerts"),
        pages=lambda: reports.all_matching(scope, wanted),
        count=lambda: reports.count(scope, wanted, ALL),
        few=few,
    )


def _page() -> None:
    st.html(markup.page_head("History"))
    _filters()
    query = _query()
    cursors = _turned(query)
    try:
        found = session.reports().history(
            session.scope(),
            query.filter(session.actor()),
            limit=ROWS,
            after=cursors[-1] if cursors else None,
        )
    except SentinelError as error:
        st.html(markup.note("warn", error.message, error.hint))
        return
    if not found.alerts:
        st.html(EMPTY if query == HistoryQuery() else NO_MATCH)
        archive_panel(query)
        return
    _shown(found.alerts)
    export = _export(query, few=found.count <= found.cap)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        first = len(cursors) * ROWS + 1
        st.html(
            f'<span class="fresh-count">{first:,} – {first + len(found.alerts) - 1:,} of '
            f"{markup.capped(found.count, found.cap)} · {found.milliseconds:.0f} ms · times in "
            f"{session.zone()}</span>",
            width="stretch",
        )
        page_turns("history", _turn, query, cursors, found.next)
        export_panel.buttons(export)
        st.page_link(
            "compare.py", label="Compare", icon=":material/compare_arrows:",
            query_params={SEARCH: query.q, "severities": list(query.severity)},
            help="Compare two periods with this search and these severities",
        )  # fmt: skip
    export_panel.written(export)
    archive_panel(query)


_page()
