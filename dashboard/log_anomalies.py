"""Anomalies of log lines: patterns whose rate was unusual, and the rate with what was expected."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from html import escape
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from dashboard import session
from dashboard.page_addresses import SEARCH
from dashboard.table import moments, selected_row, table
from dashboard.telemetry_chart import time_axis
from dashboard.telemetry_panel import Search, keep_looking
from sentinel.store.telemetry.log_anomalies import SavedAnomalies, anomalies_saved
from sentinel.store.telemetry.pattern_rates import PART, rate_found
from sentinel.store.telemetry.reading import Period
from sentinel.telemetry.answers import (
    AnomaliesFound,
    LogAnomalyView,
    PatternRateFound,
    RatePartView,
)
from sentinel.telemetry.asked import nanoseconds_of

__all__ = ["CHOSEN", "anomalies", "around", "choose_anomaly", "rate_rows"]

CHOSEN = "anomaly-chosen"
"""Where a session keeps which anomaly is drawn."""
MOST = 200
_HOUR = 3_600 * 10**9
_BEFORE, _AFTER = 12 * _HOUR, 2 * _HOUR
"""What is drawn around an anomaly."""
_COLOURS = {"light": ("#2b6cb0", "#c4261b"), "dark": ("#63a4ff", "#ff6b5e")}


def _moment(written: str) -> datetime:
    return datetime.fromisoformat(written[:26] + "+00:00")


def around(anomaly: LogAnomalyView, now: datetime) -> Period:
    """Return the time that is drawn around an anomaly, which ends at the latest now."""
    at = nanoseconds_of(_moment(anomaly.timestamp))
    return Period(at - _BEFORE, max(at + PART, min(at + _AFTER, nanoseconds_of(now))))


def choose_anomaly(key: str, names: Sequence[tuple[str, str]]) -> None:
    """Draw the anomaly that was selected."""
    row = selected_row(key)
    if row is not None and row < len(names):
        st.session_state[CHOSEN] = names[row]


def anomalies(reader: SavedAnomalies, period: Period, tenant: str) -> None:
    """Show the anomalies of a time range, and the rate of the one that was selected.

    Args:
        reader: of the tenant
        period: the time range
        tenant: whose lines
    """
    search = Search(tenant)
    search.begin(
        "anomalies", period, partial(anomalies_saved, reader, period, service="", limit=MOST)
    )
    answer: AnomaliesFound | None = search.shown("anomalies", "Searching anomalies …")
    if answer is not None and answer.anomalies:
        found = answer.anomalies
        names = [_name(one) for one in found]
        chosen = st.session_state.get(CHOSEN)
        place = names.index(chosen) if chosen in names else 0
        _table(found, names, place)
        drawn = around(found[place], session.data().now())
        search.begin("rate", (names[place][0], drawn),
                     partial(rate_found, reader, names[place][0], drawn))  # fmt: skip
        rate: PatternRateFound | None = search.shown("rate", "Reading the rate …")
        if rate is not None:
            _picture(rate, found[place], drawn)
    elif answer is not None:
        st.html(
            '<div class="empty"><h2>No pattern was unusual</h2><p>Rates are judged every five '
            "minutes once a pattern is nine hours old. Choose a longer time range.</p></div>"
        )
    keep_looking(search)


def _name(one: LogAnomalyView) -> tuple[str, str]:
    return one.pattern.id, one.timestamp


def _table(
    found: Sequence[LogAnomalyView], names: Sequence[tuple[str, str]], place: int
) -> None:  # fmt: skip
    clock = session.clock()
    frame = pd.DataFrame(
        [
            {
                # The first columns are visible on a phone.
                "Lines": one.count, "Pattern": one.pattern.template,
                "Usual": f"{one.low:,.0f} – {one.high:,.0f}",
                "From": clock.local(_moment(one.timestamp)), "Service": one.pattern.service_name,
                "One in": one.rarity,
            }
            for one in found
        ]
    )  # fmt: skip
    key = f"anomalies-{names[0]}-{len(found)}"
    table(
        frame, key=key, alt="Anomalies, one per row; select a row to see its rate", most=300,
        on_select=partial(choose_anomaly, key, names), selection_mode="single-row",
        selection_default={"selection": {"rows": [place]}},
        column_config={
            "From": moments("Five minutes from then on."),
            "Pattern": st.column_config.TextColumn(width=420),
            "Lines": st.column_config.NumberColumn(width=70),
            "Usual": st.column_config.TextColumn(
                width=100, help="98 of 100 earlier five minutes were within such bounds."
            ),
            "Service": st.column_config.TextColumn(width=110),
            "One in": st.column_config.NumberColumn(
                width=70, format="%.0f", help="One in so many five minutes is as unusual."
            ),
        },
    )  # fmt: skip


def rate_rows(parts: Sequence[RatePartView]) -> list[dict[str, Any]]:
    """Return the parts of a rate as rows of its picture, each with what a reader is told of it."""
    clock = session.clock()
    return [
        {
            "at": at, "lines": one.count, "low": one.low, "high": one.high,
            "from": clock.moment(at),
            "outside": one.low is not None and one.high is not None
            and not one.low <= one.count <= one.high,
        }
        for one in parts
        for at in [_moment(one.start).astimezone(UTC)]
    ]  # fmt: skip


def _search(query: str) -> None:
    st.session_state[SEARCH] = query
    st.session_state["logs-patterns"] = False


def _picture(rate: PatternRateFound, anomaly: LogAnomalyView, period: Period) -> None:
    lined, marked = _COLOURS["dark" if st.context.theme.type == "dark" else "light"]
    against = "the day before" if rate.season_seconds else "the last day"
    st.html(
        '<div class="chart-head"><h2 class="section">Lines in five minutes</h2><ul class="legend">'
        f'<li><i style="background:{lined}"></i>lines</li>'
        f'<li><i style="background:{lined};opacity:.25"></i>expected, from {against}</li>'
        f'<li><i style="background:{marked}"></i>outside</li></ul></div>'
        f'<p class="small"><code>{escape(anomaly.pattern.template[:400])}</code></p>'
    )
    frame = pd.DataFrame(rate_rows(rate.parts))
    base = alt.Chart(frame).encode(x=time_axis(period.since, period.until))
    axis = alt.Axis(tickMinStep=1, tickCount=4)
    band = base.mark_area(clip=True, opacity=0.25, color=lined).encode(
        y=alt.Y("low:Q", title=None, axis=axis), y2="high:Q"
    )
    tips = [
        "from:N", alt.Tooltip("lines:Q"),
        alt.Tooltip("low:Q", title="expected from", format=".1f"),
        alt.Tooltip("high:Q", title="to", format=".1f"),
    ]  # fmt: skip
    line = base.mark_line(clip=True, color=lined, strokeWidth=1.5).encode(y="lines:Q", tooltip=tips)
    points = base.transform_filter("datum.outside").mark_point(
        clip=True, color=marked, filled=True, size=50, opacity=1
    ).encode(y="lines:Q", tooltip=tips)  # fmt: skip
    chart = alt.layer(band, line, points).properties(
        height=200, usermeta={"embedOptions": {"renderer": "canvas"}}
    )
    outside = int(frame["outside"].sum())
    st.altair_chart(
        chart, key=f"rate-{anomaly.pattern.id}-{anomaly.timestamp}",
        alt=f"Lines of the pattern in each five minutes, {outside:,} of {len(frame):,} outside "
        f"what was expected; {anomaly.count:,} instead of {anomaly.low:,.0f} to "
        f"{anomaly.high:,.0f}",
    )  # fmt: skip
    st.button(
        "Search its lines", key="anomaly-search", icon=":material/search:", type="tertiary",
        on_click=_search, args=(anomaly.pattern.query,),
    )  # fmt: skip
