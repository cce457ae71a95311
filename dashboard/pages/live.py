"""The live page: the alerts that are not resolved, the most urgent first, and acting on them."""

from __future__ import annotations

from typing import Any

import msgspec
import streamlit as st

from dashboard import serializers, session
from dashboard.blotter import widget
from dashboard.live_filter import View
from dashboard.saved_views import LAST_VIEW, REQUESTED_VIEW

STATES = ("view", "wanted", "commands")
TURN = "live-turn"
"""Counts the saved views that were opened; the browser follows each once."""


def _view(states: dict[str, Any]) -> View:
    """Return the saved view that was opened, else the browser's, the address's, or the last one."""
    if (asked := st.session_state.pop(REQUESTED_VIEW, None)) is not None:
        st.session_state[TURN] = int(st.session_state.get(TURN, 0)) + 1
        view = asked
    elif isinstance(states.get("view"), dict):
        view = View.read(states["view"])
    else:
        view = View.read(st.query_params.to_dict())
        if view == View():
            view = st.session_state.get(LAST_VIEW, view)
    st.session_state[LAST_VIEW] = view
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
    """Show the table as the page begins with it; changes come from the live API.

    It runs again when somebody changes the view, which the address then has, and carries out
    commands that the browser could not send to the live API.
    """
    states: dict[str, Any] = st.session_state.get("blotter") or {}
    me = session.actor()
    # Commands are carried out first, so that the rows show their result.
    answers = session.run_widget_commands(states)
    view = _view(states)
    shown, rows, fault = session.responses().read(view, me, session.scope())
    given = serializers.head(shown, view, me) | {
        "number": shown.number,
        "answers": answers,
        "fault": fault,
        "turn": int(st.session_state.get(TURN, 0)),
        "live_api": session.live_api(),
    }
    widget("blotter", serializers.joined(msgspec.json.encode(given), rows), *STATES)


live()
