"""Figures over the last hours, each answered by an index over time."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import func, select
from sqlmodel import col

from sentinel.models import Delivery, RuleRow
from sentinel.store.tables import TIMELINE

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["Figures", "Statistics"]


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What happened in `hours`, and what is so now.

    `active`, `critical` and `unacknowledged` are of now, each at most 10,001 for "more than
    10,000". `rule_evaluations` counts since each rule was first seen, not only in `hours`.
    """

    hours: float
    active: int
    critical: int
    unacknowledged: int
    generated: int
    resolved: int
    notifications_sent: int
    notification_failures: int
    rule_evaluations: int


class Statistics:
    """Figures about the shared database."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def figures(self, hours: float = 24) -> Figures:
        """What happened in the last `hours`; a reopened alert counts as generated again."""
        since = self._store.now() - timedelta(hours=hours)
        counts = self._store.alerts.counts()
        happened = (
            select(TIMELINE.c.kind, func.count())
            .where(TIMELINE.c.at >= since, TIMELINE.c.kind.in_(("opened", "reopened", "resolved")))
            .group_by(TIMELINE.c.kind)
        )
        delivered = (
            select(col(Delivery.state), func.count())
            .where(col(Delivery.started_at) >= since)
            .group_by(col(Delivery.state))
        )
        with self._store.read() as connection:
            kinds = dict(connection.execute(happened).tuples().all())
            states = dict(connection.execute(delivered).tuples().all())
            evaluations = connection.execute(select(func.sum(col(RuleRow.evaluations)))).scalar()
        return Figures(
            hours=hours,
            active=counts.active,
            critical=counts.by_severity["critical"],
            unacknowledged=counts.unacknowledged,
            generated=kinds.get("opened", 0) + kinds.get("reopened", 0),
            resolved=kinds.get("resolved", 0),
            notifications_sent=states.get("sent", 0),
            notification_failures=states.get("failed", 0) + states.get("refused", 0),
            rule_evaluations=int(evaluations or 0),
        )
