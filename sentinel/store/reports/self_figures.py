"""Figures of Sentinel itself, for `GET /metrics` and rules: queues, lateness, latency, sizes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Connection, Select, func, select

from sentinel.duration import parse_duration
from sentinel.metrics.sample import Sample
from sentinel.schema.archive import ArchiveFile
from sentinel.schema.notifications import Delivery, OutboxEvent, Wake
from sentinel.schema.posted_batches import PostedBatch
from sentinel.store.alerts.live_counts import CAP
from sentinel.store.database.component_reports import reported
from sentinel.store.database.info import database_bytes
from sentinel.store.database.tables import ALERT, GROUP, NOT_RESOLVED, RULE, table_of
from sentinel.store.rules.health import BY_EVENT

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["LATE_AFTER", "Figure", "keep_self_figures", "overdue_rules", "self_figures"]

_OUTBOX, _WAKE, _DELIVERY = table_of(OutboxEvent), table_of(Wake), table_of(Delivery)
_POSTED, _FILE = table_of(PostedBatch), table_of(ArchiveFile)
_ACTIVE = select(func.count()).select_from(ALERT).where(NOT_RESOLVED)
_HOUR = timedelta(hours=1)
_MOST_LATENCIES = 10_000
LATE_AFTER = 3
"""An evaluation is overdue when so many periods and a minute have passed since the last one."""
_MINUTE = timedelta(minutes=1)


class Figure(msgspec.Struct, frozen=True):
    """A figure of this moment: its name, what it is, its value and its unit."""

    name: str
    about: str
    value: float
    unit: str = ""


def self_figures(store: Store) -> list[Figure]:
    """Return the figures of this moment; each is one query that an index answers.

    Args:
        store: the shared database

    Returns:
        The figures. One that cannot be known, such as the age of a backup that was never written,
        is left out.

    Raises:
        DatabaseError: the database does not answer
    """
    now = store.now()
    with store.read() as connection:
        found = [*_queues(connection, now), *_latency(connection, now), *_archive(connection)]
        active = int(connection.execute(_ACTIVE).scalar_one())
        overdue = _overdue(connection, now)
        found.append(Figure("sentinel_database_bytes", "Size of the database.",
                            database_bytes(store, connection), "bytes"))  # fmt: skip
    share = 100 * active / store.options.most_active_alerts
    found.append(Figure("sentinel_active_alerts_percent", "Active alerts, of those that the "
                        "instance is sized for.", share, "percent"))  # fmt: skip
    found.append(Figure("sentinel_rules_overdue", "Rules whose evaluation is overdue by three "
                        "periods and a minute.", len(overdue)))  # fmt: skip
    found.append(Figure("sentinel_rule_late_seconds", "By how long the latest of them is.",
                        max((late.total_seconds() for _, late in overdue), default=0.0),
                        "seconds"))  # fmt: skip
    backup = reported(store).get("backup")
    if backup is not None:
        age = (now - backup.at).total_seconds()
        ok = int(backup.state != "wrong")
        found.append(Figure("sentinel_backup_age_seconds", "Age of the last backup, or attempt.",
                            age, "seconds"))  # fmt: skip
        found.append(Figure("sentinel_backup_usable", "1 where it succeeded and restores.", ok))
    return found


def keep_self_figures(store: Store) -> int:
    """Keep the figures as samples of metrics, which rules and dashboards read.

    Args:
        store: the shared database

    Returns:
        How many were kept.
    """
    samples = [
        Sample(name=one.name, value=float(one.value), unit=one.unit) for one in self_figures(store)
    ]
    return store.metrics.add(samples)


def overdue_rules(store: Store) -> list[tuple[str, timedelta]]:
    """Return the rules whose evaluation is overdue, and by how long, the latest first.

    Rules with a cron schedule, rules that events evaluate, and rules that are switched off or
    paused are never overdue.

    Args:
        store: the shared database

    Returns:
        Names, with the tenant before them where it is not `default`.
    """
    with store.read() as connection:
        return _overdue(connection, store.now())


def _overdue(connection: Connection, now: datetime) -> list[tuple[str, timedelta]]:
    query = select(
        RULE.c.tenant, RULE.c.name, RULE.c.spec["every"].as_string().label("every"),
        RULE.c.evaluated_at,
    ).where(
        RULE.c.enabled, ~RULE.c.paused, RULE.c.deployment_id.is_not(None), RULE.c.pack == "",
        RULE.c.trigger.not_in(BY_EVENT), RULE.c.evaluated_at < now - _MINUTE,
    )  # fmt: skip
    found: list[tuple[str, timedelta]] = []
    for row in connection.execute(query):
        if not row.every:
            continue
        late = now - row.evaluated_at - LATE_AFTER * parse_duration(row.every) - _MINUTE
        if late > timedelta(0):
            name = row.name if row.tenant == "default" else f"{row.tenant}/{row.name}"
            found.append((name, late))
    return sorted(found, key=lambda one: one[1], reverse=True)


def _queues(connection: Connection, now: datetime) -> Iterator[Figure]:
    """Yield length and age of each queue; a length of 10,001 is more than 10,000."""
    queues: tuple[tuple[str, str, Select[Any]], ...] = (
        ("outbox", "events that are not published to Prefect",
         select(_OUTBOX.c.occurred.label("at")).where(_OUTBOX.c.published_at.is_(None))),
        ("notifications", "groups whose notification is due",
         select(GROUP.c.due_at.label("at")).where(GROUP.c.due_at <= now)),
        ("wakes", "wakes that nobody has served",
         select(_WAKE.c.requested_at.label("at")).where(_WAKE.c.requested > _WAKE.c.served)),
        ("posted", "batches of posted alerts that are not applied",
         select(_POSTED.c.at.label("at")).where(_POSTED.c.pending)),
    )  # fmt: skip
    for name, about, query in queues:
        some = query.limit(CAP + 1).subquery()
        row = connection.execute(select(func.count(), func.min(some.c.at)).select_from(some)).one()
        count, oldest = int(row[0]), row[1]
        age = 0.0 if oldest is None else max(0.0, (now - oldest).total_seconds())
        yield Figure(f"sentinel_{name}_waiting", f"Number of {about}; 10001 is more.", count)
        yield Figure(f"sentinel_{name}_oldest_seconds", f"Age of the oldest of the {about}.",
                     age, "seconds")  # fmt: skip


def _latency(connection: Connection, now: datetime) -> Iterator[Figure]:
    """Yield how long channels took for messages of the last hour."""
    query = (
        select(_DELIVERY.c.latency_ms)
        .where(_DELIVERY.c.started_at >= now - _HOUR, _DELIVERY.c.latency_ms.is_not(None))
        .order_by(_DELIVERY.c.started_at.desc())
        .limit(_MOST_LATENCIES)
    )
    took = sorted(connection.execute(query).scalars())
    if took:
        at = took[min(len(took) - 1, int(len(took) * 0.95))]
        about = "95th percentile of how long channels took for a message, in the last hour."
        yield Figure("sentinel_delivery_p95_seconds", about, at / 1000, "seconds")


def _archive(connection: Connection) -> Iterator[Figure]:
    kept = _FILE.c.state == "kept"
    query = select(func.coalesce(func.sum(_FILE.c.bytes), 0)).where(kept)
    yield Figure("sentinel_archive_bytes", "Size of the archive's files.",
                 int(connection.execute(query).scalar_one()), "bytes")  # fmt: skip
