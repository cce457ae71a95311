"""What a check of a rule that is tried saw just now, and how the rule judges it."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from dashboard import markup
from dashboard.table import table
from sentinel.printable import counted

if TYPE_CHECKING:
    from dashboard.configuration import CliResult

__all__ = ["show_trial"]

MOST_SHOWN = 200


def show_trial(answer: CliResult) -> None:
    """Show what a check saw just now, and how the rule judges it.

    Args:
        answer: of `TryRule`
    """
    seen: dict[str, Any] = answer.output
    if answer.problem:
        st.html(markup.note("warn", "It could not be tried.", answer.problem))
        return
    readings: list[dict[str, Any]] = seen.get("readings") or []
    firing = [one for one in readings if one["verdict"] == "firing"]
    series = counted(len(readings), "series", "series")
    st.html(
        f'<p class="small" role="status">Evaluated in {seen["seconds"]:g} s: {series}, '
        f"{len(firing):,} firing. {escape(seen.get('note') or '')}</p>"
    )
    if seen.get("error"):
        st.html(markup.note("down", "The check failed.", str(seen["error"])))
    if not readings:
        return
    table(
        pd.DataFrame(
            [
                {
                    "Verdict": one["verdict"],
                    "Value": one["value"],
                    "Labels": ", ".join(f"{k}={v}" for k, v in one["labels"].items()),
                    "Severity": one["severity"],
                    "Title": one["title"],
                }
                for one in readings[:MOST_SHOWN]
            ]
        ),
        row_height=30,
        most=300,
        alt="Readings of the check just now, with the verdict of the rule",
    )
