"""Panels of the channels page: add, change and remove a channel, by forms of the blocks."""

from __future__ import annotations

from html import escape
from typing import Any, cast

import streamlit as st

from dashboard import markup, session
from dashboard.configuration_commands import RemoveChannel, SaveChannel
from sentinel.errors import SentinelError
from sentinel.prefect_client.blocks import ChannelBlock
from sentinel.prefect_client.channel_forms import ChannelForm, FormField

__all__ = ["manage"]


def _input(field: FormField, key: str, now: Any) -> Any:
    """Show the input of one field, and return what it holds."""
    title = field.title if field.required else f"{field.title} (optional)"
    about = field.help or None
    if field.kind == "secret":
        return st.text_input(
            title, type="password", key=key, help=about, autocomplete="off",
            placeholder="unchanged if empty" if now is not None else "",
        )  # fmt: skip
    value = field.default if now is None else now
    if field.kind == "switch":
        return st.checkbox(title, value=bool(value), key=key, help=about)
    if field.kind == "number":
        return float(st.number_input(title, value=float(value or 0), key=key, help=about))
    if field.kind in ("choice", "block"):
        options = list(field.choices)
        return st.selectbox(
            title, options, key=key, help=about, format_func=lambda one: field.choices[one],
            index=options.index(str(value)) if str(value) in options else None,
        )  # fmt: skip
    shown = (
        ", ".join(map(str, cast("list[object]", value)))
        if isinstance(value, list)
        else str(value or "")
    )
    more = "" if field.kind != "list" else "several, with commas between them"
    return st.text_input(title, value=shown, key=key, help=about, placeholder=more)


def _fields(form: ChannelForm, key: str, now: dict[str, Any] | None = None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field in form.fields:
        held = None if now is None else now.get(field.name)
        if field.kind == "block" and isinstance(held, dict):
            held = None
        found[field.name] = _input(field, f"{key}-{field.name}", held)
    return found


def _save(form: ChannelForm, name: str, given: dict[str, Any], **more: Any) -> None:
    try:
        ref = session.run(
            SaveChannel(kind=form.kind, name=name, values=given, **more),
        )
    except SentinelError as error:
        st.html(markup.note("warn", "Not saved.", str(error)))
        return
    session.queue_toast(f"Saved {ref}; send a test message", "campaign")
    st.rerun()


def _add(forms: list[ChannelForm], receivers: list[str]) -> None:
    with st.expander("New channel", icon=":material/add:"):
        kind = st.selectbox(
            "Type", [form.kind for form in forms], key="channel-kind",
            format_func=lambda one: next(form.title for form in forms if form.kind == one),
        )  # fmt: skip
        form = next(form for form in forms if form.kind == kind)
        missing = [one.title for one in form.fields if one.kind == "block" and not one.choices]
        if missing:
            st.html(
                '<p class="small">It needs a block that does not exist yet; this command creates '
                "both: <code>sentinel channel add email ops --to … --from … --host …</code></p>"
            )
        with st.form(f"add-{kind}", border=False):
            name = st.text_input(
                "Name", key="channel-name", placeholder="ops",
                help="Lower-case letters, digits and dashes",
            )  # fmt: skip
            given = _fields(form, f"add-{kind}")
            receiver = st.selectbox(
                "Receiver", receivers, key="channel-receiver", index=None,
                help="Adds the channel to this receiver",
            )  # fmt: skip
            if st.form_submit_button("Save", type="primary"):
                _save(form, name.strip(), given, receiver=receiver or "")


def _change(forms: list[ChannelForm], block: ChannelBlock) -> None:
    form = next((form for form in forms if form.kind == block.kind), None)
    if form is None:
        return
    with st.popover("Change", icon=":material/edit:"):
        try:
            now = session.configuration().channel_values(block)
        except SentinelError as error:
            st.html(markup.note("warn", "It cannot be read.", str(error)))
            return
        with st.form(f"change-{block.ref}", border=False):
            given = _fields(form, f"change-{block.ref}", now)
            if st.form_submit_button("Save", type="primary"):
                _save(form, block.name, given, replace=True)


def _remove(block: ChannelBlock) -> None:
    try:
        answer = session.run(RemoveChannel(channel=block.ref))
    except SentinelError as error:
        session.queue_toast(f"Not removed: {error}", "error")
        return
    if answer.problem:
        session.queue_toast(f"Not removed: {answer.problem}", "error")
    else:
        session.queue_toast(f"Removed {block.ref}", "delete")


def manage(receivers: list[str]) -> None:
    """Show the form that adds a channel, and each block with its form.

    Args:
        receivers: names of the receivers
    """
    try:
        forms, blocks = session.configuration().channel_forms()
    except SentinelError as error:
        st.html(markup.note("warn", "Channels cannot be changed now.", str(error)))
        return
    for block in blocks:
        with st.container(horizontal=True, vertical_alignment="center", key=f"block-{block.id}"):
            st.html(f"<code>{escape(block.ref)}</code>", width="stretch")
            _change(forms, block)
            with st.popover("Remove", icon=":material/delete:"):
                st.html(
                    '<p class="small">Deletes the block and its secret, and takes it out of the '
                    "receivers that use it. This cannot be undone.</p>"
                )
                st.button(
                    f"Remove {block.ref}", key=f"remove-block-{block.id}", type="primary",
                    on_click=_remove, args=(block,),
                )  # fmt: skip
    if forms:
        _add(forms, receivers)
