"""Panels of the channels page: add, change and remove a channel, by forms of the blocks.

A form is made anew, with no value of the last one, after it was saved or cancelled and when another
type is chosen: the keys of its inputs then have another number. A form of a channel that exists is
there only while it is open, so that nothing typed in it outlives it.
"""

from __future__ import annotations

from html import escape
from typing import Any, cast

import streamlit as st

from dashboard import markup, session
from dashboard.configuration_commands import RemoveChannel, SaveChannel
from sentinel.errors import SentinelError
from sentinel.prefect_client.blocks import ChannelBlock
from sentinel.prefect_client.channel_forms import ChannelForm, FormField
from sentinel.prefect_client.list_text import list_text

__all__ = ["manage"]

NONE = ""
"""The choice of no block, where a form need not have one."""


def _number(name: str) -> int:
    """Return the number in the keys of a form's inputs."""
    return int(st.session_state.get(f"form-{name}", 0))


def _forget(name: str) -> None:
    """Have a form begin anew, with nothing of what was typed."""
    st.session_state[f"form-{name}"] = _number(name) + 1


def _input(field: FormField, key: str, now: Any) -> Any:
    """Show the input of one field, and return what it holds."""
    title = field.title if field.required else f"{field.title} (optional)"
    about = field.help or None
    if field.kind == "secret":
        return _secret(field, title, key, now)
    value = field.default if now is None else now
    if field.kind == "switch":
        return st.checkbox(title, value=bool(value), key=key, help=about)
    if field.kind == "number":
        number = None if value is None else (int(value) if field.whole else float(value))
        if number is not None and key not in st.session_state:
            # As a default it could be changed and not be cleared.
            st.session_state[key] = number
        return st.number_input(title, value=None, key=key, help=about,
                               step=1 if field.whole else None)  # fmt: skip
    if field.kind in ("choice", "block"):
        return _choice(field, title, key, value)
    more = "" if field.kind != "list" else "several, with commas between them"
    return st.text_input(title, value=_text(value), key=key, help=about, placeholder=more)


def _text(value: Any) -> str:
    """Return what the input of a text or a list shows."""
    return list_text(cast("list[object]", value)) if isinstance(value, list) else str(value or "")


def _secret(field: FormField, title: str, key: str, now: Any) -> str | None:
    """Show the input of a secret; return None where the saved one is to be removed."""
    typed = st.text_input(
        title, type="password", key=key, help=field.help or None, autocomplete="off",
        placeholder="unchanged if empty" if now else "",
    )  # fmt: skip
    if now and not field.required and st.checkbox(f"Remove {field.title}", key=f"{key}-remove"):
        return typed or None
    return typed


def _choice(field: FormField, title: str, key: str, value: Any) -> Any:
    choices = dict(field.choices)
    if field.kind == "block" and value and str(value) not in choices:
        choices[str(value)] = "its own block"  # one without a name, made for this channel
    if not field.required:
        choices = {NONE: "none", **choices}
    options = list(choices)
    chosen = str(value) if value is not None else NONE
    return st.selectbox(
        title, options, key=key, help=field.help or None, format_func=lambda one: choices[one],
        index=options.index(chosen) if chosen in options else None,
    )  # fmt: skip


def _fields(form: ChannelForm, key: str, now: dict[str, Any] | None = None) -> dict[str, Any]:
    """Show the inputs of a form, and return what they hold.

    A text of a channel that exists is left out where nobody changed it: not every value can be
    read back from its text, so that it would be saved as another one.

    Args:
        form: of the type of channel
        key: what the keys of its inputs begin with
        now: what the channel holds; None for a new one

    Returns:
        Values by the names of the fields.
    """
    found: dict[str, Any] = {}
    for field in form.fields:
        held = None if now is None else now.get(field.name)
        given = _input(field, f"{key}-{field.name}", held)
        if field.kind in ("text", "list") and held and given == _text(held):
            continue
        found[field.name] = given
    return found


def _save(form: ChannelForm, name: str, given: dict[str, Any], **more: Any) -> bool:
    """Save a channel; say why where that is not possible, with the form left as it is."""
    try:
        ref = session.run(SaveChannel(kind=form.kind, name=name, values=given, **more))
    except SentinelError as error:
        st.html(markup.note("warn", "Not saved.", str(error)))
        return False
    session.queue_toast(f"Saved {ref}; send a test message", "campaign")
    return True


def _add(forms: list[ChannelForm], receivers: list[str]) -> None:
    with st.expander("New channel", icon=":material/add:"):
        kind = st.selectbox(
            "Type", [form.kind for form in forms], key="channel-kind",
            on_change=_forget, args=("add",),
            format_func=lambda one: next(form.title for form in forms if form.kind == one),
        )  # fmt: skip
        form = next(form for form in forms if form.kind == kind)
        missing = [
            one.title
            for one in form.fields
            if one.kind == "block" and one.required and not one.choices
        ]
        if missing:
            st.html(
                '<p class="small">It needs a block that does not exist yet; this command creates '
                "both: <code>sentinel channel add email ops --to … --from … --host …</code></p>"
            )
        key = f"add-{kind}-{_number('add')}"
        with st.form(key, border=False):
            name = st.text_input(
                "Name", key=f"{key}-channel-name", placeholder="ops",
                help="Lower-case letters, digits and dashes",
            )  # fmt: skip
            given = _fields(form, key)
            receiver = st.selectbox(
                "Receiver", receivers, key=f"{key}-channel-receiver", index=None,
                help="Adds the channel to this receiver",
            )  # fmt: skip
            with st.container(horizontal=True, gap="small"):
                saved = st.form_submit_button("Save", type="primary", key=f"{key}-save")
                st.form_submit_button(
                    "Cancel", key=f"{key}-cancel", on_click=_forget, args=("add",)
                )
        if saved and _save(form, name.strip(), given, receiver=receiver or ""):
            _forget("add")
            st.rerun()


def _change(forms: list[ChannelForm], block: ChannelBlock) -> None:
    form = next((form for form in forms if form.kind == block.kind), None)
    if form is None:
        return
    key = f"change-{block.id}-{_number(block.id)}"
    popover = st.popover("Change", icon=":material/edit:", key=key, on_change="rerun")
    if not popover.open:
        return
    with popover:
        try:
            now = session.configuration().channel_values(session.scope(), block)
        except SentinelError as error:
            st.html(markup.note("warn", "It cannot be read.", str(error)))
            return
        with st.form(f"{key}-form", border=False):
            given = _fields(form, key, now)
            with st.container(horizontal=True, gap="small"):
                saved = st.form_submit_button("Save", type="primary", key=f"{key}-save")
                st.form_submit_button(
                    "Cancel", key=f"{key}-cancel", on_click=_forget, args=(block.id,)
                )
        if saved and _save(form, block.name, given, replace=True):
            _forget(block.id)
            st.rerun()


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
        forms, blocks = session.configuration().channel_forms(session.scope())
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
