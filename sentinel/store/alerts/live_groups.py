"""The groups in which live alerts are notified."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import select

from sentinel.store.database.chunks import chunks
from sentinel.store.database.tables import ALERT, GROUP, MEMBER, NOT_RESOLVED

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["LiveGroup", "live_groups", "unacknowledged_groups"]


class LiveGroup(msgspec.Struct, frozen=True, kw_only=True):
    """A group that is not resolved.

    Attributes:
        id: of the group
        title: of its last notification; empty before the first
        labels: the labels that its alerts share
    """

    id: str
    title: str
    labels: dict[str, str]


def live_groups(store: Store, alerts: Sequence[str]) -> dict[str, LiveGroup]:
    """Return the live group of each alert that has one.

    Args:
        store: the shared database
        alerts: ids of alerts

    Returns:
        groups by the id of the alert
    """
    found: dict[str, LiveGroup] = {}
    query = (
        select(MEMBER.c.alert_id, GROUP.c.id, GROUP.c.title, GROUP.c.labels)
        .select_from(MEMBER.join(GROUP, GROUP.c.id == MEMBER.c.group_id))
        .where(GROUP.c.status != "resolved")
    )
    with store.read() as connection:
        for some in chunks(alerts):
            for row in connection.execute(query.where(MEMBER.c.alert_id.in_(some))):
                found[row.alert_id] = LiveGroup(id=row.id, title=row.title, labels=row.labels)
    return found


def unacknowledged_groups(store: Store, groups: Sequence[str]) -> set[str]:
    """Return those of the groups that have an open alert, which nobody has acknowledged.

    Args:
        store: the shared database
        groups: ids of groups

    Returns:
        their ids
    """
    found: set[str] = set()
    query = (
        select(MEMBER.c.group_id)
        .select_from(MEMBER.join(ALERT, ALERT.c.id == MEMBER.c.alert_id))
        .where(NOT_RESOLVED, ALERT.c.status == "open")
        .distinct()
    )
    with store.read() as connection:
        for some in chunks(groups):
            found.update(connection.execute(query.where(MEMBER.c.group_id.in_(some))).scalars())
    return found
