"""A backtest as a chart: the greatest values, the thresholds, and when alerts would be open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st
from pydantic import ValidationError

from dashboard import markup, session
from dashboard.configuration import CliResult
from dashboard.readings_chart import lines_of
from dashboard.table import moments, table
from sentinel.printable import counted
from sentinel.rules.condition import When

__all__ = ["show_backtest", "thinned"]

MOST_POINTS = 480
COLOURS = {"light": ("#3451d1", "#c4261b"), "dark": ("#8fa8ff", "#ff6b5e")}


def thinned(points: Sequence[tuple[str, float | None]]) -> list[tuple[str, float]]:
    """Return at most about `MOST_POINTS` points, with the lowest and highest of each piece.

    Args:
        points: moment and value, oldest first; None where nothing was seen

    Returns:
        Points in the same order.
    """
    known = [(at, value) for at, value in points if value is not None]
    if len(known) <= MOST_POINTS:
        return known
    pieces, kept = MOST_POINTS // 2, list[tuple[str, float]]()
    for number in range(pieces):
        piece = known[number * len(known) // pieces : (number + 1) * len(known) // pieces]
        low, high = min(piece, key=lambda one: one[1]), max(piece, key=lambda one: one[1])
        kept += sorted({low, high})
    return kept


def show_backtest(answer: CliResult, when: Mapping[str, Any] | None) -> None:
    """Show a backtest.

    Args:
        answer: of `BacktestRule`
        when: the rule's condition, for its thresholds; None for the check's own
    """
    if answer.problem:
        st.html(markup.note("warn", "It could not be replayed.", answer.problem))
        return
    found: dict[str, Any] = answer.output
    alerts: list[dict[str, Any]] = found["alerts"]
    messages = len(found["messages"])
    said = (
        f"{counted(found['evaluations'], 'evaluation')} of {found['series']:,} series: "
        f"{counted(len(alerts), 'alert')} would have opened and "
        f"{counted(messages, 'message')} would have been sent."
    )
    st.html(f'<p class="small" role="status">{said}</p>')
    _chart(found, alerts, when, said)
    if alerts:
        _alerts(alerts)
    for note in found["notes"]:
        st.html(f'<p class="small">{escape(note)}</p>')


def _chart(
    found: Mapping[str, Any], alerts: Sequence[Mapping[str, Any]], when: Mapping[str, Any] | None,
    said: str,
) -> None:  # fmt: skip
    points = thinned(found["peaks"])
    if not points:
        return
    line, bad = COLOURS["dark" if st.context.theme.type == "dark" else "light"]
    at = alt.X("at:T", title=None, scale=alt.Scale(domain=[found["since"], found["until"]]))
    layers: list[Any] = []
    spells = [
        {"at": spell["opened"], "until": spell["ended"] or found["until"], "alert": one["title"]}
        for one in alerts
        for spell in one["spells"]
    ]
    if spells:
        layers.append(
            alt.Chart(pd.DataFrame(spells)).mark_rect(color=bad, opacity=0.18)
            .encode(x=at, x2="until:T", tooltip=["alert:N"])
        )  # fmt: skip
    layers.append(
        alt.Chart(pd.DataFrame(points, columns=["at", "value"]))
        .mark_line(color=line, strokeWidth=1.5)
        .encode(x=at, y=alt.Y("value:Q", title=None, scale=alt.Scale(zero=False)))
    )  # fmt: skip
    thresholds = [{"value": one.at, "name": one.name} for one in lines_of(_condition(when))]
    if thresholds:
        layers.append(
            alt.Chart(pd.DataFrame(thresholds)).mark_rule(color=bad, strokeDash=[4, 3])
            .encode(y="value:Q", tooltip=["name:N"])
        )  # fmt: skip
    st.altair_chart(alt.layer(*layers).properties(height=220), alt=said)


def _condition(when: Mapping[str, Any] | None) -> When | None:
    try:
        return When.model_validate(when) if when else None
    except ValidationError:
        return None


def _alerts(alerts: Sequence[Mapping[str, Any]]) -> None:
    clock = session.clock()
    table(
        pd.DataFrame(
            [
                {
                    "Opened": clock.local(datetime.fromisoformat(one["spells"][0]["opened"])),
                    "Severity": one["severity"],
                    "Alert": one["title"],
                    "Occurrences": len(one["spells"]),
                    "Ended": one["spells"][-1]["reason_text"] or "still open",
                }
                for one in alerts[:100]
            ]
        ),
        row_height=30,
        most=260,
        column_config={"Opened": moments()},
        alt="Alerts that the rule would have opened",
    )
