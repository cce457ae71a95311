"""The lock of a rule: every transaction that changes an alert holds its rule's lock."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from sentinel.access import Scope
from sentinel.store.database.tables import RULE

__all__ = ["holds_rule", "lock_rules"]

# Built once, since SQLAlchemy compiles a statement once for each object.
_LOCKED = (
    select(RULE)
    .where(RULE.c.tenant == bindparam("tenant"), RULE.c.name == bindparam("name"))
    .with_for_update()
)


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
    for tenant, name in sorted(set(names)):
        row = connection.execute(_LOCKED, {"tenant": tenant, "name": name}).first()
        if row is not None:
            found[tenant, name] = row
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
