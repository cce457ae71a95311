"""Chaining: rows that wait are put behind the end of the chain, in order, under one lock.

A change writes its row without knowing the row before it, so that no change waits for another.
Whoever chains locks the end of the chain, which nothing else touches.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Connection, select

from sentinel.audit.chain import (
    Checkpoint,
    Entry,
    Head,
    Person,
    Verdict,
    digest,
    named,
    verify,
)
from sentinel.schema.audit import AuditCheckpoint
from sentinel.store.audit.security_changes import store_events
from sentinel.store.database.bulk import update_many
from sentinel.store.database.insert import insert_into
from sentinel.store.database.tables import AUDIT, AUDIT_HEAD, AUDIT_PERSON, table_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sentinel.store import Store

__all__ = ["CHECKPOINT", "chain", "head_of", "verify_chain"]

CHECKPOINT = table_of(AuditCheckpoint)
_NAME = "audit"
_BATCH = 1000
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_WAITING = select(AUDIT).where(AUDIT.c.hash.is_(None)).order_by(AUDIT.c.id)
_CHAINED = select(AUDIT).where(AUDIT.c.hash.is_not(None)).order_by(AUDIT.c.seq)
_LINK = (("seq", "int"), ("chained_at", "moment"), ("previous", "text"), ("hash", "text"))


def chain(store: Store) -> int:
    """Chain all rows that wait: those of each thousand in a transaction of their own.

    After a long stop a million may wait, which must not be held in memory or in one transaction.

    Args:
        store: the shared database

    Returns:
        How many were chained.
    """
    with store.read() as connection:
        if connection.execute(_WAITING.limit(1)).first() is None:
            return 0
    chained = 0
    while count := store.in_transaction(lambda connection: _chain(store, connection)):
        chained += count
        if count < _BATCH:
            break
    return chained


def _chain(store: Store, connection: Connection) -> int:
    new = insert_into(store.dialect, AUDIT_HEAD).values(name=_NAME, seq=0, hash=Head().hash)
    connection.execute(new.on_conflict_do_nothing())
    locked = select(AUDIT_HEAD).where(AUDIT_HEAD.c.name == _NAME).with_for_update()
    row = connection.execute(locked).one()
    head, now = Head(row.seq, row.hash), store.now()
    # Read after the lock: what another process chained meanwhile waits no longer.
    waiting = connection.execute(_WAITING.limit(_BATCH)).mappings().all()
    links: list[tuple[Any, ...]] = []
    for one in waiting:
        link = {"seq": head.seq + 1, "chained_at": now, "previous": head.hash, "hash": ""}
        given: dict[str, Any] = {**one, **link}
        entry = Entry(**given)
        head = Head(entry.seq, digest(entry))
        links.append((entry.id, entry.seq, now, entry.previous, head.hash))
    # One statement for many rows: on PostgreSQL one for each costs more than the change itself.
    update_many(connection, "audit", _LINK, links)
    connection.execute(
        AUDIT_HEAD.update().where(AUDIT_HEAD.c.name == _NAME).values(seq=head.seq, hash=head.hash)
    )
    store_events(store, connection, waiting)
    return len(links)


def head_of(connection: Connection) -> Head:
    """Return the end of the chain, as the transaction reads it."""
    query = select(AUDIT_HEAD.c.seq, AUDIT_HEAD.c.hash).where(AUDIT_HEAD.c.name == _NAME)
    row = connection.execute(query).first()
    return Head() if row is None else Head(row.seq, row.hash)


def verify_chain(store: Store, *, key: str = "", known: Iterable[Head] = ()) -> Verdict:
    """Check all rows that are kept, at one moment.

    Args:
        store: the shared database; it may be in use
        key: that checkpoints are signed with
        known: ends that were printed earlier, which must still be in the chain

    Returns:
        What was found; `waiting` rows are not chained yet, so nothing vouches for them.
    """
    with store.snapshot() as connection:
        people = {
            row.id: Person(row.id, row.name, row.salt or "")
            for row in connection.execute(select(AUDIT_PERSON))
        }
        last = connection.execute(select(CHECKPOINT).order_by(CHECKPOINT.c.seq.desc()).limit(1))
        row = last.first()
        waiting = connection.execute(_WAITING).all()
        found = verify(
            _chained(connection),
            head=head_of(connection),
            people=people,
            checkpoint=None
            if row is None
            else Checkpoint(row.seq, row.hash, row.at, row.signature),
            key=key,
            known=known,
            erasing=[row.object_id for row in waiting if row.action == "person.erased"],
            naming=[
                one
                for row in waiting
                for one in named(row.actor, row.object_id, row.before, row.after)
            ],
        )
    return msgspec.structs.replace(found, waiting=len(waiting))


def _chained(connection: Connection) -> Iterator[Entry]:
    rows = connection.execute(_CHAINED, execution_options={"yield_per": _BATCH})
    for row in rows.mappings():
        # What somebody emptied must be found as altered, not end the verification.
        filled: dict[str, Any] = {
            "seq": row["seq"] or 0, "previous": row["previous"] or "",
            "chained_at": row["chained_at"] or _NEVER,
        }  # fmt: skip
        whole: dict[str, Any] = {**row, **filled}
        yield Entry(**whole)
