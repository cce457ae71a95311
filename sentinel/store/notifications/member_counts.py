"""Count what fires in groups, so that a change costs by its own size and not by the group's.

A large group of which alerts only opened and resolved, or were only acknowledged, takes its numbers
over from its row, which is locked. Every other group is counted again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import (
    Connection,
    Row,
    and_,
    bindparam,
    case,
    false,
    func,
    select,
)

from sentinel.schema.columns import Moment
from sentinel.store.database.among import among
from sentinel.store.database.bulk import id_array
from sentinel.store.database.chunks import chunks
from sentinel.store.database.tables import ALERT, MEMBER
from sentinel.store.notifications.queries import muted_after

__all__ = ["MemberChanges", "MemberCount", "member_counts"]

_LARGE = 50
"""Firing members from which on a group's numbers are taken over."""


class MemberCount(msgspec.Struct, frozen=True, kw_only=True):
    """What fires in a group.

    Attributes:
        firing: number of firing alerts, at least 1
        acknowledged: how many of them are acknowledged
        suppressed: how many of them are suppressed or silenced
        severity: the highest of theirs
        title: of one of them
    """

    firing: int
    acknowledged: int
    suppressed: int
    severity: int
    title: str


class MemberChanges:
    """What one transaction changed in the members of groups.

    Attributes:
        opened: by group, the severity of each new member by its alert
        ended: by group, the alerts of the members that fire no more
        acknowledged: by group, how many more of its members are acknowledged, or fewer
        others: groups with changes of another kind
    """

    def __init__(self) -> None:
        self.opened: dict[str, dict[str, int]] = defaultdict(dict)
        self.ended: dict[str, set[str]] = defaultdict(set)
        self.acknowledged: dict[str, int] = defaultdict(int)
        self.others: set[str] = set()

    def has_news(self, group_id: str) -> bool:
        """Return whether more changed in a group than who has acknowledged, and what ended."""
        return group_id in self.others or bool(self.opened.get(group_id))

    def ends(self, rows: Iterable[Row[Any]]) -> None:
        """Add members that fire no more: their group and alert."""
        for group_id, alert_id in rows:
            self.ended[group_id].add(alert_id)

    def acknowledge(self, connection: Connection, steps: Mapping[str, int]) -> None:
        """Add what people acknowledged, or took back.

        Args:
            connection: the open transaction
            steps: by alert, 1 where it was acknowledged and -1 where that was taken back
        """
        alerts, parameter = id_array(connection, list(steps))
        firing = f"SELECT group_id, alert_id FROM group_member WHERE alert_id IN ({alerts})"  # noqa: S608 - no user text in it
        rows = connection.exec_driver_sql(f"{firing} AND resolved_seq IS NULL", (parameter,))
        for group_id, alert_id in rows:
            self.acknowledged[group_id] += steps[alert_id]


def member_counts(
    connection: Connection, groups: Mapping[str, Row[Any]], changes: MemberChanges, now: datetime
) -> dict[str, MemberCount]:
    """Return what fires in groups after a change.

    Args:
        connection: the open transaction, in which the changes are written
        groups: by id, their rows as they were before, locked
        changes: what changed in them
        now: the moment of the transaction

    Returns:
        By group; none for a group in which nothing fires.
    """
    found = _acknowledged(groups, changes) | _taken_over(connection, groups, changes, now)
    for piece in chunks(sorted(groups.keys() - found.keys())):
        for row in connection.execute(_COUNTS, {"ids": piece, "now": now}):
            found[row.group_id] = MemberCount(
                firing=row.firing, acknowledged=row.acked, suppressed=row.muted,
                severity=row.severity, title=row.title,
            )  # fmt: skip
    return found


def _acknowledged(groups: Mapping[str, Row[Any]], changes: MemberChanges) -> dict[str, MemberCount]:
    """Return the numbers of groups in which nothing changed but who is acknowledged."""
    return {
        group_id: MemberCount(
            firing=group.firing, acknowledged=group.acknowledged + step, suppressed=0,
            severity=group.severity, title=group.title,
        )
        for group_id, step in changes.acknowledged.items()
        if (group := groups[group_id]).firing >= _LARGE
        # A suppression runs out without a write.
        if group.status in ("open", "acknowledged") and not group.suppressed
        if group_id not in changes.others
        if not changes.opened.get(group_id) and not changes.ended.get(group_id)
    }  # fmt: skip


def _taken_over(
    connection: Connection, groups: Mapping[str, Row[Any]], changes: MemberChanges, now: datetime
) -> dict[str, MemberCount]:
    """Return the numbers that follow from those of the groups' rows and from the changes alone."""
    steady = [
        group
        for group in groups.values()
        # A suppression runs out without a write, and who acknowledged is not known afterwards.
        if group.status == "open" and not (group.acknowledged or group.suppressed)
        if group.firing >= _LARGE and group.id not in changes.others
        if group.id not in changes.acknowledged
        # What opened and ended at once is a matter of order.
        if not changes.opened[group.id].keys() & changes.ended[group.id]
    ]
    changed = {
        alert: group.id
        for group in steady
        for alert in changes.opened[group.id].keys() | changes.ended[group.id]
    }
    if not changed:
        return {}
    ended: dict[str, int] = defaultdict(int)
    muted: set[str] = set()
    for piece in chunks(sorted(changed)):
        for row in connection.execute(_CHANGED, {"alerts": piece, "now": now}):
            group_id = changed[row.id]
            if row.id in changes.ended[group_id]:
                ended[group_id] = max(ended[group_id], row.severity)
            elif row.muted:
                muted.add(group_id)
    found: dict[str, MemberCount] = {}
    for group in steady:
        opened = changes.opened[group.id]
        firing = group.firing + len(opened) - len(changes.ended[group.id])
        severity = max([group.severity, *opened.values()])
        if group.id in muted or firing < _LARGE:
            continue
        if ended[group.id] >= severity and severity not in opened.values():
            # The last one of the highest severity may have ended.
            asked = {"group": group.id, "severity": severity}
            if connection.execute(_ONE, asked).first() is None:
                continue
        found[group.id] = MemberCount(
            firing=firing, acknowledged=0, suppressed=0, severity=severity, title=group.title
        )
    return found


# Built once, since SQLAlchemy compiles a statement once for each object.
_NOW = bindparam("now", type_=Moment())
_MUTED = and_(ALERT.c.suppressed_until.is_not(None), ALERT.c.suppressed_until > _NOW)
_COUNTS = (
    select(
        MEMBER.c.group_id,
        func.count().label("firing"),
        func.sum(case((ALERT.c.status == "acknowledged", 1), else_=0)).label("acked"),
        func.sum(case((muted_after(_NOW), 1), else_=0)).label("muted"),
        func.max(ALERT.c.severity).label("severity"),
        func.min(ALERT.c.title).label("title"),
    )
    .join(ALERT, ALERT.c.id == MEMBER.c.alert_id)
    .where(among(MEMBER.c.group_id, "ids"), MEMBER.c.resolved_seq.is_(None))
    .group_by(MEMBER.c.group_id)
)
_CHANGED = select(
    ALERT.c.id, ALERT.c.severity, case((_MUTED, True), else_=false()).label("muted")
).where(among(ALERT.c.id, "alerts"))
_ONE = (
    select(MEMBER.c.alert_id)
    .join(ALERT, ALERT.c.id == MEMBER.c.alert_id)
    .where(MEMBER.c.group_id == bindparam("group"), MEMBER.c.resolved_seq.is_(None))
    .where(ALERT.c.severity == bindparam("severity"))
    .limit(1)
)
