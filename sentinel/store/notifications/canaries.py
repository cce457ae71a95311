"""The newest canaries, and which channels took them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import BindParameter, Connection, Row, bindparam, or_, select

from sentinel.notifications.canary import (
    Arrival,
    Canary,
    CanaryPath,
    CanaryPlan,
    judge,
    plan_from,
)
from sentinel.rules.drill_rule import CANARY, DRILL_RULE
from sentinel.store.database.tables import ALERT, DELIVERY, MEMBER, NOT_RESOLVED, NOTIFICATION_LOG

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["canary_paths", "last_plan", "open_canaries"]

_READ = 200
"""So many of the newest drills and canaries are read: several runs of the most receivers."""


def open_canaries(store: Store) -> list[str]:
    """Return the ids of the canaries that are not resolved."""
    with store.read() as connection:
        rows = connection.execute(_OPEN).all()
    return [row.id for row in rows if CANARY in row.labels]


def last_plan(store: Store) -> CanaryPlan | None:
    """Return the plan of the newest run of canaries; None where none is stored."""
    with store.read() as connection:
        rows = _canaries(connection)
    return plan_from(rows[0].details) if rows else None


def canary_paths(store: Store) -> tuple[CanaryPlan | None, list[CanaryPath]]:
    """Return how each path of the newest run of canaries stands.

    Args:
        store: the shared database

    Returns:
        The plan of that run, None where none is stored; and its paths.
    """
    with store.read() as connection:
        rows = _canaries(connection)
        if not rows:
            return None, []
        plan = plan_from(rows[0].details)
        newest: dict[str, Row[Any]] = {}
        for row in rows:
            newest.setdefault(row.labels[CANARY], row)
        canaries = _followed(connection, list(newest.values()))
        last = _last_taken(connection, rows)
        channels = store.receivers.all_in(connection)
    return plan, judge(plan, canaries, channels, last, store.now())


def _canaries(connection: Connection) -> list[Row[Any]]:
    """Return the newest canaries of all receivers, the newest first."""
    return [row for row in connection.execute(_NEWEST) if CANARY in row.labels]


def _followed(connection: Connection, rows: Sequence[Row[Any]]) -> list[Canary]:
    """Return canaries with what became of each in each channel of its receiver."""
    arrivals: dict[str, dict[str, Arrival]] = {row.id: {} for row in rows}
    opened = {row.id: row.opened_at for row in rows}
    asked = {"alerts": list(arrivals)}
    for kept in connection.execute(_LOG, asked):
        why = kept.error or str(kept.reason)
        arrivals[kept.alert_id][kept.channel] = Arrival(error=why, held=bool(kept.summary))
    for sent in connection.execute(_SENDS, asked):
        # What is sent once it is resolved is not what was to arrive.
        taken = arrivals[sent.alert_id].get(sent.channel)
        if sent.ended_at < opened[sent.alert_id] or (taken is not None and taken.at is not None):
            continue
        if sent.state == "sent":
            arrivals[sent.alert_id][sent.channel] = Arrival(at=sent.ended_at)
        else:
            arrivals[sent.alert_id][sent.channel] = Arrival(error=sent.error)
    return [
        Canary(
            alert_id=row.id, receiver=row.labels[CANARY], opened_at=row.opened_at,
            arrivals=arrivals[row.id],
        )
        for row in rows
    ]  # fmt: skip


def _last_taken(
    connection: Connection, rows: Sequence[Row[Any]]
) -> dict[tuple[str, str], datetime]:
    receiver = {row.id: row.labels[CANARY] for row in rows}
    found: dict[tuple[str, str], datetime] = {}
    for sent in connection.execute(_SENDS, {"alerts": list(receiver)}):
        if sent.state == "sent":
            key = (receiver[sent.alert_id], sent.channel)
            found[key] = max(found.get(key, sent.ended_at), sent.ended_at)
    return found


# Built once, since SQLAlchemy compiles a statement once for each object.
_ALERTS: BindParameter[Any] = bindparam("alerts", expanding=True)
_OPEN = select(ALERT.c.id, ALERT.c.labels).where(ALERT.c.rule == DRILL_RULE, NOT_RESOLVED)
_NEWEST = (
    select(ALERT.c.id, ALERT.c.labels, ALERT.c.details, ALERT.c.opened_at)
    .where(ALERT.c.rule == DRILL_RULE)
    .order_by(ALERT.c.opened_at.desc(), ALERT.c.id.desc())
    .limit(_READ)
)
_LOG = (
    select(
        MEMBER.c.alert_id, NOTIFICATION_LOG.c.channel, NOTIFICATION_LOG.c.error,
        NOTIFICATION_LOG.c.reason, NOTIFICATION_LOG.c.summary,
    )
    .join(NOTIFICATION_LOG, NOTIFICATION_LOG.c.group_id == MEMBER.c.group_id)
    .where(MEMBER.c.alert_id.in_(_ALERTS))
)  # fmt: skip
_SENDS = (
    select(MEMBER.c.alert_id, DELIVERY.c.channel, DELIVERY.c.state, DELIVERY.c.error,
           DELIVERY.c.ended_at)
    .join(DELIVERY, DELIVERY.c.group_id == MEMBER.c.group_id)
    .join(ALERT, ALERT.c.id == MEMBER.c.alert_id)
    .where(MEMBER.c.alert_id.in_(_ALERTS), DELIVERY.c.ended_at.is_not(None))
    .where(or_(ALERT.c.resolved_at.is_(None), DELIVERY.c.started_at < ALERT.c.resolved_at))
    .order_by(DELIVERY.c.ended_at, DELIVERY.c.id)
)  # fmt: skip
