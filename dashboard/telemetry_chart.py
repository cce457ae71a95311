"""Charts of the pages about telemetry: log lines over time by level."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from dashboard import session
from dashboard.telemetry_panel import set_range
from dashboard.telemetry_query import LEVEL_COLOURS, LEVELS
from sentinel.printable import counted
from sentinel.telemetry.answers import Part
from sentinel.telemetry.asked import Asked

__all__ = ["BUCKETS", "histogram", "selected_range", "time_axis"]

BUCKETS = 60
"""Most bars."""
BRUSH = "range"


def selected_range(selection: Mapping[str, Any]) -> tuple[datetime, datetime] | None:
    """Return the time range that was drawn on a chart.

    Args:
        selection: as Streamlit gives it

    Returns:
        Beginning and end; None where nothing is drawn, or less than a millisecond.
    """
    found = selection.get(BRUSH, {}).get("at")
    if not found or len(found) != 2 or abs(found[1] - found[0]) < 1:
        return None
    first, last = sorted(found)
    return (
        datetime.fromtimestamp(first / 1000, tz=UTC),
        datetime.fromtimestamp(last / 1000, tz=UTC),
    )


def _narrow(key: str) -> None:
    drawn = selected_range(st.session_state[key]["selection"])
    if drawn is not None:
        set_range(*drawn)


def histogram(parts: Sequence[Part], searched: Asked) -> None:
    """Show log lines over time; drawing on it chooses the time range.

    Args:
        parts: of the time range, those with lines
        searched: what was looked for
    """
    scheme = "dark" if st.context.theme.type == "dark" else "light"
    colours: dict[str, str] = dict(zip(LEVELS, LEVEL_COLOURS[scheme], strict=True))
    shown = [level for level in LEVELS if any(level in one.counts for one in parts)]
    legend = "".join(
        f'<li><i style="background:{colours[level]}"></i>{level}</li>' for level in shown
    )
    st.html(
        '<div class="chart-head"><h2 class="section">Lines by level</h2>'
        f'<ul class="legend">{legend}</ul></div>'
    )
    clock = session.clock()
    width = timedelta(microseconds=max(1, (searched.until - searched.since) // BUCKETS // 1000))
    rows: list[dict[str, Any]] = []
    for part in parts:
        at = datetime.fromisoformat(part.start[:26] + "+00:00")
        for level, count in part.counts.items():
            rows.append(
                {
                    "at": at, "until": at + width * 0.9, "level": level, "lines": count,
                    "order": LEVELS.index(level) if level in LEVELS else len(LEVELS),
                    "from": clock.moment(at),
                }
            )  # fmt: skip
    key = f"histogram-{searched.since}-{searched.until}"
    chart = (
        alt.Chart(pd.DataFrame(rows))
        .mark_bar(clip=True)
        .encode(
            x=time_axis(searched.since, searched.until),
            x2="until:T",
            y=alt.Y("sum(lines):Q", title=None, axis=alt.Axis(tickMinStep=1, tickCount=4)),
            color=alt.Color("level:N", legend=None,
                            scale=alt.Scale(domain=shown, range=[colours[one] for one in shown])),
            order=alt.Order("order:Q", sort="descending"),
            tooltip=["from:N", "level:N", alt.Tooltip("lines:Q")],
        )
        .add_params(alt.selection_interval(name=BRUSH, encodings=["x"]))
        # As SVG, Vega gives the brush the role of a picture and no name; `alt` names a canvas.
        .properties(height=130, usermeta={"embedOptions": {"renderer": "canvas"}})
    )  # fmt: skip
    total = sum(row["lines"] for row in rows)
    st.altair_chart(
        chart, key=key, on_select=lambda: _narrow(key), selection_mode=BRUSH,
        alt=f"{counted(total, 'line')} over time, by level; drag over it to choose a time range",
    )  # fmt: skip


def time_axis(since: int, until: int) -> Any:
    """Return the axis of a period by the viewer's clock, for the column `at`.

    Args:
        since: its beginning, in nanoseconds since 1970
        until: its end

    Returns:
        What `encode` takes as `x`.
    """
    clock = session.clock()
    long = until - since > 2 * 86_400 * 10**9
    ends = [datetime.fromtimestamp(one / 1e9, tz=UTC) for one in (since, until)]
    ticks = [ends[0] + (ends[1] - ends[0]) * n / 6 for n in range(7)]
    named = {int(at.timestamp() * 1000): (clock.brief if long else clock.hour)(at) for at in ticks}
    return alt.X(
        "at:T", title=None,
        axis=alt.Axis(values=_dates(named), grid=False, aria=False, labelOverlap=True,
                      labelExpr=f"({_json(named)})[time(datum.value)] || ''"),
        scale=alt.Scale(domainMin=ends[0], domainMax=ends[1]),
    )  # fmt: skip


def _json(names: Mapping[int, str]) -> str:
    return json.dumps({str(at): words for at, words in names.items()})


def _dates(moments: Mapping[int, str]) -> list[Any]:
    """Return moments as Vega's dates, since numbers would be places of another scale."""
    found = [datetime.fromtimestamp(at / 1000, tz=UTC) for at in moments]
    return [
        alt.DateTime(
            year=at.year, month=at.month, date=at.day, hours=at.hour, minutes=at.minute,
            seconds=at.second, milliseconds=at.microsecond // 1000, utc=True,
        )
        for at in found
    ]  # fmt: skip
