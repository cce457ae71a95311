"""Figures of a period of time, beside the period before it: how many, how quickly, of which rules.

Each figure's meaning is written where it is made; the overview page shows the same words.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import ColumnElement, Float, Select, cast, func, literal_column, select

from sentinel.store.tables import ALERT

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["DEFINITIONS", "Bucket", "Noisy", "Period", "Trend", "seconds_between", "trend"]

DEFINITIONS = {
    "opened": "Alerts that opened in the period. One that reopened counts by when it first opened.",
    "resolved": "Alerts that ended in the period, whoever or whatever ended them.",
    "acknowledge": (
        "Mean time from opened to acknowledged, of alerts that opened in the period and have been "
        "acknowledged (by the acknowledgement that holds now or held when they ended)."
    ),
    "resolve": "Mean time from opened to resolved, of alerts that ended in the period.",
    "unattended": (
        "Alerts that opened in the period and were never acknowledged, whether they ended by "
        "themselves or are still open."
    ),
}
MOST_RULES = 12


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of one period; times in seconds, None where nothing was measured."""

    opened: int
    resolved: int
    unattended: int
    acknowledge: float | None
    resolve: float | None


class Bucket(msgspec.Struct, frozen=True, kw_only=True):
    """How many alerts of one severity opened from `at` on, for one step."""

    at: datetime
    severity: int
    opened: int


class Noisy(msgspec.Struct, frozen=True, kw_only=True):
    """A rule by how much it opened; times in seconds."""

    rule: str
    opened: int
    before: int
    critical: int
    unattended: int
    acknowledge: float | None
    resolve: float | None


class Trend(msgspec.Struct, frozen=True, kw_only=True):
    """A period beside the one before.

    Attributes:
        step: width of a bucket
        by_category, by_team: how many opened, the most first
    """

    since: datetime
    until: datetime
    step: timedelta
    now: Period
    before: Period
    buckets: list[Bucket]
    by_category: list[tuple[str, int]]
    by_team: list[tuple[str, int]]
    noisy: list[Noisy]


def trend(store: Store, length: timedelta, step: timedelta) -> Trend:
    """The last `length` in steps of `step`, and the same length before it.

    Args:
        store: the shared database
        length: of the period that ends now
        step: of the chart, whole minutes
    """
    until = store.now()
    since = until - length
    with store.read() as connection:

        def rows(query: Select[Any]) -> list[Any]:
            return list(connection.execute(query))

        bucket = _bucket(store.dialect, step)
        opened = _within(ALERT.c.opened_at, since, until)
        buckets = rows(
            select(bucket.label("at"), ALERT.c.severity, func.count().label("n"))
            .where(*opened)
            .group_by(literal_column("at"), ALERT.c.severity)
        )
        by = {
            name: rows(
                select(ALERT.c[name], func.count().label("n"))
                .where(*opened)
                .group_by(ALERT.c[name])
                .order_by(func.count().desc())
                .limit(MOST_RULES)
            )
            for name in ("category", "team")
        }
        ack = func.avg(seconds_between(store.dialect, ALERT.c.opened_at, ALERT.c.acknowledged_at))
        took = func.avg(seconds_between(store.dialect, ALERT.c.opened_at, ALERT.c.resolved_at))
        unattended = func.count().filter(ALERT.c.acknowledged_at.is_(None))
        noisy = rows(
            select(
                ALERT.c.rule,
                func.count().label("n"),
                func.count().filter(ALERT.c.severity == 5).label("critical"),
                unattended.label("unattended"),
                ack.label("acknowledge"),
                took.label("resolve"),
            )
            .where(*opened)
            .group_by(ALERT.c.rule)
            .order_by(func.count().desc(), ALERT.c.rule)
            .limit(MOST_RULES)
        )
        names = [row.rule for row in noisy]
        earlier = _within(ALERT.c.opened_at, since - length, since)
        before = {
            row.rule: row.n
            for row in rows(
                select(ALERT.c.rule, func.count().label("n"))
                .where(ALERT.c.rule.in_(names), *earlier)
                .group_by(ALERT.c.rule)
            )
        }

        def period(start: datetime, end: datetime) -> Period:
            (told,) = rows(
                select(func.count().label("n"), unattended.label("unattended"), ack.label("ack"))
                .where(*_within(ALERT.c.opened_at, start, end))
            )  # fmt: skip
            (over,) = rows(
                select(func.count().label("n"), took.label("took"))
                .where(ALERT.c.status == "resolved", ALERT.c.opened_at.is_not(None))
                .where(*_within(ALERT.c.resolved_at, start, end))
            )  # fmt: skip
            return Period(
                opened=told.n, resolved=over.n, unattended=told.unattended,
                acknowledge=_number(told.ack), resolve=_number(over.took),
            )  # fmt: skip

        return Trend(
            since=since,
            until=until,
            step=step,
            now=period(since, until),
            before=period(since - length, since),
            buckets=[
                Bucket(at=_at(row.at, step, until), severity=row.severity, opened=row.n)
                for row in buckets
            ],
            by_category=[(row.category or "none", row.n) for row in by["category"]],
            by_team=[(row.team or "none", row.n) for row in by["team"]],
            noisy=[
                Noisy(
                    rule=row.rule, opened=row.n, before=before.get(row.rule, 0),
                    critical=row.critical, unattended=row.unattended,
                    acknowledge=_number(row.acknowledge), resolve=_number(row.resolve),
                )
                for row in noisy
            ],
        )  # fmt: skip


def _within(column: ColumnElement[Any], start: datetime, end: datetime) -> list[Any]:
    return [column > start, column <= end]


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _epoch(dialect: str, name: str) -> ColumnElement[float]:
    """Seconds since 1970 of a moment's column; the name is ours."""
    if dialect == "postgresql":
        return literal_column(f"extract(epoch FROM {name})::float8")
    return literal_column(f"((julianday({name}) - 2440587.5) * 86400.0)")


def seconds_between(dialect: str, start: Any, end: Any) -> ColumnElement[float]:
    """Seconds from one moment's column to another's."""
    return cast(_epoch(dialect, end.name) - _epoch(dialect, start.name), Float)


def _bucket(dialect: str, step: timedelta) -> ColumnElement[Any]:
    """The number of the step that an alert opened in."""
    width = int(step.total_seconds())
    if dialect == "postgresql":
        return literal_column(f"floor(extract(epoch FROM opened_at) / {width})::int8")
    return literal_column(f"(CAST(strftime('%s', opened_at) AS INTEGER) / {width})")


def _at(number: int, step: timedelta, like: datetime) -> datetime:
    return datetime.fromtimestamp(number * step.total_seconds(), tz=like.tzinfo)
