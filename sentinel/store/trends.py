"""Figures of a period of time, beside the period before it: how many, how quickly, of which rules.

Each figure's meaning is written where it is made; the overview page shows the same words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Float,
    cast,
    extract,
    func,
    literal_column,
    select,
)

from sentinel.severity import Severity
from sentinel.store.tables import ALERT

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["DEFINITIONS", "Bucket", "Noisy", "Period", "Trend", "seconds_in_all", "trend"]

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

    Each question is one walk over an index of time, and groups by no more than it must: sorting
    is most of the work.

    Args:
        store: the shared database
        length: of the period that ends now
        step: of the chart, whole minutes
    """
    until = store.now()
    since = until - length
    spans = {True: (since, until), False: (since - length, since)}
    with store.read() as connection:
        opened = {late: _by_rule(connection, store.dialect, *span) for late, span in spans.items()}
        ended = {late: _ended(connection, store.dialect, *span) for late, span in spans.items()}
        categories, teams = _by_kind(connection, since, until)
        buckets = _stepped(connection, store.dialect, since, until, step)
    late, earlier = opened[True], opened[False]

    def period(of: bool) -> Period:
        told, (over, took) = list(opened[of].values()), ended[of]
        count, taken = sum(one.opened for one in told), sum(one.taken for one in told)
        waited = sum(one.waited or 0 for one in told)
        return Period(
            opened=count, resolved=over, unattended=count - taken,
            acknowledge=_mean(waited, taken), resolve=_mean(took, over),
        )  # fmt: skip

    return Trend(
        since=since,
        until=until,
        step=step,
        now=period(True),
        before=period(False),
        buckets=buckets,
        by_category=_most(categories),
        by_team=_most(teams),
        noisy=[
            Noisy(
                rule=rule,
                opened=opened,
                before=earlier[rule].opened if rule in earlier else 0,
                critical=late[rule].critical,
                unattended=opened - late[rule].taken,
                acknowledge=_mean(late[rule].waited, late[rule].taken),
                resolve=_mean(late[rule].lasted, late[rule].over),
            )
            for rule, opened in _most({rule: one.opened for rule, one in late.items()})
        ],
    )


class _Opened(NamedTuple):
    """What one rule opened: `taken` were acknowledged, after `waited` seconds in all; `over` have
    ended, after `lasted`.
    """

    opened: int
    critical: int
    taken: int
    waited: float | None
    over: int
    lasted: float | None


def _by_rule(
    connection: Connection, dialect: str, start: datetime, end: datetime
) -> dict[str, _Opened]:
    alert = ALERT.c
    query = (
        select(
            alert.rule,
            func.count(),
            func.count().filter(alert.severity == int(Severity.CRITICAL)),
            func.count(alert.acknowledged_at),
            seconds_in_all(dialect, alert.opened_at, alert.acknowledged_at),
            func.count(alert.resolved_at),
            seconds_in_all(dialect, alert.opened_at, alert.resolved_at),
        )
        .where(*_within(alert.opened_at, start, end))
        .group_by(alert.rule)
    )
    return {rule: _Opened(*numbers) for rule, *numbers in connection.execute(query)}


def _by_kind(
    connection: Connection, start: datetime, end: datetime
) -> tuple[Counter[str], Counter[str]]:
    """How many opened by category, and by team."""
    query = (
        select(ALERT.c.category, ALERT.c.team, func.count())
        .where(*_within(ALERT.c.opened_at, start, end))
        .group_by(ALERT.c.category, ALERT.c.team)
    )
    categories, teams = Counter[str](), Counter[str]()
    for category, team, count in connection.execute(query):
        categories[category or "none"] += count
        teams[team or "none"] += count
    return categories, teams


def _ended(
    connection: Connection, dialect: str, start: datetime, end: datetime
) -> tuple[int, float | None]:
    """How many ended, and after how many seconds in all."""
    query = select(
        func.count(), seconds_in_all(dialect, ALERT.c.opened_at, ALERT.c.resolved_at)
    ).where(ALERT.c.opened_at.is_not(None), *_within(ALERT.c.resolved_at, start, end))
    count, took = connection.execute(query).one()
    return count, took


def _stepped(
    connection: Connection, dialect: str, since: datetime, until: datetime, step: timedelta
) -> list[Bucket]:
    """What opened by step and severity; the database counts by the hour, or by the minute."""
    hours = step % timedelta(hours=1) == timedelta(0)
    if dialect == "postgresql":
        at = f"date_trunc('{'hour' if hours else 'minute'}', opened_at)"
    else:  # a moment is text, and begins with its hour and minute
        at = (
            f"substr(opened_at, 1, {13 if hours else 16}) || '{':00+00:00' if hours else '+00:00'}'"
        )
    counted: Counter[tuple[datetime, int]] = Counter()
    width = step.total_seconds()
    when: ColumnElement[Any] = literal_column(at)
    query = (
        select(when.label("at"), ALERT.c.severity, func.count())
        # Severity by severity, which the index of both answers without a look into any row.
        .where(ALERT.c.severity.in_([int(one) for one in Severity]))
        .where(*_within(ALERT.c.opened_at, since, until))
        .group_by(literal_column("at"), ALERT.c.severity)
    )
    for given, severity, count in connection.execute(query):
        found = datetime.fromisoformat(given) if isinstance(given, str) else given
        begins = found.timestamp() // width * width
        counted[datetime.fromtimestamp(begins, tz=until.tzinfo), severity] += count
    return [Bucket(at=at, severity=rank, opened=n) for (at, rank), n in sorted(counted.items())]


def _most(counted: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))[:MOST_RULES]


def _mean(seconds: float | None, count: int) -> float | None:
    return (seconds or 0) / count if count else None


def _within(column: ColumnElement[Any], start: datetime, end: datetime) -> list[Any]:
    return [column > start, column <= end]


def seconds_in_all(dialect: str, start: Any, end: Any) -> ColumnElement[float]:
    """The sum of the seconds from one moment's column to another's, where both are known.

    Args:
        dialect: of the database
        start: the earlier column
        end: the later one; a row where it is empty does not count
    """
    if dialect == "postgresql":  # adding intervals costs it a tenth of adding numbers
        return cast(extract("epoch", func.sum(end - start)), Float)
    days: ColumnElement[float] = literal_column(
        f"julianday({end.name}) - julianday({start.name})", Float
    )
    # What is empty is left out before the other time is read.
    return func.sum(days).filter(end.is_not(None)) * 86400.0
