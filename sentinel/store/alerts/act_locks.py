"""The locks of the rules whose alerts people act on, and who may still join their transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import BindParameter, Connection, Row, bindparam, select

from sentinel.store.alerts.asked import Asked
from sentinel.store.database.tables import ALERT
from sentinel.store.rules.lock import lock_free_rules

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["Late", "Locked", "Taken", "lock_alerts", "rules_of"]

Late = Callable[[], Sequence[Asked]]
"""Returns what was asked meanwhile; it is called once, when the rules are locked."""

# Made once: SQLAlchemy compiles each statement object by itself.
_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
_OWNED = select(*(ALERT.c[name] for name in ("id", "tenant", "team", "rule"))).where(
    ALERT.c.id.in_(_IDS)
)


class Taken(NamedTuple):
    """The rule that another transaction has locked, so that an action was left undone."""

    tenant: str
    rule: str


class Locked(NamedTuple):
    """Alerts whose rules are locked.

    Attributes:
        asked: what is to be done, with what was asked late
        ids: of the alerts that exist and are in the scope of who acts on them
        rules: the locked rows of rules, by tenant and name
        undone: those of the ids whose rules were left to other transactions, and which
    """

    asked: Sequence[Asked]
    ids: AbstractSet[str]
    rules: Mapping[Any, Row[Any]]
    undone: Mapping[str, Taken]


def rules_of(store: Store, ids: Sequence[str]) -> list[Taken | None]:
    """Return the rule of each alert, in the order of `ids`; None where there is no such alert."""
    with store.glance() as connection:
        rows = connection.execute(_OWNED, {"ids": [*set(ids)]})
        found = {row.id: Taken(row.tenant, row.rule) for row in rows}
    return [found.get(one) for one in ids]


def lock_alerts(
    connection: Connection, asked: Sequence[Asked], *, wait: bool, late: Late | None
) -> Locked:
    """Lock the rules of the alerts that are to be acted on.

    What comes late waits for no lock. So it makes no circle with another transaction, and does not
    hold up those whose rules are locked by now.

    Args:
        connection: an open writing transaction
        asked: what is to be done
        wait: for rules that other transactions have locked
        late: returns what was asked meanwhile

    Returns:
        The alerts and the rows of their rules.
    """
    ids, rules, undone = _lock(connection, asked, {}, wait=wait)
    if late is not None and (joined := late()):
        more, free, left = _lock(connection, joined, rules, wait=False)
        asked, ids, rules, undone = (
            [*asked, *joined],
            ids | more,
            {**rules, **free},
            {**undone, **left},
        )
    return Locked(asked, ids, rules, undone)


def _lock(
    connection: Connection, asked: Sequence[Asked], locked: Mapping[Any, Row[Any]], *, wait: bool
) -> tuple[set[str], dict[Any, Row[Any]], dict[str, Taken]]:
    scopes = {alert_id: one.scope for one in asked for alert_id in one.ids}
    rows = connection.execute(_OWNED, {"ids": [*scopes]})
    found = [row for row in rows if scopes[row.id].holds(row.tenant, row.team)]
    names = {(row.tenant, row.rule) for row in found} - locked.keys()
    rules, taken = lock_free_rules(connection, names, wait=wait)
    ids = {row.id for row in found}
    if not taken:
        return ids, rules, {}
    undone = {
        row.id: Taken(row.tenant, row.rule) for row in found if (row.tenant, row.rule) in taken
    }
    return ids, rules, undone
