"""Channels that are added to a receiver while some of its groups are open."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import Connection, bindparam, exists, select

from sentinel.notifications.reasons import Reason
from sentinel.store.database.chunks import chunks
from sentinel.store.database.insert import insert_into
from sentinel.store.database.tables import GROUP, MEMBER, NOTIFICATION_LOG

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["OpenGroup", "begin_later", "begin_now"]


class OpenGroup(msgspec.Struct, frozen=True):
    """An open group, which of its receivers are changed, and the channels of all of them now.

    The alerts of a `summary` are also in groups of their own.
    """

    id: str
    receivers: tuple[str, ...]
    channels: frozenset[str]
    seq: int
    severity: int
    firing: int
    summary: bool


def begin_later(
    store: Store, connection: Connection, groups: Sequence[OpenGroup], channels: Sequence[str]
) -> set[str]:
    """Have new channels begin with what opens from now on, where another stays notified.

    Args:
        store: whose transaction it is
        connection: an open writing transaction
        groups: the open groups of the receiver
        channels: that are new in it

    Returns:
        The ids of the groups that the channels are not notified of: those that a channel was
        notified of, by itself or in a summary, which still is one of the group's, and so sends the
        reminders. Of the others, every channel that is one now has to be notified.
    """
    notified = begin_now(connection, groups)
    rows = [
        {
            "group_id": group.id, "receiver": receiver, "channel": channel,
            "notified_seq": group.seq, "notified_firing": 0, "notified_severity": group.severity,
            "reason": str(Reason.OPEN_BEFORE), "decided_at": store.now(), "attempts": 0,
            "error": "", "reference": "",
        }
        for group in groups
        if group.id in notified
        for receiver in group.receivers
        for channel in channels
    ]  # fmt: skip
    if rows:
        # One that was in the receiver before knows what it was notified of.
        connection.execute(
            insert_into(store.dialect, NOTIFICATION_LOG).on_conflict_do_nothing(), rows
        )
    return notified


def begin_now(connection: Connection, groups: Sequence[OpenGroup]) -> set[str]:
    """Have every channel be notified of the groups that no notified channel is left of.

    Args:
        connection: an open writing transaction
        groups: open groups whose receivers have changed

    Returns:
        The ids of the others: a channel that was notified of them is still one of theirs.
    """
    notified: set[str] = set()
    now_in = {group.id: group.channels for group in groups}
    for piece in chunks(sorted(now_in)):
        query = select(NOTIFICATION_LOG.c.group_id, NOTIFICATION_LOG.c.channel).where(
            NOTIFICATION_LOG.c.group_id.in_(piece), NOTIFICATION_LOG.c.notified_firing > 0
        )
        heard = [*connection.execute(query), *connection.execute(_BY_SUMMARY, {"groups": piece})]
        notified |= {row.group_id for row in heard if row.channel in now_in[row.group_id]}
    for piece in chunks(sorted(now_in.keys() - notified)):
        # As a claim does, groups before their log entries.
        rows = select(GROUP.c.id).where(GROUP.c.id.in_(piece)).order_by(GROUP.c.id)
        connection.execute(rows.with_for_update()).all()
        # What was added later begins as one that was there from the start.
        connection.execute(
            NOTIFICATION_LOG.update()
            .where(NOTIFICATION_LOG.c.group_id.in_(piece), NOTIFICATION_LOG.c.notified_seq > 0)
            .where(NOTIFICATION_LOG.c.notified_at.is_(None))
            .values(notified_seq=0, notified_severity=0)
        )
    return notified


_SUMMARY = NOTIFICATION_LOG.alias("summary_entry")
_BY_SUMMARY = (
    select(NOTIFICATION_LOG.c.group_id, _SUMMARY.c.channel)
    .join(GROUP, GROUP.c.id == NOTIFICATION_LOG.c.summary)
    .join(_SUMMARY, _SUMMARY.c.group_id == GROUP.c.id)
    .where(NOTIFICATION_LOG.c.group_id.in_(bindparam("groups", expanding=True)))
    .where(GROUP.c.status != "resolved", _SUMMARY.c.notified_firing > 0)
    .where(NOTIFICATION_LOG.c.notified_at.is_(None))
    .where(
        exists()
        .where(MEMBER.c.group_id == NOTIFICATION_LOG.c.group_id, MEMBER.c.resolved_seq.is_(None))
        .where(MEMBER.c.fired_seq <= NOTIFICATION_LOG.c.notified_seq)
    )
)
"""Which channels were notified, in a summary that is still open, of what fires in groups."""
