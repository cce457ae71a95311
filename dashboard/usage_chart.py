"""Charts of API usage over time: requests a second by outcome, and percentiles of the latency."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from dashboard import session
from dashboard.telemetry_chart import time_axis
from sentinel.api_usage.answers import UsageFound, UsagePart
from sentinel.printable import counted
from sentinel.telemetry.asked import Asked

__all__ = ["latency_chart", "outcomes_chart"]

OUTCOMES: Mapping[str, Callable[[UsagePart], int]] = {
    "errors": lambda one: one.errors,
    "client errors": lambda one: one.client_errors,
    "answered": lambda one: one.requests - one.errors - one.client_errors,
}
PERCENTILES: Mapping[str, Callable[[UsagePart], float]] = {
    "P99": lambda one: one.p99_ms, "P95": lambda one: one.p95_ms, "P50": lambda one: one.p50_ms,
}  # fmt: skip
COLOURS = {
    "light": ("#c4261b", "#c9962c", "#2b6cb0"), "dark": ("#ff6b5e", "#f2c14e", "#63a4ff"),
}  # fmt: skip
"""Of both charts, the first series first; a chart cannot read CSS."""


def outcomes_chart(found: UsageFound, asked: Asked) -> None:
    """Show requests a second, by outcome."""
    length = max(found.part_seconds, 1e-9)
    rows = [
        {**row, "value": of(part) / length}
        for name, of in OUTCOMES.items()
        for part, row in _rows(found.parts, name, length)
    ]
    _chart(
        "Requests a second", rows, tuple(OUTCOMES), asked, "requests",
        f"{counted(found.total.requests, 'request')} over time, by outcome",
    )  # fmt: skip


def latency_chart(found: UsageFound, asked: Asked) -> None:
    """Show percentiles of the latency in milliseconds."""
    rows = [
        {**row, "value": of(part)}
        for name, of in PERCENTILES.items()
        for part, row in _rows(found.parts, name, found.part_seconds)
        if part.requests
    ]
    _chart(
        "Latency in milliseconds", rows, tuple(PERCENTILES), asked, "latency",
        f"Latency over time; P95 of all is {found.total.p95_ms:,.1f} ms",
    )  # fmt: skip


def _rows(
    parts: Sequence[UsagePart], name: str, seconds: float
) -> list[tuple[UsagePart, dict[str, Any]]]:
    clock, made = session.clock(), list[tuple[UsagePart, dict[str, Any]]]()
    for part in parts:
        at = datetime.fromisoformat(part.start[:26] + "+00:00")
        until = at + timedelta(seconds=seconds * 0.9)
        made.append((part, {"at": at, "until": until, "series": name, "from": clock.moment(at)}))
    return made


def _chart(
    title: str, rows: Sequence[Mapping[str, Any]], names: Sequence[str], asked: Asked, kind: str,
    alt_text: str,
) -> None:  # fmt: skip
    scheme = "dark" if st.context.theme.type == "dark" else "light"
    colours = dict(zip(names, COLOURS[scheme], strict=True))
    legend = "".join(
        f'<li><i style="background:{colour}"></i>{name}</li>' for name, colour in colours.items()
    )
    st.html(
        f'<div class="chart-head"><h2 class="section">{title}</h2>'
        f'<ul class="legend">{legend}</ul></div>'
    )
    columns = ["at", "until", "series", "from", "value"]
    base = alt.Chart(pd.DataFrame(rows, columns=columns))
    is_latency = kind == "latency"
    drawn = base.mark_line(clip=True, point=True) if is_latency else base.mark_bar(clip=True)
    stacked: Any = {} if is_latency else {"x2": "until:T"}
    chart = drawn.encode(
        x=time_axis(asked.since, asked.until),
        y=alt.Y("value:Q", title=None, stack=None if is_latency else "zero",
                axis=alt.Axis(tickCount=4)),
        color=alt.Color("series:N", legend=None,
                        scale=alt.Scale(domain=list(names), range=list(colours.values()))),
        tooltip=["from:N", "series:N", alt.Tooltip("value:Q", format=",.2f")],
        **stacked,
    ).properties(height=140, usermeta={"embedOptions": {"renderer": "canvas"}})  # fmt: skip
    st.altair_chart(chart, key=f"usage-{kind}-{asked.since}-{asked.until}", alt=alt_text)
