"""The lock of a rule: every transaction that changes an alert holds its rule's lock."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, tuple_

from sentinel.access import Scope
from sentinel.store.database.chunks import chunks
from sentinel.store.database.tables import RULE

__all__ = ["holds_rule", "lock_free_rules", "lock_rules"]

# By bytes, which is the order of Python too, whatever language the database sorts in.
_NAMES = (RULE.c.tenant.collate("C"), RULE.c.name.collate("C"))
_CHOSEN = tuple_(RULE.c.tenant, RULE.c.name).in_(bindparam("names", expanding=True))
# Built once, since SQLAlchemy compiles a statement once for each object.
_LOCKED = {
    "postgresql": select(RULE).where(_CHOSEN).order_by(*_NAMES).with_for_update(),
    "sqlite": select(RULE).where(_CHOSEN),
}
_FREE = select(RULE).where(_CHOSEN).order_by(*_NAMES).with_for_update(skip_locked=True)
_EXISTING = select(RULE.c.tenant, RULE.c.name).where(_CHOSEN)


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


def lock_free_rules(
    connection: Connection, names: Iterable[tuple[str, str]], *, wait: bool
) -> tuple[dict[Any, Row[Any]], set[tuple[str, str]]]:
    """Lock rules, or only those that no other transaction has locked.

    Args:
        connection: an open writing transaction
        names: pairs of tenant and name
        wait: for those that others have locked

    Returns:
        The rows that are locked now, as `lock_rules` gives them, and the names of those rules
        that were left to another transaction; on SQLite, where this one is the only writer, none.
    """
    if wait or connection.dialect.name == "sqlite":
        return lock_rules(connection, names), set()
    found: dict[Any, Row[Any]] = {}
    taken: set[tuple[str, str]] = set()
    for piece in chunks(sorted(set(names))):
        rows = connection.execute(_FREE, {"names": piece})
        found.update({(row.tenant, row.name): row for row in rows})
        if left := [name for name in piece if name not in found]:
            existing = connection.execute(_EXISTING, {"names": left})
            taken.update((row.tenant, row.name) for row in existing)
    return found, taken


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
