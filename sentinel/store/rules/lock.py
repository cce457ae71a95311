"""The lock of a rule: whatever changes an alert holds its rule's lock."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, bindparam, select

from sentinel.store.database.tables import RULE

if TYPE_CHECKING:
    pass

__all__ = ["lock_rules"]

# Made once: SQLAlchemy works out how a statement is said once for each that was made.
_LOCKED = (
    select(RULE)
    .where(RULE.c.tenant == bindparam("tenant"), RULE.c.name == bindparam("name"))
    .with_for_update()
)


def lock_rules(connection: Connection, names: Iterable[tuple[str, str]]) -> dict[Any, Row[Any]]:
    """Lock the rows of `(tenant, name)` in order, and return them by that pair.

    Everything that changes an alert holds its rule's lock, so that two writers of one rule
    follow each other and can never meet in the middle. On SQLite the transaction itself is
    the lock.
    """
    found: dict[Any, Row[Any]] = {}
    for tenant, name in sorted(set(names)):
        row = connection.execute(_LOCKED, {"tenant": tenant, "name": name}).first()
        if row is not None:
            found[tenant, name] = row
    return found
