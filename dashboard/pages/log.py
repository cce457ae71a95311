"""The system log: what Sentinel itself did, and what failed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from html import escape
from typing import Any, cast

import pandas as pd
import streamlit as st

from dashboard import markup, session
from dashboard.clock import Clock
from dashboard.page_addresses import SEARCH
from dashboard.serializers import payload_fields
from dashboard.table import moments, table
from sentinel.errors import SentinelError
from sentinel.schema.notifications import SystemLog

LEVELS = ["info", "warning", "error"]
# White or black text is chosen by Streamlit; both stand out on these.
COLOURS = ["#667085", "#a87414", "#c4261b"]
ROWS = 100
CHOSEN = "log-chosen"
"""Where a session keeps the id of the entry that is shown whole."""


def _details(details: Mapping[str, Any]) -> str:
    """Return the details as `name: value` pairs; who did it has a column of its own."""
    flat = {
        name: ", ".join(map(str, cast("list[object]", one))) if isinstance(one, list) else one
        for name, one in details.items()
    }
    pairs = (pair for pair in payload_fields(flat) if pair[0] != "actor" and pair[1])
    return " · ".join(f"{name}: {text}" for name, text in pairs)


def _choose(key: str, ids: list[str]) -> None:
    """Take the row that was selected in the table of this key as the entry to read."""
    selection = st.session_state[key]["selection"]
    rows = [*selection["rows"], *(row for row, _ in selection.get("cells", []))]
    st.session_state[CHOSEN] = ids[rows[0]] if rows and rows[0] < len(ids) else ""


def _entry(entry: SystemLog, clock: Clock) -> None:
    """Show one entry whole: its message, and its details as a table."""
    fields = [("Time", clock.moment(entry.at)), *payload_fields(entry.details)]
    rows = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(clock.localized(text))}</dd>" for name, text in fields
    )
    st.html(
        f'<h2 class="section">{escape(entry.what)}</h2>'
        f"<p>{escape(clock.localized(entry.message))}</p>"
        f'<dl class="meanings">{rows}</dl>'
    )


def _more() -> None:
    st.session_state["log-rows"] = int(st.session_state.get("log-rows", ROWS)) + ROWS


def _fewer() -> None:
    st.session_state["log-rows"] = ROWS


@st.fragment(run_every=10, key="log-part")
def log() -> None:
    """Show the log; this part refreshes by itself."""
    st.html(markup.page_head("System log"))
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        words = st.text_input(
            "Search", key=SEARCH, icon=":material/search:", bind="query-params",
            placeholder="Words in the message, or an event: rule.switched",
            label_visibility="collapsed", on_change=_fewer,
        )  # fmt: skip
        levels = st.pills(
            "Level", LEVELS, selection_mode="multi", key="levels", bind="query-params",
            label_visibility="collapsed", on_change=_fewer,
        )  # fmt: skip
    rows = int(st.session_state.get("log-rows", ROWS))
    try:
        found = session.reports().log(session.scope(), words or "", levels or [], limit=rows + 1)
    except SentinelError as error:
        st.html(markup.database_down(error))
        return
    if not found:
        st.html(
            '<div class="empty"><h2>No log entries</h2><p>Sentinel logs here when it starts, '
            "rules are deployed, enabled or disabled, channels and receivers change, deliveries "
            "fail, or one service takes over for another.</p></div>"
        )
        return
    clock = session.clock()
    rows_shown: list[dict[str, Any]] = [
        {
            "Time": clock.local(one.at),
            "Level": [one.level],
            "Event": one.what,
            "Message": clock.localized(one.message),
            "Actor": str(one.details.get("actor") or ""),
            "Details": clock.localized(_details(one.details)),
        }
        for one in found[:rows]
    ]
    ids = [one.id for one in found[:rows]]
    chosen = str(st.session_state.get(CHOSEN, ""))
    place = ids.index(chosen) if chosen in ids else None
    # Streamlit keeps selections by position: other entries need another key.
    key = f"log-{ids[0]}-{len(ids)}"
    table(
        pd.DataFrame(rows_shown),
        key=key,
        row_height=34,
        on_select=partial(_choose, key, ids),
        selection_mode="single-row",
        selection_default={"selection": {"rows": [] if place is None else [place]}},
        most=700 if place is None else 420,
        column_config={
            "Time": moments(),
            "Level": st.column_config.MultiselectColumn(options=LEVELS, color=COLOURS, width=88),
            "Event": st.column_config.TextColumn(width=150),
            "Message": st.column_config.TextColumn(width="large"),
            "Actor": st.column_config.TextColumn(width=90),
            "Details": st.column_config.TextColumn(width="large"),
        },
        alt="Log entries, newest first; select a row to read it whole",
    )
    if place is not None:
        _entry(found[place], clock)
    else:
        st.html('<p class="small">Select an entry to read it whole.</p>')
    if len(found) > rows:
        st.button("Show older", key="log-older", icon=":material/expand_more:", on_click=_more)


log()
