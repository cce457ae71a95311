"""Live tail: log lines as they arrive, until somebody pauses it."""

from __future__ import annotations

from functools import partial
from html import escape

import msgspec
import streamlit as st

from dashboard import session
from dashboard.log_lines import lines_table
from dashboard.telemetry_panel import Search, problem, reader
from sentinel.errors import SentinelError
from sentinel.printable import counted
from sentinel.telemetry.answers import LogLineView
from sentinel.telemetry.asked import Asked, nanoseconds_of

__all__ = ["MOST_LINES", "tail", "with_new"]

MOST_LINES = 500
"""Lines that stay on the page."""
MOST_NEW = 200
"""Lines that one look adds."""
EVERY = 2
"""Seconds between two searches."""
SHOWN = "tail-shown"
PAUSED = "tail-paused"


def with_new(shown: list[LogLineView], new: list[LogLineView]) -> list[LogLineView]:
    """Return the lines to show, newest first.

    Args:
        shown: newest first
        new: oldest first, as the tail has them; lines that are shown already are left out

    Returns:
        At most `MOST_LINES`.
    """
    known = {one.id for one in shown}
    return [*(one for one in reversed(new) if one.id not in known), *shown][:MOST_LINES]


def tail(found: Asked, tenant: str) -> None:
    """Show lines as they arrive.

    Args:
        found: what is looked for; its beginning is where the tail begins
        tenant: whose lines
    """
    question = (tenant, found.query, found.since)
    known = st.session_state.get(SHOWN)
    if known is None or known[0] != question:
        st.session_state[SHOWN] = (question, [], None, 0)
    paused = bool(st.session_state.get(PAUSED))

    @st.fragment(run_every=None if paused else EVERY)
    def part() -> None:
        lines = st.session_state[SHOWN][1] if paused else _look(found, tenant)
        words = "Paused" if paused else f"Searches every {EVERY} s"
        many = counted(len(lines), "line")
        st.html(f'<p class="small" role="status">{words} · {many} shown</p>')
        if lines:
            lines_table(lines, found.query)
        else:
            st.html(f'<p class="small">No line matches {escape(found.query)} yet.</p>')

    st.button(
        "Resume" if paused else "Pause", key="tail-pause",
        icon=":material/play_arrow:" if paused else ":material/pause:",
        on_click=_set_paused, args=(not paused,),
    )  # fmt: skip
    part()


def _set_paused(paused: bool) -> None:
    st.session_state[PAUSED] = paused


def _look(found: Asked, tenant: str) -> list[LogLineView]:
    """Return the lines with those that arrived; what is shown stays while the store is away."""
    question, lines, cursor, number = st.session_state[SHOWN]
    now = nanoseconds_of(session.data().now())
    until_now = msgspec.structs.replace(found, until=max(now, found.since + 1))
    search = Search(tenant)
    try:
        answers = reader().logs(session.scope(), tenant)
    except SentinelError as error:
        problem(error)
        return lines
    # Each look has a number of its own, and the next one begins when this one has an answer.
    search.begin(
        "tail", (question, cursor, number), partial(answers.tail, until_now, MOST_NEW, cursor)
    )
    outcome = search.outcome("tail")
    if outcome.problem is not None:
        problem(outcome.problem)
    if outcome.value is None:
        return lines
    shown = with_new(lines, outcome.value.lines)
    st.session_state[SHOWN] = (question, shown, outcome.value.next_cursor, number + 1)
    return shown
