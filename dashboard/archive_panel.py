"""Archived alerts below the history: those that retention moved out of the database."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from dashboard import markup, session
from dashboard.history_query import HistoryQuery
from dashboard.table import moments, table
from sentinel.errors import SentinelError

__all__ = ["archive_panel"]


def archive_panel(query: HistoryQuery) -> None:
    """Offer to search the archive, and show what it has; nothing where there is no archive.

    Args:
        query: the search of the page; its words and its period, by when alerts were resolved, count
    """
    if not session.reports().has_archive:
        return
    on = st.toggle(
        "Search the archive", key="archived",
        help="Alerts that retention moved out of the database; read from files, for some seconds",
    )  # fmt: skip
    if not on:
        return
    try:
        found = session.reports().archived(session.scope(), query)
    except SentinelError as error:
        st.html(markup.note("warn", error.message, error.hint))
        return
    if found.unreadable:
        st.html(
            markup.note(
                "warn", f"Files that cannot be read, and are left out: {len(found.unreadable)}",
                f"{found.unreadable[0]}. See all: sentinel archive verify",
            )
        )  # fmt: skip
    if not found.items:
        st.html(markup.note("info", "No archived alert matches.", ""))
        return
    clock = session.clock()
    rows: list[dict[str, Any]] = [
        {
            "Severity": one["severity"],
            "Alert": one["title"] or one["rule"],
            "Resolved": clock.local(one["resolved_at"]),
            "Rule": one["rule"],
            "Labels": ", ".join(f"{name}={text}" for name, text in one["labels"].items()),
            "Id": one["id"],
        }
        for one in found.items
    ]
    table(
        pd.DataFrame(rows), key=f"archived-{rows[0]['Id']}-{len(rows)}", most=400, row_height=31,
        column_config={"Resolved": moments()},
        alt="Archived alerts that match, one per row",
    )  # fmt: skip
    cut = "" if found.unread_until is None else (
        f" Not read for want of time: what was resolved by {clock.moment(found.unread_until)}."
    )  # fmt: skip
    more = " More match: choose a shorter period." if found.more else ""
    st.caption(f"{len(rows)} archived alerts. Restore: sentinel archive restore ID.{more}{cut}")
