"""The inbox: what was told through the embedded channel, newest first."""

from __future__ import annotations

from typing import Any, cast
from zoneinfo import ZoneInfo

import streamlit as st

from dashboard import markup, session
from dashboard.data import MOST_ROWS
from dashboard.view_models import InboxView
from sentinel.errors import SentinelError
from sentinel.schema.notifications import InboxMessage

EVERY = 5.0
MOST_SHOWN = 500


def _read(ids: list[str] | None) -> None:
    try:
        session.registry().mark_read(ids)
    except SentinelError as error:
        session.tell(f"Nothing was done: {error}", "error")


def _more() -> None:
    shown = int(st.session_state.get("inbox-shown", MOST_ROWS))
    st.session_state["inbox-shown"] = min(shown + MOST_ROWS, MOST_SHOWN)


def _alerts(message: InboxMessage) -> list[dict[str, Any]]:
    """The alerts that a message names, worst first."""
    return cast("list[dict[str, Any]]", message.body.get("alerts") or [])


def _text(message: InboxMessage) -> str:
    """What the message is about, in a line."""
    titles = [str(alert.get("title", "")) for alert in _alerts(message)]
    # The title of a message about one alert is the alert's.
    named = [title for title in titles if title and title not in message.title]
    parts = [", ".join(named[:3])] if named else []
    firing, resolved = message.body.get("firing", 0), message.body.get("resolved", 0)
    if len(titles) > 1:
        parts.append(f"{firing} firing, {resolved} resolved")
    if receiver := message.body.get("receiver"):
        parts.append(f"to {receiver}")
    return " · ".join(parts)


def _message(message: InboxMessage, view: InboxView) -> str | None:
    """One message; gives the alert whose details were asked for."""
    unread = message.read_at is None
    alerts = _alerts(message)
    asked: str | None = None
    with st.container(
        key=f"row-{message.id}", horizontal=True, gap="small", vertical_alignment="center"
    ):
        if alerts and st.button("Details", key=f"open-{message.id}", type="tertiary"):
            asked = str(alerts[0].get("id", "")) or None
        st.html(
            markup.message(
                title=message.title,
                status=message.status,
                rank=message.severity,
                at=message.at,
                unread=unread,
                text=_text(message),
                now=view.at,
                zone=ZoneInfo(session.zone()),
            ),
            width="stretch",
        )
        if unread:
            st.button(
                "Mark read",
                key=f"read-{message.id}",
                icon=":material/done:",
                on_click=_read,
                args=([message.id],),
            )
    return asked


EMPTY = (
    '<div class="empty"><h2>No messages yet</h2>'
    "<p>When alerts open or resolve, the receiver <code>default</code> is told here, "
    "until you give it other channels.</p>"
    "<p>Nothing arrives although alerts are open? <code>sentinel doctor</code></p></div>"
)


@st.fragment(run_every=EVERY, key="messages")
def messages() -> None:
    """What refreshes by itself."""
    session.say()
    shown = int(st.session_state.get("inbox-shown", MOST_ROWS))
    view = session.data().inbox(limit=shown)
    with st.container(horizontal=True, vertical_alignment="center"):
        told = f"{markup.capped(view.unread)} unread" if view.unread else "all read"
        st.html(
            f'<div class="page-head"><h1>Inbox</h1><span class="fresh-count">{told}</span></div>',
            width="stretch",
        )
        if view.unread:
            with st.popover("Mark all read", key="read-all", icon=":material/done_all:"):
                st.html(
                    f'<p class="small">All {markup.capped(view.unread)} count as read, for '
                    "everybody who looks here. That cannot be undone.</p>"
                )
                st.button(
                    "Yes, all of them",
                    key="read-them",
                    type="primary",
                    on_click=_read,
                    args=(None,),
                )
    if view.problem:
        st.html(markup.note("down", "The database cannot be used.", view.problem))
        return
    if not view.messages:
        st.html(EMPTY)
        return
    asked: str | None = None
    with st.container(key="rows", gap=None):
        for message in view.messages:
            asked = _message(message, view) or asked
    if view.more and shown < MOST_SHOWN:
        st.button("Show older", key="older", icon=":material/expand_more:", on_click=_more)
    if asked is not None:
        session.show_alert(asked)


messages()
