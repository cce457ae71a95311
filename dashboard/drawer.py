"""One alert with everything that happened to it, in a drawer over any page: `?alert=<id>`."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboard import serializers, session
from dashboard.blotter import widget

__all__ = ["show"]

STATES = ("open", "wanted", "commands")
TURN = "drawer-turn"


@st.fragment(key="drawer")
def show() -> None:
    """Show the drawer, open where the address or the page asks for an alert.

    It has no timer of its own: the heart-beat wakes it in the browser when something changed.
    """
    states: dict[str, Any] = st.session_state.get("drawer") or {}
    answers = session.run_widget_commands(states)
    asked = states.get("open")
    if (here := st.session_state.pop(session.REQUESTED_ALERT, None)) is not None:
        # Requested by a page and not by the widget, which has to follow.
        st.session_state[TURN] = int(st.session_state.get(TURN, 0)) + 1
        asked = here
    if asked is None:
        asked = st.query_params.get(session.ALERT, "")
    elif asked:
        st.query_params[session.ALERT] = asked
    else:
        st.query_params.pop(session.ALERT, None)
    given: dict[str, Any] = {
        "id": asked,
        "turn": int(st.session_state.get(TURN, 0)),
        "me": session.actor(),
        "number": 0,
        "answers": [serializers.builtins(answer) for answer in answers],
        "problem": "",
        "alert": None,
        "live_api": session.live_api(),
    }
    if asked:
        given |= session.responses().alert(str(asked), session.scope())
    widget("drawer", given, *STATES)
