"""A scope as a condition in SQL."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, and_, exists, false, not_, or_, select, true

from sentinel.access import Scope
from sentinel.store.database.tables import ALERT, GROUP, MEMBER, RULE

__all__ = ["alert_in", "group_in", "in_scope", "rule_in", "scope_text"]


def in_scope(
    scope: Scope, tenant: ColumnElement[str], team: ColumnElement[Any] | None
) -> list[ColumnElement[bool]]:
    """Return the conditions under which a row is in scope.

    Args:
        scope: what may be seen or changed
        tenant: the row's tenant
        team: the row's team; None where it belongs to the tenant as a whole

    Returns:
        Conditions that must all hold; none where everything is in scope.
    """
    if scope.parts is None:
        return []
    parts: list[ColumnElement[bool]] = []
    for part in scope.parts:
        where: list[ColumnElement[bool]] = []
        if part.tenants is not None:
            where.append(tenant.in_(sorted(part.tenants)))
        if part.teams is not None:
            if team is None:
                continue
            where.append(team.in_(sorted(part.teams)))
        parts.append(and_(true(), *where))
    return [or_(false(), *parts)]


def scope_text(scope: Scope) -> tuple[str, tuple[str, ...]]:
    """Return the conditions under which an alert is in scope, as text for other conditions.

    Args:
        scope: what may be seen

    Returns:
        SQL that ends in AND, empty where everything is in scope, and the cells of its `?`.
    """
    if scope.parts is None:
        return "", ()
    parts: list[str] = ["1 = 0"]
    cells: list[str] = []
    for part in scope.parts:
        where: list[str] = ["1 = 1"]
        for column, names in (("tenant", part.tenants), ("team", part.teams)):
            if names is not None:
                where.append(f"{column} IN ({', '.join('?' * len(names))})" if names else "1 = 0")
                cells += sorted(names)
        parts.append(" AND ".join(where))
    return f"({' OR '.join(f'({one})' for one in parts)}) AND", tuple(cells)


def alert_in(scope: Scope) -> list[ColumnElement[bool]]:
    """Return the conditions under which an alert is in scope."""
    return in_scope(scope, ALERT.c.tenant, ALERT.c.team)


def rule_in(scope: Scope) -> list[ColumnElement[bool]]:
    """Return the conditions under which a rule is in scope."""
    return in_scope(scope, RULE.c.tenant, RULE.c.spec["team"].as_string())


def group_in(scope: Scope, group_id: ColumnElement[str]) -> list[ColumnElement[bool]]:
    """Return the conditions under which a group, and what is sent about it, is in scope.

    A message names all alerts of its group, so a group is in scope where none of its alerts is
    outside. A group that is deleted is in nobody's scope but that of everything.

    Args:
        scope: what may be seen
        group_id: a column that refers to the group

    Returns:
        Conditions that must all hold; none where everything is in scope.
    """
    if scope.parts is None:
        return []
    whole = in_scope(scope, GROUP.c.tenant, None)
    tenants = select(GROUP.c.id).where(GROUP.c.id == group_id)
    if all(part.teams is None for part in scope.parts):
        return [exists(tenants.where(*whole))]
    members = (
        select(MEMBER.c.alert_id)
        .join(ALERT, ALERT.c.id == MEMBER.c.alert_id)
        .where(MEMBER.c.group_id == group_id)
    )
    all_inside = and_(
        exists(members), not_(exists(members.where(not_(and_(true(), *alert_in(scope))))))
    )
    return [or_(exists(tenants.where(*whole)), all_inside)]
