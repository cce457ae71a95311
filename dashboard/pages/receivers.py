"""Channels and receivers: who is told through what, whether that works, and trying it out."""

from __future__ import annotations

from datetime import timedelta
from html import escape
from typing import cast
from zoneinfo import ZoneInfo

import pandas as pd
import streamlit as st

from dashboard import markup, session
from dashboard.configuration import Answered, ChannelLine
from dashboard.table import table
from sentinel.errors import SentinelError

LENGTHS = {"24h": timedelta(hours=24), "7d": timedelta(days=7), "30d": timedelta(days=30)}
TRIED = "channel-tried"
DEFAULT = "default"


def _save(name: str, key: str) -> None:
    channels = cast("list[str]", list(st.session_state.get(key) or []))
    try:
        session.registry().set_receiver(name, channels)
    except SentinelError as error:
        session.tell(f"Nothing was changed: {error}", "error")
        return
    session.tell(f"{name} tells {', '.join(channels)}", "campaign")


def _make() -> None:
    name = str(st.session_state.get("receiver-name") or "").strip()
    try:
        known = session.registry().receivers()
    except SentinelError as error:
        session.tell(f"Nothing was made: {error}", "error")
        return
    if name in known:  # whoever was told so far would silently be told no more
        session.tell(f"Nothing was made: there is a receiver {name}; use its Change", "error")
        return
    _save(name, "receiver-channels")


def _remove(name: str) -> None:
    try:
        session.registry().remove_receiver(name)
    except SentinelError as error:
        session.tell(f"Nothing was removed: {error}", "error")
        return
    session.tell(f"{name} is gone; what names it goes to {DEFAULT}", "delete")


def _rate(line: ChannelLine) -> str:
    if line.delivered is None or line.delivered.rate is None:
        return "nothing sent"
    return f"{line.delivered.rate:.1%}" if line.delivered.rate < 1 else "all of it"


def _channels(lines: list[ChannelLine], length: str) -> None:
    zone = ZoneInfo(session.zone())
    table(
        pd.DataFrame(
            [
                {
                    "Channel": line.ref,
                    "Receivers": ", ".join(line.receivers) or "none",
                    "Taken": _rate(line),
                    "Sent": line.delivered.sent if line.delivered else 0,
                    "Tried again": line.delivered.failed if line.delivered else 0,
                    "Refused": line.delivered.refused if line.delivered else 0,
                    "Last": line.delivered.last.astimezone(zone) if line.delivered else None,
                    "Last trouble": line.delivered.error if line.delivered else "",
                }
                for line in lines
            ]
        ),
        column_config={
            "Taken": st.column_config.TextColumn(
                help=f"Share of the attempts of the last {length} that the channel took"
            ),
            "Tried again": st.column_config.NumberColumn(help="Attempts that failed for now"),
            "Refused": st.column_config.NumberColumn(help="Attempts that were refused for good"),
            "Last": st.column_config.DatetimeColumn(format="MMM D HH:mm:ss"),
            "Last trouble": st.column_config.TextColumn(width="large"),
        },
        alt="Channels, who uses them and how they took what was sent",
    )


def _tried(ref: str) -> Answered | SentinelError:
    try:
        return session.registry().try_out(ref)
    except SentinelError as error:
        return error


def _try(lines: list[ChannelLine]) -> None:
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        ref = st.selectbox(
            "Channel to try", [line.ref for line in lines], key="try-ref", width=300,
            label_visibility="collapsed",
        )  # fmt: skip
        if st.button("Send a test message", key="try", icon=":material/send:") and ref:
            with st.spinner(f"Sending through {ref} …"):
                st.session_state[TRIED] = (ref, _tried(ref))
    about, answer = st.session_state.get(TRIED, ("", None))
    if isinstance(answer, SentinelError):
        st.html(markup.note("warn", "Nothing was sent.", str(answer)))
    if isinstance(answer, Answered):
        if answer.told.get("ok"):
            st.html(markup.note("info", f"{about} took the test message.", "Look there for it."))
        else:
            why = str(answer.told.get("error") or answer.problem)
            st.html(markup.note("warn", f"{about} did not take it.", why))


def _receivers(found: dict[str, list[str]], known: list[str]) -> None:
    st.html('<h2 class="section">Receivers</h2>')
    for name in sorted(found, key=lambda one: (one != DEFAULT, one)):
        with (
            st.container(key=f"receiver-{name}", border=True),
            st.container(horizontal=True, gap="small", vertical_alignment="center"),
        ):
            st.html(
                f'<div><b>{escape(name)}</b> <span class="small">tells '
                f"{escape(', '.join(found[name]))}</span></div>",
                width="stretch",
            )
            with st.popover("Change", icon=":material/edit:"):
                key = f"channels-of-{name}"
                st.multiselect(
                    "Channels", sorted({*known, *found[name]}), default=found[name], key=key,
                    accept_new_options=True,
                    help="inbox, or a Prefect block as type/name",
                )  # fmt: skip
                st.button(
                    "Save", key=f"save-{name}", type="primary", on_click=_save,
                    args=(name, key),
                )  # fmt: skip
            if name != DEFAULT:
                with st.popover("Remove", icon=":material/delete:"):
                    st.html(
                        '<p class="small">What names it is told to <b>default</b> from then '
                        "on. It can be made again by hand.</p>"
                    )
                    st.button(
                        f"Remove {name}", key=f"remove-{name}", type="primary",
                        on_click=_remove, args=(name,),
                    )  # fmt: skip
    with st.popover("New receiver", icon=":material/add:"):
        st.text_input(
            "Name", key="receiver-name", max_chars=100, placeholder="night-shift",
            help="Small letters, digits, '-', '_' and '.'; rules name it under receivers:",
        )  # fmt: skip
        st.multiselect(
            "Channels", known, key="receiver-channels", accept_new_options=True, default=["inbox"]
        )
        st.button("Make it", key="receiver-make", type="primary", on_click=_make)


def _page() -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.html('<div class="page-head"><h1>Channels</h1></div>', width="stretch")
        length = st.segmented_control(
            "Time", list(LENGTHS), key="told-in", default="24h", required=True,
            bind="query-params", label_visibility="collapsed",
        )  # fmt: skip
    chosen = str(length or "24h")
    try:
        lines = session.registry().channels(LENGTHS.get(chosen, LENGTHS["24h"]))
        found = session.registry().receivers()
    except SentinelError as error:
        st.html(markup.note("down", "The database cannot be used.", str(error)))
        return
    _channels(lines, chosen)
    _try(lines)
    st.html(
        '<p class="small">A channel is a Prefect block. Add one: '
        "<code>sentinel channel add slack ops --receiver default</code>, or <code>webhook</code>, "
        "or <code>email</code>.</p>"
    )
    _receivers(found, [line.ref for line in lines])


_page()
