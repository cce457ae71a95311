"""The locks of the rules whose alerts people act on, and who may still join their transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import BindParameter, Connection, Row, bindparam, select, text
from sqlalchemy.exc import OperationalError

from sentinel.store.alerts.asked import Asked
from sentinel.store.database.tables import ALERT
from sentinel.store.rules.lock import lock_free_rules

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = [
    "TURN_SECONDS",
    "Late",
    "Locked",
    "NoTurn",
    "Taken",
    "lock_alerts",
    "rules_of",
    "take_turn",
]

Late = Callable[[], Sequence[Asked]]
"""Returns what was asked meanwhile; it is called once, when the rules are locked."""

# Made once: SQLAlchemy compiles each statement object by itself.
_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
_OWNED = select(*(ALERT.c[name] for name in ("id", "tenant", "team", "rule"))).where(
    ALERT.c.id.in_(_IDS)
)
_LOCK = 0x73_6E_74_61
"""Key of PostgreSQL's advisory lock: any number that never changes."""
# One message. The list of a query is evaluated in order, and what it selects from before it.
_TURN = text(
    "SELECT set_config('lock_timeout', :patience, true), pg_advisory_xact_lock(:key), "
    "set_config('lock_timeout', was.setting, true) "
    "FROM (SELECT current_setting('lock_timeout') AS setting OFFSET 0) AS was"
)
TURN_SECONDS = 1.0
"""How long one waits for the turn: many times as long as a transaction takes under load, 50 to 100
ms. Who gives up acts beside the others, and each then finds rules locked by the other."""
_LOCK_TIMED_OUT = "55P03"


class NoTurn(Exception):
    """Others have had the turn for longer than one waits."""


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


def take_turn(connection: Connection) -> None:
    """Wait until no other process acts on alerts, to act on those of all who asked meanwhile.

    Two that act at once would find each other's rules locked, and wait for one rule after the
    other; one after the other, each does more at once. The turn ends with the transaction. Where
    the database has one writer, that is the turn.

    Args:
        connection: a writing transaction that has locked nothing yet

    Raises:
        NoTurn: it did not come within `TURN_SECONDS`; the transaction is aborted
        OperationalError: the database refused it for another reason
    """
    if connection.dialect.name != "postgresql":
        return
    patience = f"{round(TURN_SECONDS * 1000)}ms"
    try:
        connection.execute(_TURN, {"patience": patience, "key": _LOCK})
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) != _LOCK_TIMED_OUT:
            raise
        raise NoTurn from error


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
