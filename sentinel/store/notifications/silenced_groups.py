"""The firing alerts and the groups that a silence by matchers concerns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, select

from sentinel.labels.matcher_index import MatcherIndex
from sentinel.labels.matchers import Matcher
from sentinel.store.database.chunks import chunks
from sentinel.store.database.tables import ALERT, GROUP, MEMBER, NOT_RESOLVED
from sentinel.store.notifications.rule_labels import COLUMNS, RuleLabels

__all__ = ["groups_of", "lock_groups", "matching", "muted_by"]


def matching(connection: Connection, tenant: str, sets: Sequence[Sequence[Matcher]]) -> list[Any]:
    """Return the firing alerts of a tenant that match one of the sets."""
    query = _FIRING
    rules = {
        next((one.text for one in every if one.label == "rule" and one.certain), None)
        for every in sets
    }
    if None not in rules:
        query = query.where(ALERT.c.rule.in_(sorted(name for name in rules if name)))
    labels = RuleLabels(connection)
    index = MatcherIndex((every, True) for every in sets)
    found = connection.execute(query, {"tenant": tenant})
    return [row for row in found if index.matching(labels.of(row))]


def groups_of(connection: Connection, alerts: Sequence[str]) -> list[str]:
    """Return the groups in which alerts fire, sorted."""
    found: set[str] = set()
    for piece in chunks(alerts):
        found.update(connection.execute(_GROUPS, {"alerts": piece}).scalars())
    return sorted(found)


def lock_groups(connection: Connection, groups: Sequence[str]) -> None:
    """Lock groups in the order in which all transactions do; the ids are sorted."""
    for piece in chunks(groups):
        connection.execute(_LOCK, {"ids": piece}).all()


def muted_by(connection: Connection, silence_id: str) -> list[str]:
    """Return the groups with a firing member that a silence mutes or muted last, sorted."""
    return sorted(set(connection.execute(_MUTED_BY, {"by": silence_id}).scalars()))


# Built once, since SQLAlchemy compiles a statement once for each object.
_FIRING = select(ALERT.c.id, ALERT.c.title, ALERT.c.severity, *COLUMNS).where(
    NOT_RESOLVED,
    ALERT.c.status.in_(("open", "acknowledged")),
    ALERT.c.tenant == bindparam("tenant"),
)
_GROUPS = select(MEMBER.c.group_id).where(
    MEMBER.c.alert_id.in_(bindparam("alerts", expanding=True)), MEMBER.c.resolved_seq.is_(None)
)
_MUTED_BY = select(MEMBER.c.group_id).where(
    MEMBER.c.muted_by == bindparam("by"), MEMBER.c.muted_by != "", MEMBER.c.resolved_seq.is_(None)
)
_LOCK = (
    select(GROUP.c.id)
    .where(GROUP.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(GROUP.c.id)
    .with_for_update()
)
