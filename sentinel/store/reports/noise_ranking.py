"""The order of noisy rules, learned of the stored alerts of whoever asks and kept for an hour."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import msgspec
from sqlalchemy import select

from sentinel.access import Scope
from sentinel.noise.ranking import NOT_INSTALLED, Ranking, learning_is_installed, ranking_of
from sentinel.noise.rule_weeks import WEEK, rule_weeks
from sentinel.rules.drill_rule import DRILL_RULE
from sentinel.store.database.scoped import alert_in
from sentinel.store.database.tables import ALERT
from sentinel.store.reports.kept_alerts import COLUMNS, alert_of, periods_of, timelines_of

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["RuleRanking", "rule_ranking"]

_LEARNED_FROM, _WEEKS = 20_000, 12
"""So many newest alerts of so many weeks are read."""
_KNOWN_FOR = timedelta(hours=1)
_MOST_SCOPES = 100


class RuleRanking(msgspec.Struct, frozen=True, kw_only=True):
    """A ranking, and where rules stand in it.

    Attributes:
        at: when it was made
        ranking: how rules are ordered, and why
        values: from 0 to 100, by tenant and name; empty where the fatigue score orders, and
            without rules that had fewer than five alerts in the last seven days
    """

    at: datetime
    ranking: Ranking
    values: Mapping[tuple[str, str], float] = {}


_KNOWN: WeakKeyDictionary[Store, dict[Scope, RuleRanking]] = WeakKeyDictionary()


def rule_ranking(store: Store, scope: Scope) -> RuleRanking:
    """Return how the rules in a scope are ordered, made at most an hour ago.

    Nothing out of scope is learned from: each scope has a ranking of its own.

    Args:
        store: the shared database
        scope: of whoever asks

    Returns:
        Learned of at most the newest 20,000 alerts of twelve weeks, where that is better.
    """
    now = store.now()
    if not learning_is_installed():
        return RuleRanking(at=now, ranking=NOT_INSTALLED)
    of_store = _KNOWN.setdefault(store, {})
    found = of_store.get(scope)
    if found is not None and timedelta() <= now - found.at < _KNOWN_FOR:
        return found
    made = _made(store, scope, now)
    while len(of_store) >= _MOST_SCOPES:
        of_store.pop(next(iter(of_store)), None)
    of_store[scope] = made
    return made


def _made(store: Store, scope: Scope, now: datetime) -> RuleRanking:
    query = (
        select(*COLUMNS)
        .where(ALERT.c.opened_at > now - _WEEKS * WEEK, ALERT.c.opened_at <= now)
        .where(ALERT.c.rule != DRILL_RULE, *alert_in(scope))
        .order_by(ALERT.c.opened_at.desc(), ALERT.c.id.desc())
        .limit(_LEARNED_FROM)
    )
    with store.read() as connection:
        alerts = [alert_of(row) for row in connection.execute(query)]
        timelines, whole_since = timelines_of(connection, [one.id for one in alerts])
        periods = periods_of(connection, sorted({one.rule for one in alerts}), scope)
    # Where some were left out, the week that lacks them is.
    whole = len(alerts) < _LEARNED_FROM
    weeks = _WEEKS if whole else (now - alerts[-1].opened_at) // WEEK
    examples, latest = rule_weeks(alerts, timelines, periods, now, weeks, whole_since)
    ranking = ranking_of(examples)
    values = {rule: ranking.value(week) for rule, week in latest.items()} if ranking.learned else {}
    return RuleRanking(at=now, ranking=ranking, values=values)
