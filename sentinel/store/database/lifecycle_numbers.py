"""Numbers of changes: collected while a transaction runs, and given last, before its commit.

The number comes from a row of the tenant that is locked until the commit, so that the order of
numbers is the order of commits (docs/adr/0015 has the reasons).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, Executable, text

from sentinel.schema.lifecycle_events import LifecycleBlock, LifecycleTail
from sentinel.store.database.insert import insert_into
from sentinel.store.database.tables import table_of

__all__ = ["ENTRY_BYTES", "LIFECYCLE_BLOCK", "LIFECYCLE_TAIL", "forget_changes", "note_changes",
           "number_changes"]  # fmt: skip

LIFECYCLE_BLOCK, LIFECYCLE_TAIL = table_of(LifecycleBlock), table_of(LifecycleTail)
ENTRY_BYTES = 17
_NOTED = "sentinel.lifecycle"
_KINDS = {"alert": b"a", "incident": b"i"}


def _numbering() -> Executable:
    new = insert_into("sqlite", LIFECYCLE_TAIL)
    counted = LIFECYCLE_TAIL.c.last + new.excluded.last
    return new.on_conflict_do_update(index_elements=["tenant"], set_={"last": counted}).returning(
        LIFECYCLE_TAIL.c.last
    )


# Made once: SQLAlchemy compiles each statement object by itself.
_NUMBERED = _numbering()
_NEW_BLOCK = LIFECYCLE_BLOCK.insert()
# One message, since whoever else changes an alert of the tenant waits for this row meanwhile.
_NUMBERED_AND_KEPT = text(
    "WITH tail AS (INSERT INTO lifecycle_tail AS mine (tenant, last) VALUES (:tenant, :count) "
    "ON CONFLICT (tenant) DO UPDATE SET last = mine.last + excluded.last RETURNING last) "
    "INSERT INTO lifecycle_block (tenant, first, last, at, entries) "
    "SELECT :tenant, last - :count + 1, last, :at, :entries FROM tail"
)


def note_changes(
    connection: Connection, kind: Literal["alert", "incident"], tenant: str, at: datetime,
    ids: Iterable[str],
) -> None:  # fmt: skip
    """Note changes of this transaction, which are numbered before its commit.

    Args:
        connection: of an open writing transaction
        kind: of what was changed
        tenant: whose it is
        at: when
        ids: of the entries that say what happened, in their order, 32 hex digits each
    """
    noted: dict[str, tuple[datetime, list[bytes]]] = connection.info.setdefault(_NOTED, {})
    mark = _KINDS[kind]
    noted.setdefault(tenant, (at, []))[1].extend(mark + bytes.fromhex(one) for one in ids)


def forget_changes(connection: Connection) -> None:
    """Forget what a transaction of this connection noted that was rolled back."""
    connection.info.pop(_NOTED, None)


def number_changes(connection: Connection) -> None:
    """Give the changes that were noted their numbers.

    Args:
        connection: of a writing transaction that is about to be committed
    """
    noted: dict[str, tuple[datetime, list[bytes]]] = connection.info.pop(_NOTED, {})
    # In one order, as all transactions lock these rows.
    for tenant, (at, entries) in sorted(noted.items()):
        kept = {"tenant": tenant, "at": at, "entries": b"".join(entries)}
        if connection.dialect.name == "postgresql":
            connection.execute(_NUMBERED_AND_KEPT, {**kept, "count": len(entries)})
            continue
        given = {"tenant": tenant, "last": len(entries)}
        last = connection.execute(_NUMBERED, given).scalar_one()
        first = last - len(entries) + 1
        connection.execute(_NEW_BLOCK, {**kept, "first": first, "last": last})
