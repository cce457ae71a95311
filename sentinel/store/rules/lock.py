"""The lock of a rule: every transaction that changes an alert holds its rule's lock."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, bindparam, select

from sentinel.store.database.tables import RULE

if TYPE_CHECKING:
    pass

__all__ = ["lock_rules"]

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
