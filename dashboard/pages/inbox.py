"""The inbox page: the messages of the built-in channel, newest first."""

from __future__ import annotations

import re
from typing import Any, cast

import streamlit as st

from dashboard import markup, session
from dashboard.configuration_commands import AcknowledgeGroup, MarkRead
from dashboard.data import MOST_ROWS
from dashboard.page_addresses import SEARCH
from dashboard.view_models import InboxView
from sentinel.access import Permission
from sentinel.errors import ConfigurationError, SentinelError
from sentinel.notifications.channel import NOTICE
from sentinel.printable import counted
from sentinel.schema.notifications import InboxMessage
from sentinel.severity import Severity
from sentinel.store.notifications.inbox import InboxFilter

REFRESH = 5.0
"""Seconds between two refreshes."""
MOST_SHOWN = 500
MOST_NOTICE = 500
"""Characters of the text of a notice."""
KINDS = ["unread", "firing", "acknowledged", "resolved"]
WORDS = [level.word for level in reversed(Severity)]
LEAD = re.compile(rf"\A(?:\[[^\]]*\]|(?:{'|'.join(WORDS)}):) ")
"""What a title begins with for channels that show nothing else."""


def _read(ids: list[str] | None) -> None:
    try:
        session.run(MarkRead(ids=ids))
    except SentinelError as error:
        session.queue_toast(f"Not marked as read: {error}", "error")


def _acknowledge(message: InboxMessage) -> None:
    try:
        changed = session.run(AcknowledgeGroup(group=message.group_id))
        session.run(MarkRead(ids=[message.id]))
    except SentinelError as error:
        session.queue_toast(f"Not acknowledged: {error}", "error")
        return
    alerts = counted(changed, "alert")
    session.queue_toast(f"Acknowledged {alerts}", "check")


def _wanted() -> InboxFilter:
    """Show the filters, and return what they select."""
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        words = st.text_input(
            "Search", key=SEARCH, icon=":material/search:", bind="query-params",
            placeholder="Words of the title", label_visibility="collapsed",
        )  # fmt: skip
        kinds = st.pills(
            "Status", KINDS, selection_mode="multi", key="inbox-kinds", bind="query-params",
            label_visibility="collapsed",
        )  # fmt: skip
        severities = st.pills(
            "Severity", WORDS, selection_mode="multi", key="inbox-severities",
            label_visibility="collapsed", bind="query-params",
        )  # fmt: skip
    chosen = list(kinds or [])
    return InboxFilter(
        words=words or "",
        unread="unread" in chosen,
        severities=tuple(severities or ()),
        statuses=tuple(one for one in chosen if one != "unread"),
    )


def _title(message: InboxMessage) -> str:
    """Return the title without the severity or status before it, which have badges of their own."""
    return LEAD.sub("", message.title, count=1) or message.title


def _more() -> None:
    shown = int(st.session_state.get("inbox-shown", MOST_ROWS))
    st.session_state["inbox-shown"] = min(shown + MOST_ROWS, MOST_SHOWN)


def _alerts(message: InboxMessage) -> list[dict[str, Any]]:
    """Return the alerts that a message names, severest first."""
    return cast("list[dict[str, Any]]", message.body.get("alerts") or [])


def _text(message: InboxMessage) -> str:
    """Return the message in a line."""
    if message.status == NOTICE:
        said = " · ".join(str(message.body.get("text", "")).splitlines())
        return said if len(said) <= MOST_NOTICE else said[: MOST_NOTICE - 1] + "…"
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
    """Show one message; return the alert whose details were requested."""
    unread = message.read_at is None
    alerts = _alerts(message)
    requested: str | None = None
    with st.container(
        key=f"row-{message.id}", horizontal=True, gap="small", vertical_alignment="center"
    ):
        if alerts and st.button("Details", key=f"open-{message.id}", type="tertiary"):
            requested = str(alerts[0].get("id", "")) or None
        st.html(
            markup.message(
                title=_title(message),
                status=message.status,
                rank=message.severity,
                at=message.at,
                unread=unread,
                text=_text(message),
                now=view.at,
                clock=session.clock(),
            ),
            width="stretch",
        )
        acts = session.may(Permission.RESPOND)
        if acts and message.status == "firing" and message.group_id in view.unacknowledged:
            st.button(
                "Acknowledge", key=f"ack-{message.id}", icon=":material/task_alt:",
                on_click=_acknowledge, args=(message,),
                help="Acknowledges the open alerts of its group",
            )  # fmt: skip
        if acts and unread:
            st.button(
                "Mark as read",
                key=f"read-{message.id}",
                icon=":material/done:",
                on_click=_read,
                args=([message.id],),
            )
    return requested


NO_MATCH = (
    '<div class="empty"><h2>No message matches</h2><p>Choose fewer words, or another status.</p>'
    "</div>"
)
EMPTY = (
    '<div class="empty"><h2>No messages yet</h2>'
    "<p>When alerts open or resolve, Sentinel notifies the receiver <code>default</code> here, "
    "until you give it other channels.</p>"
    "<p>Alerts are open and nothing arrives? Run <code>sentinel doctor</code></p></div>"
)


@st.fragment(run_every=REFRESH, key="messages")
def messages() -> None:
    """Show the messages; this part refreshes by itself."""
    session.show_toasts("inbox")
    head = st.container(horizontal=True, vertical_alignment="center")
    wanted = _wanted()
    shown = int(st.session_state.get("inbox-shown", MOST_ROWS))
    try:
        view = session.data().inbox(session.scope(), limit=shown, wanted=wanted)
    except ConfigurationError as error:
        st.html(markup.note("warn", error.message, error.hint))
        return
    with head:
        count = f"{markup.capped(view.unread)} unread" if view.unread else "all read"
        st.html(
            f'<div class="page-head"><h1>Inbox</h1><span class="fresh-count">{count}</span></div>',
            width="stretch",
        )
        if view.unread and session.may(Permission.RESPOND):
            with st.popover("Mark all as read", key="read-all", icon=":material/done_all:"):
                st.html(
                    f'<p class="small">Mark all {markup.capped(view.unread)} messages as read, for '
                    "everybody. This cannot be undone.</p>"
                )
                st.button(
                    "Yes, mark all",
                    key="read-them",
                    type="primary",
                    on_click=_read,
                    args=(None,),
                )
    if view.problem:
        st.html(markup.database_down(view.problem))
        return
    if not view.messages:
        st.html(EMPTY if wanted == InboxFilter() else NO_MATCH)
        return
    requested: str | None = None
    with st.container(key="rows", gap=None):
        for message in view.messages:
            requested = _message(message, view) or requested
    if view.more and shown < MOST_SHOWN:
        st.button("Show older", key="older", icon=":material/expand_more:", on_click=_more)
    if requested is not None:
        session.show_alert(requested)


messages()
