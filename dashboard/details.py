"""One alert with everything that happened to it, in a drawer at the right."""

from __future__ import annotations

import streamlit as st

from dashboard import markup, session
from sentinel.errors import SentinelError
from sentinel.lifecycle import Acknowledge, Comment, Resolve, Unacknowledge

__all__ = ["show"]

EVERY = 5.0


def _do(
    alert_id: str, kind: type[Acknowledge | Comment | Resolve | Unacknowledge], done: str
) -> None:
    comment = str(st.session_state.get("details-comment", "")).strip()
    session.act([alert_id], kind(actor=session.actor(), comment=comment), done)
    st.session_state["details-comment"] = ""


@st.fragment(run_every=EVERY, key="details")
def show(alert_id: str) -> None:
    """The alert of this id, or a sentence that says why there is none."""
    session.say()
    with st.container(key="drawer"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.html('<div class="head">Alert</div>', width="stretch")
            closed = st.button(
                "Close", key="close", icon=":material/close:", type="tertiary", shortcut="Esc"
            )
        _inside(alert_id)
    if closed:
        st.query_params.pop(session.ALERT, None)
        st.rerun()


def _inside(alert_id: str) -> None:
    try:
        shown = session.data().details(alert_id)
    except SentinelError as error:
        st.html(markup.note("warn", error.message, error.hint))
        return
    addresses = session.data().addresses
    st.html(markup.details(shown, addresses))
    alert = shown.alert
    st.text_area(
        "Comment",
        key="details-comment",
        placeholder="Comment: optional, kept in the timeline",
        label_visibility="collapsed",
        max_chars=2000,
        height=68,
        on_change="ignore",
    )
    with st.container(horizontal=True, gap="small"):
        over = alert.status in ("resolved", "pending")
        if alert.acknowledged_at is None and not over:
            st.button(
                "Acknowledge",
                type="primary",
                icon=":material/check:",
                key="details-acknowledge",
                on_click=_do,
                args=(alert.id, Acknowledge, "acknowledged"),
            )
        elif not over:
            st.button(
                "Take back",
                icon=":material/undo:",
                key="details-unacknowledge",
                help="Nobody has it any more: it may be told and escalated again",
                on_click=_do,
                args=(alert.id, Unacknowledge, "taken back"),
            )
        if not over:
            st.button(
                "Resolve",
                icon=":material/task_alt:",
                key="details-resolve",
                on_click=_do,
                args=(alert.id, Resolve, "resolved"),
            )
        st.button(
            "Comment",
            icon=":material/chat:",
            key="details-add",
            disabled=alert.status == "pending",
            on_click=_do,
            args=(alert.id, Comment, "commented"),
        )
    st.html('<h3 class="section">Timeline</h3>')
    st.html(markup.timeline(shown.timeline, shown.at, addresses))
