"""Figures over the last hours, each answered by an index over time."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import func, select, text
from sqlmodel import col

from sentinel.access import EVERYTHING, Scope
from sentinel.rules.drill_rule import DRILL_RULE
from sentinel.schema.notifications import Delivery
from sentinel.schema.rules import RuleRow
from sentinel.store.database.scoped import alert_in, group_in, rule_in
from sentinel.store.database.tables import ALERT, DELIVERY, TIMELINE

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["MOST_COUNTED", "Counted", "Figures", "Statistics", "Storage"]

MOST_COUNTED = 100_000
"""So many alerts are counted for the storage: a million took 70 ms of every settings page."""


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What happened in the last `hours`, and how many alerts are active now.

    `active`, `critical` and `unacknowledged` are of now, each at most 10,001 for "more than
    10,000". `rule_evaluations` counts since each rule was first evaluated, not only in `hours`.
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


class Counted(msgspec.Struct, frozen=True):
    """Figures, and when the first of what they count leaves their period; None where none does.

    Until then, and while the change number and the rules' rows stay the same, so do the figures.
    """

    figures: Figures
    ends: datetime | None


class Storage(msgspec.Struct, frozen=True, kw_only=True):
    """How much the database holds; `bytes` is None where it cannot tell.

    `alerts` is at most `MOST_COUNTED` + 1, for more than so many.
    """

    where: str
    bytes: int | None
    alerts: int
    oldest: datetime | None


class Statistics:
    """Figures about the shared database."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def figures(self, hours: float = 24) -> Figures:
        """Return what happened in the last `hours`; a reopened alert counts as generated again.

        Args:
            hours: length of the period

        Returns:
            The figures. Fire drills are left out of what was generated and resolved; live ones are
            among the active alerts, as they are in the list, and their messages among those sent.
        """
        return self.counted(hours).figures

    def counted(self, hours: float = 24, scope: Scope = EVERYTHING) -> Counted:
        """Return what `figures` returns, of what is in scope, and how long it holds."""
        period = timedelta(hours=hours)
        since = self._store.now() - period
        counts = self._store.alerts.counts(scope=scope)
        happened = (
            select(TIMELINE.c.kind, func.count(), func.min(TIMELINE.c.at))
            .where(TIMELINE.c.at >= since, TIMELINE.c.kind.in_(("opened", "reopened", "resolved")))
            .group_by(TIMELINE.c.kind)
        )
        delivered = (
            select(col(Delivery.state), func.count(), func.min(col(Delivery.started_at)))
            .where(col(Delivery.started_at) >= since)
            .group_by(col(Delivery.state))
        )
        # Drills are found by their rule, so that nothing more is read of the other entries.
        of_drills = happened.join(ALERT, ALERT.c.id == TIMELINE.c.alert_id).where(
            ALERT.c.rule == DRILL_RULE, *alert_in(scope)
        )
        rules = select(func.sum(col(RuleRow.evaluations))).where(*rule_in(scope))
        if not scope.is_everything:
            happened = happened.join(ALERT, ALERT.c.id == TIMELINE.c.alert_id)
            happened = happened.where(*alert_in(scope))
            delivered = delivered.where(*group_in(scope, DELIVERY.c.group_id))
        with self._store.read() as connection:
            timeline = connection.execute(happened).tuples().all()
            drills = connection.execute(of_drills).tuples().all()
            deliveries = connection.execute(delivered).tuples().all()
            evaluations = connection.execute(rules).scalar()
        kinds = Counter({kind: number for kind, number, _ in timeline})
        kinds.subtract({kind: number for kind, number, _ in drills})
        states = {state: number for state, number, _ in deliveries}
        first = min((first for *_, first in (*timeline, *deliveries)), default=None)
        figures = Figures(
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
        return Counted(figures, None if first is None else first + period)

    def rules(self) -> tuple[int, int]:
        """Return how many rules are switched on, and how many there are."""
        query = select(func.count().filter(col(RuleRow.enabled)), func.count())
        with self._store.read() as connection:
            on, all_of_them = connection.execute(query.select_from(RuleRow)).one()
        return on, all_of_them

    def storage(self) -> Storage:
        """Return where the database is and how much it holds, counting to `MOST_COUNTED` alerts."""
        size = (
            "SELECT pg_database_size(current_database())"
            if self._store.dialect == "postgresql"
            else "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
        )
        some = select(ALERT.c.id).limit(MOST_COUNTED + 1).subquery()
        with self._store.read() as connection:
            return Storage(
                where=self._store.engine.url.render_as_string(hide_password=True),
                bytes=connection.execute(text(size)).scalar(),
                alerts=connection.execute(select(func.count()).select_from(some)).scalar() or 0,
                oldest=connection.execute(select(func.min(ALERT.c.opened_at))).scalar(),
            )
