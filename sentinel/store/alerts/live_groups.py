"""The groups in which live alerts are notified."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import select

from sentinel.access import EVERYTHING, Scope
from sentinel.store.database.chunks import chunks
from sentinel.store.database.scoped import alert_in, group_in
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


def live_groups(
    store: Store, alerts: Sequence[str], scope: Scope = EVERYTHING
) -> dict[str, LiveGroup]:
    """Return the live group of each alert that has one.

    Args:
        store: the shared database
        alerts: ids of alerts
        scope: of whoever asks; a title names all alerts of its group

    Returns:
        groups by the id of the alert
    """
    found: dict[str, LiveGroup] = {}
    # By other names than the tables have in the condition of the scope.
    own, group = MEMBER.alias("own"), GROUP.alias("shown")
    query = (
        select(own.c.alert_id, group.c.id, group.c.title, group.c.labels)
        .select_from(own.join(group, group.c.id == own.c.group_id))
        .where(group.c.status != "resolved", *group_in(scope, group.c.id))
        .order_by(group.c.id.desc())  # an alert of several routes is shown in its first group
    )
    with store.read() as connection:
        for some in chunks(alerts):
            for row in connection.execute(query.where(own.c.alert_id.in_(some))):
                found[row.alert_id] = LiveGroup(id=row.id, title=row.title, labels=row.labels)
    return found


def unacknowledged_groups(
    store: Store, groups: Sequence[str], scope: Scope = EVERYTHING
) -> set[str]:
    """Return those of the groups that have an open alert, which nobody has acknowledged.

    Args:
        store: the shared database
        groups: ids of groups
        scope: of whoever asks; alerts that are not in it do not count

    Returns:
        their ids
    """
    found: set[str] = set()
    query = (
        select(MEMBER.c.group_id)
        .select_from(MEMBER.join(ALERT, ALERT.c.id == MEMBER.c.alert_id))
        .where(NOT_RESOLVED, ALERT.c.status == "open", *alert_in(scope))
        .distinct()
    )
    with store.read() as connection:
        for some in chunks(groups):
            found.update(connection.execute(query.where(MEMBER.c.group_id.in_(some))).scalars())
    return found
