"""What decisions on a group are about: its channels, and the group as each of them knows it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Row

from sentinel.notifications.decision import GroupNow, Notified, Policy
from sentinel.notifications.group_policy import policy_from
from sentinel.notifications.grouping import CHANNEL
from sentinel.notifications.reasons import Reason
from sentinel.notifications.standby import Standby
from sentinel.notifications.summary import summary_channels
from sentinel.prefect_client.channel_types import takes_acknowledgements
from sentinel.schema.groups import AlertGroup
from sentinel.store.database.chunks import chunks
from sentinel.store.notifications.channel_health import Gates
from sentinel.store.notifications.known_members import channel_mark
from sentinel.store.notifications.queries import LOG_ENTRIES, SEEN_BY
from sentinel.store.notifications.receivers import DEFAULT, FALLBACK, INBOX

__all__ = [
    "channels_of",
    "last_notified",
    "limited",
    "log_entries",
    "log_entries_of",
    "policy_of",
    "seen_by_channel",
    "targets_of",
]


def log_entries(connection: Connection, group_id: str) -> dict[tuple[str, str], Row[Any]]:
    """Return the log entries of a group by receiver and channel."""
    return log_entries_of(connection, [group_id])[group_id]


def log_entries_of(
    connection: Connection, groups: Sequence[str]
) -> dict[str, dict[tuple[str, str], Row[Any]]]:
    """Return the log entries of groups, by group and then by receiver and channel."""
    found: dict[str, dict[tuple[str, str], Row[Any]]] = {one: {} for one in groups}
    for piece in chunks(groups):
        for row in connection.execute(LOG_ENTRIES, {"groups": piece}):
            found[row.group_id][row.receiver, row.channel] = row
    return found


def targets_of(
    group: AlertGroup, known: dict[tuple[str, str], Row[Any]], channels: dict[str, list[str]],
    gates: Gates, standby: Standby | None = None,
) -> list[tuple[str, str]]:  # fmt: skip
    """Return the receivers and channels to decide on.

    Args:
        group: the group
        known: its log entries by receiver and channel
        channels: the channels of every receiver, by name
        gates: which channels take no messages
        standby: what can be used while Prefect is down; None where it is not

    Returns:
        Pairs of receiver and channel, each channel once: the receivers of today, the receiver
        `fallback` (or the inbox) for one of which no channel takes messages, or those of this
        group, the emergency channel for one of which none is loaded and takes messages while
        Prefect is down, and, once nothing fires, every channel that was notified of the firing
        group.
    """
    refusing = {ref for (_, ref), row in known.items() if row.refused_seq is not None}
    out = gates.out() | refusing
    by_time = sorted(
        (row.notified_at, key) for key, row in known.items() if row.notified_at is not None
    )
    # What a channel was notified of goes with it to another receiver.
    notified = {key[1]: key for _, key in by_time}
    by_channel: dict[str, tuple[str, str]] = {}
    for name in group.receivers:
        for ref in channels_of(name, group, channels, out, standby):
            # Two receivers with one channel, or two that do not exist, are notified once.
            by_channel.setdefault(ref, notified.get(ref, (name, ref)))
    targets = dict.fromkeys(by_channel.values())
    if group.firing == 0:
        # A resolve is sent to every channel that was notified, whatever was edited since.
        gone = [
            key for key, last in known.items() if last.notified_firing and key[1] not in by_channel
        ]
        targets |= dict.fromkeys(gone)
    return list(targets)


def channels_of(
    receiver: str, group: AlertGroup, channels: Mapping[str, Sequence[str]],
    out: Collection[str], standby: Standby | None,
) -> list[str]:  # fmt: skip
    """Return the channels that a receiver is notified through, and what stands in for them.

    Args:
        receiver: its name; the channels of `default` where there is none of it
        group: that it is notified of
        channels: of every receiver, by name
        out: channels that take no messages
        standby: what can be used while Prefect is down; None where it is not

    Returns:
        References: where none of its own takes messages, those of the receiver `fallback` too, or
        the inbox.
    """
    own = channels.get(receiver, channels[DEFAULT])
    refs = summary_channels(group.route, group.labels, group.policy, own)
    # An alert about a channel goes another way.
    about = group.labels.get(CHANNEL)
    refs = [ref for ref in refs if ref != about]
    if group.firing and all(ref in out for ref in refs):
        other = [ref for ref in channels.get(FALLBACK, ()) if ref != about]
        also = [ref for ref in other if ref not in out]
        refs = [*refs, *(also or [INBOX])]
    if group.firing and standby is not None:
        refs = [*refs, *standby.instead(refs, out)]
    return refs


def last_notified(
    row: Row[Any] | None, down_until: datetime | None, not_loaded_until: datetime | None = None
) -> Notified:
    """Return the last notification of a channel.

    Args:
        row: its log entry; None for none
        down_until: no message is sent to the channel before; None where it answers
        not_loaded_until: its block is not tried before; None where it can be used

    Returns:
        The notification; an empty one for none.
    """
    if row is None:
        return Notified(down_until=down_until, not_loaded_until=not_loaded_until)
    return Notified(
        seq=row.notified_seq, firing=row.notified_firing, severity=row.notified_severity,
        at=row.notified_at, attempts=row.attempts, retry_at=row.retry_at,
        refused_seq=row.refused_seq, down_until=down_until, not_loaded_until=not_loaded_until,
        reference=row.reference,
        acknowledged=row.notified_acknowledged if takes_acknowledgements(row.channel) else None,
        summary=row.summary,
    )  # fmt: skip


def limited(last: Notified, until: datetime | None) -> Notified:
    """Return the last notification with when the limit of messages allows the next one."""
    return last if until is None else msgspec.structs.replace(last, limited_until=until)


def policy_of(group: AlertGroup) -> Policy:
    """Return the times and limits of a group."""
    return policy_from(group.policy, group.severity)


def seen_by_channel(
    connection: Connection, group: AlertGroup, channel: str, last: Notified, now: datetime
) -> GroupNow:
    """Return the group's state compared with what one channel was last notified of.

    Muted members are counted here and not taken from the group's row, since a suppression and a
    silence run out without a write.

    Args:
        connection: the claim's transaction
        group: the group, its row locked
        channel: its reference
        last: the channel's last notification
        now: the present moment

    Returns:
        What a decision needs to know of the group.
    """
    asked = {"group": group.id, "seq": last.seq, "now": now, "mark": channel_mark(channel)}
    row = connection.execute(SEEN_BY, asked).one()
    return GroupNow(
        seq=group.seq, opened_at=group.opened_at, severity=row.severity or group.severity,
        firing=group.firing, acknowledged=row.acknowledged, suppressed=row.muted,
        new_firing=row.new, resolved_since=row.resolved, quiet_since=row.quiet,
        suppressed_until=row.muted_until,
        held_by=_held_by(row),
    )  # fmt: skip


def _held_by(row: Row[Any]) -> Reason:
    if not row.by_matchers:
        return Reason.SUPPRESSED
    return Reason.INHIBITED if row.inhibited == row.by_matchers else Reason.SILENCED
