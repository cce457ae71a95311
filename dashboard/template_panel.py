"""Templates of messages on the channels page: by receiver and channel, tried on a real alert."""

from __future__ import annotations

from html import escape

import streamlit as st

from dashboard import markup, session, undo_bar
from dashboard.template_commands import (
    Said,
    SetTemplate,
    declared_of,
    said_by_channel,
    some_alerts,
    templates_of,
)
from sentinel.errors import SentinelError
from sentinel.notifications.message_template import FIELDS, MessageTemplate

__all__ = ["PAGE", "templates"]

PAGE = "channels"
ALL = "All channels"


def _save(receiver: str, channel: str, wanted: MessageTemplate, before: MessageTemplate) -> None:
    command = SetTemplate(receiver=receiver, channel=channel, title=wanted.title, text=wanted.text)
    try:
        session.run(command)
    except SentinelError as error:
        session.queue_toast(f"Not saved: {error}", "error")
    else:
        back = SetTemplate(receiver=receiver, channel=channel, title=before.title, text=before.text)
        undo_bar.offer(PAGE, f"Changed the template of {receiver} for {channel or 'all'}", back)
    st.rerun()


def _shown(one: Said) -> str:
    text = escape(one.text) if one.text else "<i>the list of alerts, as it is built in</i>"
    problem = (
        f'<p class="small">Not all of the template is used: {escape(one.problem)}.</p>'
        if one.problem
        else ""
    )
    return (
        f'<article class="message-preview"><small>{escape(one.channel)}</small>'
        f"<b>{escape(one.title)}</b><div>{text}</div>{problem}</article>"
    )


def templates(receivers: dict[str, list[str]]) -> None:
    """Show the form of a template, and what it makes of a message on each channel.

    Args:
        receivers: channels by the name of the receiver
    """
    within = session.data().within(session.scope())
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        receiver = st.selectbox("Receiver", sorted(receivers), key="template-receiver", width=240)
        of = st.selectbox(
            "Channel", [ALL, *receivers[receiver]], key=f"template-channel-{receiver}", width=280,
            help="A template of its own goes before the one of all channels",
        )  # fmt: skip
        alerts = some_alerts(within)
        about = st.selectbox(
            "Alert", list(alerts), key="template-alert", width=380,
            format_func=lambda one: alerts.get(str(one), ""),
        )  # fmt: skip
    channel = "" if of == ALL else of
    before = templates_of(within, receiver).get(channel, MessageTemplate())
    key = f"{receiver}-{channel}-{hash(before)}"
    names = ", ".join(f"{{{name}}}" for name in sorted(FIELDS))
    title = st.text_input(
        "Title", before.title, key=f"template-title-{key}", help=f"With names in braces: {names}",
        placeholder="{group_severity}: {title}",
    )  # fmt: skip
    text = st.text_area(
        "Text", before.text, key=f"template-text-{key}", height=140,
        help="In place of the list of alerts",
    )  # fmt: skip
    if channel in declared_of(within, receiver):
        st.caption("The document in Git set this template (`sentinel notify apply`).")
    draft = MessageTemplate(title=title, text=text)
    if about:
        try:
            found = said_by_channel(
                within, receiver, receivers[receiver], str(about), (channel, draft)
            )
        except SentinelError as error:
            st.html(markup.note("warn", "The template cannot be used.", str(error)))
            return
        st.html(f'<div class="message-previews">{"".join(_shown(one) for one in found)}</div>')
    else:
        st.html('<p class="small">There is no alert yet to try it on.</p>')
    with st.container(horizontal=True, gap="small"):
        if st.button(
            "Save template", key="template-save", type="primary", disabled=draft == before
        ):
            _save(receiver, channel, draft, before)
        if before != MessageTemplate() and st.button(
            "Use the built-in texts", key="template-remove"
        ):
            _save(receiver, channel, MessageTemplate(), before)
