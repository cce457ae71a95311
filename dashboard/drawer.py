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
    """The drawer: open where the address or somebody on the page asks for an alert.

    It has no clock of its own: the heart-beat wakes it in the browser when something changed.
    """
    said: dict[str, Any] = st.session_state.get("drawer") or {}
    answers = session.desk().carry_out(session.handed_in(said), session.actor())
    asked = said.get("open")
    if (here := st.session_state.pop(session.ASKED, None)) is not None:
        # Asked for by a page and not by the widget, which is told to follow.
        st.session_state[TURN] = int(st.session_state.get(TURN, 0)) + 1
        asked = here
    if asked is None:
        asked = st.query_params.get(session.ALERT, "")
    elif asked:
        st.query_params[session.ALERT] = asked
    else:
        st.query_params.pop(session.ALERT, None)
    told: dict[str, Any] = {
        "id": asked,
        "turn": int(st.session_state.get(TURN, 0)),
        "me": session.actor(),
        "number": 0,
        "answers": [serializers.builtin(answer) for answer in answers],
        "problem": "",
        "alert": None,
        "door": session.door(),
    }
    if asked:
        told |= session.sheets().alert(str(asked))
    widget("drawer", told, *STATES)
