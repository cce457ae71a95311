"""Statistics of escalations: how far they went, and how long until somebody acknowledged."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import BigInteger, Select, func, literal_column, select

from sentinel.access import EVERYTHING, Scope
from sentinel.store.database.scoped import in_scope
from sentinel.store.escalations.rows import ESCALATION
from sentinel.store.reports.rollups import milliseconds

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = [
    "EscalationFigures", "LevelFigures", "PolicyFigures", "escalation_figures", "figures_query",
]  # fmt: skip


class LevelFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of one level.

    Attributes:
        level: from 1 on; 0 for before anybody was paged
        reached: how many escalations paged somebody at this level, or at a later one
        acknowledged: how many were acknowledged first at this level
        seconds: mean time of these from the opening of the group to that acknowledgement; None
            for none
    """

    level: int
    reached: int
    acknowledged: int
    seconds: float | None


class PolicyFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of the escalations of one policy and team.

    Attributes:
        policy: its name; empty for a rule's own
        team: of the alert that opened the group; empty for none
        escalations: how many began in the period
        acknowledged: how many of them were acknowledged, whether that holds or not
        seconds: mean time from the opening of the group to the first acknowledgement of all of it;
            None for none
        levels: by level; those that nobody reached and where nobody acknowledged are left out
    """

    policy: str
    team: str
    escalations: int
    acknowledged: int
    seconds: float | None
    levels: list[LevelFigures]


class EscalationFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of a period.

    Attributes:
        since: where it begins
        until: where it ends
        total: of all policies and teams together; its `policy` and `team` are empty
        policies: of each policy and team, most escalations first
    """

    since: datetime
    until: datetime
    total: PolicyFigures
    policies: list[PolicyFigures]


def escalation_figures(
    store: Store, hours: float = 24, *, policy: str | None = None, team: str | None = None,
    scope: Scope = EVERYTHING,
) -> EscalationFigures:  # fmt: skip
    """Return how far the escalations of the last hours went, without those of fire drills.

    A level that pages somebody only since its group became more severe later is not counted.

    Args:
        store: the shared database
        hours: length of the period, which an escalation is in by when its group opened
        policy: only those of this policy; empty for those of rules' own, None for all
        team: only those of this team; empty for those of no team, None for all
        scope: whose escalations

    Returns:
        The figures, read from an index alone.
    """
    now = store.now()
    since = now - timedelta(hours=hours)
    query = figures_query(store.dialect, since, policy=policy, team=team, scope=scope)
    with store.read() as connection:
        rows: Sequence[Any] = connection.execute(query).all()
    kinds: dict[tuple[str, str], list[Any]] = {}
    for row in rows:
        kinds.setdefault((row.policy, row.team), []).append(row)
    found = [_figures(*names, some) for names, some in kinds.items()]
    found.sort(key=lambda one: (-one.escalations, one.policy, one.team))
    return EscalationFigures(
        since=since, until=now, total=_figures("", "", rows), policies=found
    )  # fmt: skip


def figures_query(
    dialect: str, since: datetime, *, policy: str | None = None, team: str | None = None,
    scope: Scope = EVERYTHING,
) -> Select[Any]:  # fmt: skip
    """Return the statement of `escalation_figures`, which reads the index over time alone.

    Args:
        dialect: of the database
        since: where the period begins
        policy: only those of this policy; None for all
        team: only those of this team; None for all
        scope: whose escalations

    Returns:
        The statement: a row for each policy, team, highest level and level of the acknowledgement.
    """
    took = literal_column(milliseconds(dialect, "opened_at", "answered_at"), BigInteger)
    by = [ESCALATION.c[name] for name in ("policy", "team", "highest_level", "answered_level")]
    query = (
        select(
            *by, func.count().label("count"), func.count(ESCALATION.c.answered_at).label("taken"),
            took.label("took"),
        )
        .where(ESCALATION.c.opened_at >= since, ESCALATION.c.drill.is_(False))
        .where(*in_scope(scope, ESCALATION.c.tenant, ESCALATION.c.team))
        .group_by(*by)
    )  # fmt: skip
    for column, name in ((ESCALATION.c.policy, policy), (ESCALATION.c.team, team)):
        if name is not None:
            query = query.where(column == name)
    return query


def _figures(policy: str, team: str, rows: Sequence[Any]) -> PolicyFigures:
    top = max((max(row.highest_level, row.answered_level) for row in rows), default=0)
    levels = [_level(number, rows) for number in range(top + 1)]
    return PolicyFigures(
        policy=policy, team=team, escalations=sum(row.count for row in rows),
        acknowledged=sum(row.taken for row in rows), seconds=_mean(rows),
        levels=[one for one in levels if (one.reached and one.level) or one.acknowledged],
    )  # fmt: skip


def _level(level: int, rows: Sequence[Any]) -> LevelFigures:
    answered = [row for row in rows if row.answered_level == level]
    return LevelFigures(
        level=level, reached=sum(row.count for row in rows if row.highest_level >= level),
        acknowledged=sum(row.taken for row in answered), seconds=_mean(answered),
    )  # fmt: skip


def _mean(rows: Sequence[Any]) -> float | None:
    count = sum(row.taken for row in rows)
    return sum(row.took for row in rows) / count / 1000 if count else None
