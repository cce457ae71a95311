"""The lock of a rule: every transaction that changes an alert holds its rule's lock."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, tuple_

from sentinel.access import Scope
from sentinel.store.database.chunks import chunks
from sentinel.store.database.tables import RULE

__all__ = ["holds_rule", "lock_rules"]

# By bytes, which is the order of Python too, whatever language the database sorts in.
_NAMES = (RULE.c.tenant.collate("C"), RULE.c.name.collate("C"))
_CHOSEN = tuple_(RULE.c.tenant, RULE.c.name).in_(bindparam("names", expanding=True))
# Built once, since SQLAlchemy compiles a statement once for each object.
_LOCKED = {
    "postgresql": select(RULE).where(_CHOSEN).order_by(*_NAMES).with_for_update(),
    "sqlite": select(RULE).where(_CHOSEN),
}


def lock_rules(connection: Connection, names: Iterable[tuple[str, str]]) -> dict[Any, Row[Any]]:
    """Lock rules in the order of their names.

    Two writers of one rule therefore run one after the other, and writers of several rules
    cannot deadlock. On SQLite the writing transaction itself is the lock.

    Args:
        connection: an open writing transaction
        names: pairs of tenant and name

    Returns:
        The rows by `(tenant, name)`; a rule without a row is left out.
    """
    found: dict[Any, Row[Any]] = {}
    # PostgreSQL locks rows as they come out of the sort, and each piece comes after the one before.
    for piece in chunks(sorted(set(names))):
        for row in connection.execute(_LOCKED[connection.dialect.name], {"names": piece}):
            found[row.tenant, row.name] = row
    return found


def holds_rule(scope: Scope, row: Row[Any] | None) -> bool:
    """Return whether a rule exists and is in scope.

    Args:
        scope: what may be seen or changed
        row: of the rule; None where there is none

    Returns:
        Whether both hold.
    """
    if row is None:
        return False
    spec: dict[str, Any] = row.spec or {}
    return scope.holds(row.tenant, spec.get("team", ""))
