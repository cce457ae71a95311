"""The live page: what is wrong now, what needs somebody first, and doing something about it."""

from __future__ import annotations

from typing import Any

import msgspec
import streamlit as st

from dashboard import serializers, session
from dashboard.blotter import widget
from dashboard.live_filter import View
from dashboard.saved_views import ASKED, KEPT

STATES = ("view", "wanted", "commands")
TURN = "live-turn"
"""Counts the views that were asked for by name; the browser follows each once."""


def _view(said: dict[str, Any]) -> View:
    """What was asked for by name, what the browser asks for, the address, or what was before."""
    if (asked := st.session_state.pop(ASKED, None)) is not None:
        st.session_state[TURN] = int(st.session_state.get(TURN, 0)) + 1
        view = asked
    elif isinstance(said.get("view"), dict):
        view = View.read(said["view"])
    else:
        view = View.read(st.query_params.to_dict())
        if view == View():
            view = st.session_state.get(KEPT, view)
    st.session_state[KEPT] = view
    wanted = view.parameters()
    for name in View.__struct_fields__:
        if name in wanted:
            if st.query_params.get(name) != wanted[name]:
                st.query_params[name] = wanted[name]
        elif name in st.query_params:
            del st.query_params[name]
    return view


@st.fragment(key="blotter-part")
def live() -> None:
    """The table as the page begins with it; what is new comes through the door.

    It runs again when somebody looks in another way, which the address then says, and does what
    the browser could not hand in at the door.
    """
    said: dict[str, Any] = st.session_state.get("blotter") or {}
    me = session.actor()
    # What was asked for is done first, so that what is shown has it.
    answers = session.desk().carry_out(session.handed_in(said), me)
    view = _view(said)
    shown, rows, fault = session.sheets().read(view, me)
    told = serializers.head(shown, view, me) | {
        "number": shown.number,
        "answers": answers,
        "fault": fault,
        "turn": int(st.session_state.get(TURN, 0)),
        "door": session.door(),
    }
    widget("blotter", serializers.joined(msgspec.json.encode(told), rows), *STATES)


live()
