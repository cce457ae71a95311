"""The channels page: channels with their deliveries, a test message, and receivers."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from datetime import timedelta
from html import escape
from typing import cast

import pandas as pd
import streamlit as st

from dashboard import channel_panels, delivery_panel, markup, session, template_panel, undo_bar
from dashboard.configuration import ChannelLine, CliResult
from dashboard.configuration_commands import RemoveReceiver, SendTestMessage, SetReceiver
from dashboard.message_limit_commands import (
    AnnounceSilences,
    LimitChannel,
    LimitReceiver,
    announced_of,
    limits_of,
)
from dashboard.table import moments, table
from sentinel.access import Permission
from sentinel.errors import SentinelError
from sentinel.notifications.message_limit import MessageLimits
from sentinel.store.notifications.message_limits import MOST_PER_MINUTE

LENGTHS = {"24h": timedelta(hours=24), "7d": timedelta(days=7), "30d": timedelta(days=30)}
TESTED = "channel-tested"
DEFAULT = "default"
_OF_DOCUMENT = " (set by the document in Git)"


def _names(channels: list[str]) -> str:
    """Return channels as they are shown."""
    return ", ".join("Inbox" if ref == "inbox" else ref for ref in channels)


def _save(name: str, key: str) -> None:
    channels = cast("list[str]", list(st.session_state.get(key) or []))
    try:
        before = session.run(SetReceiver(name=name, channels=channels))
    except SentinelError as error:
        session.queue_toast(f"Not changed: {error}", "error")
        return
    said = f"Receiver {name} notifies: {_names(channels)}"
    if before:
        said += f". New channels are not notified of {before:,} alerts that are open already"
    session.queue_toast(said, "campaign")


def _create() -> None:
    name = str(st.session_state.get("receiver-name") or "").strip()
    try:
        known = session.configuration().receivers(session.scope())
    except SentinelError as error:
        session.queue_toast(f"Not created: {error}", "error")
        return
    if name in known:  # it would silently stop to notify its other channels
        session.queue_toast(f"Not created: there is a receiver {name}; use its Change", "error")
        return
    _save(name, "receiver-channels")


def _remove(name: str) -> None:
    try:
        session.run(RemoveReceiver(name=name))
    except SentinelError as error:
        session.queue_toast(f"Not removed: {error}", "error")
        return
    session.queue_toast(f"Removed {name}; rules that name it notify {DEFAULT}", "delete")


def _rate(line: ChannelLine) -> str:
    if line.delivered is None or line.delivered.rate is None:
        return "no deliveries"
    return f"{line.delivered.rate:.1%}" if line.delivered.rate < 1 else "100%"


def _most(number: int) -> str:
    return f"{number:,} a minute" if number else "none"


def _channels(lines: list[ChannelLine], length: str, limits: MessageLimits) -> None:
    clock = session.clock()
    table(
        pd.DataFrame(
            [
                {
                    "Channel": line.ref,
                    "Health": line.state,
                    "Circuit breaker": line.breaker,
                    "Receivers": ", ".join(line.receivers) or "none",
                    "Message limit": _most(limits.of_channel(line.ref))
                    + (_OF_DOCUMENT if limits.source("channel", line.ref) == "file" else ""),
                    "Success rate": _rate(line),
                    "Latency": line.delivered.latency_ms if line.delivered else None,
                    "Latency p50": line.delivered.median_ms if line.delivered else None,
                    "Delivered": line.delivered.sent if line.delivered else 0,
                    "Retried": line.delivered.failed if line.delivered else 0,
                    "Failed": line.delivered.refused if line.delivered else 0,
                    "Last delivery": clock.local(line.delivered.last) if line.delivered else None,
                    "Last error": line.delivered.error if line.delivered else "",
                }
                for line in lines
            ]
        ),
        column_config={
            "Health": st.column_config.TextColumn(
                help="healthy; failing: tried again; down: it does not answer; refused: it refused "
                "the last message for good; untried: it was never sent a message; missing: "
                "Prefect has no such block"
            ),
            "Circuit breaker": st.column_config.TextColumn(
                help="closed: messages are sent; open: they wait; half-open: one message is tried, "
                "and the others wait for its outcome"
            ),
            "Message limit": st.column_config.TextColumn(
                help="Messages a minute, for all receivers together"
            ),
            "Success rate": st.column_config.TextColumn(
                help=f"Share of the attempts of the last {length} that the channel accepted"
            ),
            "Latency": st.column_config.NumberColumn(
                format="%d ms", help=f"95 of 100 attempts of the last {length} took at most so long"
            ),
            "Latency p50": st.column_config.NumberColumn(
                format="%d ms", help=f"Half of the attempts of the last {length} took at most this"
            ),
            "Delivered": st.column_config.NumberColumn(help="Attempts that the channel accepted"),
            "Retried": st.column_config.NumberColumn(help="Attempts that failed and were retried"),
            "Failed": st.column_config.NumberColumn(help="Attempts that failed permanently"),
            "Last delivery": moments(),
            "Last error": st.column_config.TextColumn(width="large"),
        },
        alt="Channels, the receivers that use them, and their deliveries",
    )
    errors = "".join(
        f"<dt>{escape(line.ref)}</dt><dd>{escape(clock.localized(line.delivered.error))}</dd>"
        for line in lines
        if line.delivered and line.delivered.error
    )
    if errors:  # whole, which a cell of the table cannot show
        st.html(f'<h2 class="section">Last errors</h2><dl class="meanings">{errors}</dl>')


def _tested(ref: str) -> CliResult | SentinelError:
    try:
        return session.run(SendTestMessage(channel=ref))
    except SentinelError as error:
        return error


def _test(lines: list[ChannelLine]) -> None:
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        ref = st.selectbox(
            "Channel to test", [line.ref for line in lines], key="test-channel", width=300,
            label_visibility="collapsed",
        )  # fmt: skip
        if st.button("Send a test message", key="test-message", icon=":material/send:") and ref:
            with st.spinner(f"Sending through {ref} …"):
                st.session_state[TESTED] = (ref, _tested(ref))
    about, answer = st.session_state.get(TESTED, ("", None))
    if isinstance(answer, SentinelError):
        st.html(markup.note("warn", "Not sent.", str(answer)))
    if isinstance(answer, CliResult):
        if answer.output.get("ok"):
            st.html(
                markup.note("info", f"{about} accepted the test message.", "Check that it arrived.")
            )
        else:
            why = str(answer.output.get("error") or answer.problem)
            st.html(markup.note("warn", f"{about} did not accept the test message.", why))


def _given(key: str) -> int | None:
    given: float | None = st.session_state.get(key)
    return None if given is None else int(given)


def _run_limit(what: str, command: LimitReceiver | LimitChannel) -> None:
    try:
        session.run(command)
    except SentinelError as error:
        session.queue_toast(f"Not limited: {error}", "error")
        return
    most = command.per_minute
    said = "the message limit of all" if most is None else _per_minute(most)
    session.queue_toast(f"{what} gets {said}", "speed")


def _limit(name: str, key: str) -> None:
    _run_limit(f"Receiver {name}", LimitReceiver(receiver=name, per_minute=_given(key)))


def _announce(name: str, key: str) -> None:
    every = bool(st.session_state.get(key))
    try:
        session.run(AnnounceSilences(receiver=name, all=every))
    except SentinelError as error:
        session.queue_toast(f"Not changed: {error}", "error")
        return
    which = "every silence that mutes it" if every else "silences that are to be announced"
    session.queue_toast(f"Receiver {name} is notified of {which}", "campaign")


def _save_channel_limit() -> None:
    ref = str(st.session_state.get("limit-channel") or "")
    if ref:
        key = f"limit-of-channel-{ref}"
        _run_limit(f"Channel {ref}", LimitChannel(channel=ref, per_minute=_given(key)))


def _channel_limit(refs: list[str], limits: MessageLimits) -> None:
    if not refs:
        return
    with st.popover("Limit a channel", icon=":material/speed:"):
        ref = st.selectbox("Channel", refs, key="limit-channel")
        st.number_input(
            "Message limit", min_value=0, max_value=MOST_PER_MINUTE, value=None,
            key=f"limit-of-channel-{ref}", placeholder=f"{limits.of_channel(ref):,}",
            help="Messages a minute for all receivers together: 0 for no limit, empty for that of "
            "all channels",
        )  # fmt: skip
        st.button("Save limit", key="save-channel-limit", on_click=_save_channel_limit)


def _per_minute(number: int) -> str:
    return f"at most {number:,} messages a minute" if number else "any number of messages a minute"


def _change(
    name: str, channels: list[str], known: list[str], limits: MessageLimits, *, announced: bool
) -> None:
    """Offer the form of a receiver, made only while it is open: a page has many receivers."""
    popover = st.popover("Change", icon=":material/edit:", key=f"change-receiver-{name}",
                         on_change="rerun")  # fmt: skip
    if not popover.open:
        return
    with popover:
        key = f"channels-of-{name}"
        st.multiselect(
            "Channels", sorted({*known, *channels}), default=channels, key=key,
            accept_new_options=True,
            help="inbox, or a Prefect block as type/name",
        )  # fmt: skip
        st.button("Save", key=f"save-{name}", type="primary", on_click=_save, args=(name, key))
        most = f"limit-of-{name}"
        st.number_input(
            "Message limit", min_value=0, max_value=MOST_PER_MINUTE, key=most,
            value=None, placeholder=f"{limits.of_receiver(name):,}",
            help="Messages a minute through each of its channels: 0 for no limit, empty "
            "for that of all receivers",
        )  # fmt: skip
        st.button("Save limit", key=f"save-limit-{name}", on_click=_limit, args=(name, most))
        announces = f"announce-{name}"
        st.checkbox(
            "Announce all silences", key=announces, value=announced,
            on_change=_announce, args=(name, announces),
            help="It is notified of each silence that mutes it; else of those alone that "
            "are to be announced",
        )  # fmt: skip


def _offer_removal(name: str) -> None:
    popover = st.popover("Remove", icon=":material/delete:", key=f"offer-removal-of-{name}",
                         on_change="rerun")  # fmt: skip
    if not popover.open:
        return
    with popover:
        st.html(
            '<p class="small">Rules that name it will notify <b>default</b>. You '
            "can create it again.</p>"
        )
        st.button(
            f"Remove {name}", key=f"remove-{name}", type="primary", on_click=_remove, args=(name,)
        )


def _receivers(
    found: dict[str, list[str]], known: list[str], limits: MessageLimits,
    announced: AbstractSet[str], *, edits: bool,
) -> None:  # fmt: skip
    st.html('<h2 class="section">Receivers</h2>')
    for name in sorted(found, key=lambda one: (one != DEFAULT, one)):
        with (
            st.container(key=f"receiver-{name}", border=True),
            st.container(horizontal=True, gap="small", vertical_alignment="center"),
        ):
            st.html(
                f'<div>Receiver <b>{escape(name)}</b> <span class="small">notifies: '
                f"{escape(_names(found[name]))}, {_per_minute(limits.of_receiver(name))}"
                f"{_OF_DOCUMENT * (limits.source('receiver', name) == 'file')}"
                f"{', and of every silence that mutes it' * (name in announced)}</span></div>",
                width="stretch",
            )
            if not edits:
                continue
            _change(name, found[name], known, limits, announced=name in announced)
            if name != DEFAULT:
                _offer_removal(name)
    if not edits:
        return
    with st.popover("New receiver", icon=":material/add:"):
        st.text_input(
            "Name", key="receiver-name", max_chars=100, placeholder="night-shift",
            help="Lower-case letters, digits, '-', '_' and '.'; rules name it under receivers:",
        )  # fmt: skip
        st.multiselect(
            "Channels", known, key="receiver-channels", accept_new_options=True, default=["inbox"]
        )
        st.button("Create", key="receiver-create", type="primary", on_click=_create)


def _page() -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.html(markup.page_head("Channels"), width="stretch")
        length = st.segmented_control(
            "Time", list(LENGTHS), key="delivery-period", default="24h", required=True,
            bind="query-params", label_visibility="collapsed",
        )  # fmt: skip
    chosen = str(length or "24h")
    try:
        lines = session.configuration().channels(
            session.scope(), LENGTHS.get(chosen, LENGTHS["24h"])
        )
        found = session.configuration().receivers(session.scope())
        limits = limits_of(session.data().within(session.scope()))
        announced = announced_of(session.data().within(session.scope()))
    except SentinelError as error:
        st.html(markup.database_down(error))
        return
    undo_bar.show(template_panel.PAGE)
    asked = st.query_params.get("channel", "")
    if asked and asked not in [line.ref for line in lines]:
        st.html(markup.note("warn", f"There is no channel {asked}.",
                            "It may have been removed; the table has all channels."))  # fmt: skip
    _channels(lines, chosen, limits)
    delivery_panel.show([line.ref for line in lines], LENGTHS.get(chosen, LENGTHS["24h"]))
    edits = session.may_everywhere(Permission.EDIT)
    if edits:
        _test(lines)
        _channel_limit([line.ref for line in lines if line.receivers], limits)
    st.html(
        '<p class="small">A channel is the inbox or a Prefect block. The command line adds blocks '
        "too: <code>sentinel channel add slack ops --receiver default</code></p>"
    )
    _receivers(found, [line.ref for line in lines], limits, announced, edits=edits)
    if not edits:
        return
    st.html('<h2 class="section">Message templates</h2>')
    if st.toggle("Change templates", key="change-templates"):
        template_panel.templates(found)
    st.html('<h2 class="section">Blocks</h2>')
    # Only if asked for: Prefect may be slow, and the rest of the page does without it.
    if st.toggle("Change channels", key="manage-channels"):
        channel_panels.manage(sorted(found))


_page()
