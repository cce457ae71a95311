"""Two periods side by side: alerts opened and resolved, times taken, and rules that differ most."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import BigInteger, ColumnElement, Connection, func, literal_column, select

from sentinel.access import EVERYTHING
from sentinel.rules.drill_rule import DRILL_RULE
from sentinel.store.alerts.filter import AlertFilter, narrowed
from sentinel.store.database.tables import ALERT
from sentinel.store.reports.period_reads import RuleName, mean
from sentinel.store.reports.rollup_spans import kept_in
from sentinel.store.reports.rollups import milliseconds
from sentinel.store.reports.trends import Period, TrendReads, period_of

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["MOST_COMPARED", "Compared", "RulePair", "Span", "compare"]

MOST_COMPARED = 50
_MICROSECOND = timedelta(microseconds=1)


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """A period from `since`, up to but without `until`."""

    since: datetime
    until: datetime


class RulePair(msgspec.Struct, frozen=True, kw_only=True):
    """How many alerts one rule of a tenant opened in each period, and its mean times in seconds."""

    rule: str
    tenant: str
    first: int
    second: int
    first_resolve: float | None
    second_resolve: float | None


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """Two periods.

    Attributes:
        rules: those whose counts differ most come first, at most `MOST_COMPARED`
        more: how many rules are left out
    """

    first: Period
    second: Period
    rules: list[RulePair]
    more: int


def compare(store: Store, chosen: AlertFilter, first: Span, second: Span) -> Compared:
    """Compare alerts of two periods, without those of fire drills.

    Args:
        store: the shared database
        chosen: which alerts; its statuses and times are ignored
        first: the reference, usually the earlier period
        second: the period of interest

    Returns:
        Both periods, and the rules that differ most.

    Raises:
        ConfigurationError: a word of the filter cannot be parsed.
    """
    conditions = narrowed(msgspec.structs.replace(chosen, since=None, until=None), store.now())
    with store.snapshot() as connection:
        if conditions:
            conditions.append(ALERT.c.rule != DRILL_RULE)
            was, now = (_chosen(connection, store, conditions, one) for one in (first, second))
        else:
            was, now = _all(connection, first, second)
    none: _OfRule = (0, None)
    pairs = [
        RulePair(
            rule=rule.rule,
            tenant=rule.tenant,
            first=was.rules.get(rule, none)[0],
            second=now.rules.get(rule, none)[0],
            first_resolve=was.rules.get(rule, none)[1],
            second_resolve=now.rules.get(rule, none)[1],
        )
        for rule in was.rules.keys() | now.rules.keys()
    ]
    pairs.sort(key=lambda one: (-abs(one.second - one.first), -one.second, one.rule, one.tenant))
    return Compared(
        first=was.period,
        second=now.period,
        rules=pairs[:MOST_COMPARED],
        more=max(0, len(pairs) - MOST_COMPARED),
    )


_OfRule = tuple[int, float | None]
"""How many alerts of a rule opened, and their mean time to resolve."""


class _Half(msgspec.Struct, frozen=True):
    """One of the two periods."""

    period: Period
    rules: dict[RuleName, _OfRule]


def _all(connection: Connection, *spans: Span) -> list[_Half]:
    """Return the periods of all alerts, from rollups where they are valid."""
    edges = [moment for one in spans for moment in (one.since, one.until)]
    reads = TrendReads(connection, kept_in(connection, min(edges), max(edges)), EVERYTHING)
    found: list[_Half] = []
    for one in spans:
        # Parts are of what comes after a moment, up to and with another.
        parts = reads.parts(one.since - _MICROSECOND, one.until - _MICROSECOND)
        kept = reads.kept(parts, "ended")
        rules = reads.by_rule(parts)
        found.append(
            _Half(
                period_of(rules, reads.ended(parts, kept)),
                {
                    name: (sums.opened, mean(sums.lasted, sums.ended))
                    for name, sums in rules.items()
                },
            )
        )
    return found


def _chosen(connection: Connection, store: Store, conditions: list[Any], span: Span) -> _Half:
    """Return a period of the alerts that meet conditions."""
    return _Half(
        _period(connection, store, conditions, span), _rules(connection, store, conditions, span)
    )


def _within(column: Any, span: Span) -> list[Any]:
    return [column >= span.since, column < span.until]


def _took(store: Store, end: str = "resolved_at") -> ColumnElement[int]:
    """Return the sum of milliseconds from when alerts opened to the column `end`."""
    return literal_column(milliseconds(store.dialect, "opened_at", end), BigInteger)


def _rules(
    connection: Connection, store: Store, conditions: list[Any], span: Span
) -> dict[RuleName, _OfRule]:
    query = (
        select(
            ALERT.c.rule,
            ALERT.c.tenant,
            func.count(),
            func.count(ALERT.c.resolved_at),
            _took(store),
        )
        .where(*_within(ALERT.c.opened_at, span), *conditions)
        .group_by(ALERT.c.rule, ALERT.c.tenant)
    )
    return {
        RuleName(rule, tenant): (count, mean(took, over))
        for rule, tenant, count, over, took in connection.execute(query)
    }


def _period(connection: Connection, store: Store, conditions: list[Any], span: Span) -> Period:
    opened, taken, waited = connection.execute(
        select(
            func.count(), func.count(ALERT.c.acknowledged_at), _took(store, "acknowledged_at")
        ).where(*_within(ALERT.c.opened_at, span), *conditions)
    ).one()
    resolved, took = connection.execute(
        select(func.count(), _took(store)).where(
            ALERT.c.opened_at.is_not(None),
            *_within(ALERT.c.resolved_at, span),
            *conditions,
        )
    ).one()
    return Period(
        opened=opened,
        resolved=resolved,
        unattended=opened - taken,
        acknowledge=mean(waited, taken),
        resolve=mean(took, resolved),
    )
