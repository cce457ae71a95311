"""What a draft of routes would have done to the alerts of the last days, beside the active ones."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Row, select

from sentinel.notifications.routing import RouteTree
from sentinel.store.database.tables import ALERT
from sentinel.store.notifications.active_routes import active_tree
from sentinel.store.notifications.rule_models import ROUTED, RuleModels, rule_models

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["Moved", "RouteDiff", "route_diff"]

MOST_ALERTS = 100_000
"""So many of the newest alerts are compared."""
_EXAMPLES = 3


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """Alerts of which the draft notifies others, or in other groups or at other times.

    Attributes:
        before: receivers of the active routes, in the order of the routes
        after: receivers of the draft
        alerts: how many
        examples: titles of some, with their ids
    """

    before: tuple[str, ...]
    after: tuple[str, ...]
    alerts: int
    examples: list[tuple[str, str]]


class RouteDiff(msgspec.Struct, frozen=True, kw_only=True):
    """How many alerts were compared, whether older ones were left out, and those that differ."""

    alerts: int
    cut: bool
    moved: list[Moved]


def route_diff(
    store: Store, draft: RouteTree | None, since: timedelta, most: int = MOST_ALERTS
) -> RouteDiff:
    """Compare a draft with the active routes over the alerts that opened lately.

    Args:
        store: the shared database
        draft: the routes to compare; None for none
        since: how far back, by when the alerts opened
        most: so many of the newest alerts are compared

    Returns:
        The alerts whose groups differ, by receivers, most alerts first.
    """
    query = (
        select(*ROUTED)
        .where(ALERT.c.opened_at >= store.now() - since)
        .order_by(ALERT.c.opened_at.desc())
        .limit(most + 1)
    )
    with store.read() as connection:
        active = active_tree(connection)
        rules = rule_models(connection)
        rows = connection.execute(query).all()
    found: dict[tuple[tuple[str, ...], tuple[str, ...]], list[tuple[str, str]]] = {}
    counts: dict[tuple[tuple[str, ...], tuple[str, ...]], int] = {}
    for row in rows[:most]:
        before, after = (_ways(tree, rules, row) for tree in (active, draft))
        if before == after:
            continue
        key = _receivers(before), _receivers(after)
        counts[key] = counts.get(key, 0) + 1
        examples = found.setdefault(key, [])
        if len(examples) < _EXAMPLES:
            examples.append((row.id, row.title))
    moved = [
        Moved(before=key[0], after=key[1], alerts=count, examples=found[key])
        for key, count in sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    ]
    return RouteDiff(alerts=min(len(rows), most), cut=len(rows) > most, moved=moved)


def _ways(tree: RouteTree | None, rules: RuleModels, row: Row[Any]) -> list[tuple[Any, ...]]:
    """Return what matters of the groups of an alert: whom they notify, of what and when."""
    groups = rules.memberships(tree, row)
    return [(one.receivers, dict(one.labels), dict(one.policy)) for one in groups]


def _receivers(ways: list[tuple[Any, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for one in ways for name in one[0]))
