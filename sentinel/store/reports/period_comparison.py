"""Two periods side by side: alerts opened and resolved, times taken, and rules that differ most."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import BigInteger, ColumnElement, Connection, func, literal_column, select

from sentinel.rules.drill_rule import DRILL_RULE
from sentinel.store.alerts.filter import AlertFilter, narrowed
from sentinel.store.database.tables import ALERT
from sentinel.store.reports.rollups import milliseconds
from sentinel.store.reports.trends import Period

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["MOST_COMPARED", "Compared", "RulePair", "Span", "compare"]

MOST_COMPARED = 50


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """A period from `since`, up to but without `until`."""

    since: datetime
    until: datetime


class RulePair(msgspec.Struct, frozen=True, kw_only=True):
    """How many alerts one rule opened in each period, and its mean times in seconds."""

    rule: str
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
    conditions = [*conditions, ALERT.c.rule != DRILL_RULE]
    with store.read() as connection:
        was, now = (_rules(connection, store, conditions, span) for span in (first, second))
        none = (0, None)
        pairs = [
            RulePair(
                rule=rule,
                first=was.get(rule, none)[0],
                second=now.get(rule, none)[0],
                first_resolve=was.get(rule, none)[1],
                second_resolve=now.get(rule, none)[1],
            )
            for rule in was.keys() | now.keys()
        ]
        pairs.sort(key=lambda one: (-abs(one.second - one.first), -one.second, one.rule))
        return Compared(
            first=_period(connection, store, conditions, first),
            second=_period(connection, store, conditions, second),
            rules=pairs[:MOST_COMPARED],
            more=max(0, len(pairs) - MOST_COMPARED),
        )


def _within(column: Any, span: Span) -> list[Any]:
    return [column >= span.since, column < span.until]


def _took(store: Store, end: str = "resolved_at") -> ColumnElement[int]:
    """Return the sum of milliseconds from when alerts opened to the column `end`."""
    return literal_column(milliseconds(store.dialect, "opened_at", end), BigInteger)


def _mean(milliseconds: int, count: int) -> float | None:
    """Return the mean in seconds, or None where nothing was counted."""
    return milliseconds / count / 1000 if count else None


def _rules(
    connection: Connection, store: Store, conditions: list[Any], span: Span
) -> dict[str, tuple[int, float | None]]:
    query = (
        select(ALERT.c.rule, func.count(), func.count(ALERT.c.resolved_at), _took(store))
        .where(*_within(ALERT.c.opened_at, span), *conditions)
        .group_by(ALERT.c.rule)
    )
    return {
        rule: (count, _mean(took, over)) for rule, count, over, took in connection.execute(query)
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
        acknowledge=_mean(waited, taken),
        resolve=_mean(took, resolved),
    )
