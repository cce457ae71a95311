"""Channels that are added to a receiver while some of its groups are open."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import Connection, select

from sentinel.notifications.reasons import Reason
from sentinel.store.database.chunks import chunks
from sentinel.store.database.insert import insert_into
from sentinel.store.database.tables import NOTIFICATION_LOG

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["OpenGroup", "begin_later"]


class OpenGroup(msgspec.Struct, frozen=True):
    """An open group, and which of its receivers are changed."""

    id: str
    receivers: tuple[str, ...]
    seq: int
    severity: int
    firing: int


def begin_later(
    store: Store, connection: Connection, groups: Sequence[OpenGroup], channels: Sequence[str]
) -> set[str]:
    """Have new channels begin with what opens from now on.

    Args:
        store: whose transaction it is
        connection: an open writing transaction
        groups: the open groups of the receiver
        channels: that are new in it

    Returns:
        The ids of the groups that the channels are not notified of: those that another channel
        was notified of. The others still have to be sent to somebody.
    """
    told: set[str] = set()
    for piece in chunks(sorted(group.id for group in groups)):
        query = select(NOTIFICATION_LOG.c.group_id.distinct()).where(
            NOTIFICATION_LOG.c.group_id.in_(piece), NOTIFICATION_LOG.c.told_firing > 0
        )
        told |= set(connection.execute(query).scalars())
    rows = [
        {
            "group_id": group.id, "receiver": receiver, "channel": channel,
            "told_seq": group.seq, "told_firing": 0, "told_severity": group.severity,
            "reason": str(Reason.OPEN_BEFORE), "decided_at": store.now(), "attempts": 0,
            "error": "", "reference": "",
        }
        for group in groups
        if group.id in told
        for receiver in group.receivers
        for channel in channels
    ]  # fmt: skip
    if rows:
        # One that was in the receiver before knows what it was notified of.
        connection.execute(
            insert_into(store.dialect, NOTIFICATION_LOG).on_conflict_do_nothing(), rows
        )
    return told
