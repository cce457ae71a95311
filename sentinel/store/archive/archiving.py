"""Moves alerts and groups that were resolved long ago into the archive.

A piece is read, written as a file, and read back; then one transaction lets the file count and
deletes the rows, if they are still what the file holds. A crash before that leaves the rows and a
file that does not count; the next run removes it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import Connection, exists, select

from sentinel.errors import ArchiveError
from sentinel.store.archive.files import (
    FILE,
    HOLD,
    KEPT,
    LEAVING,
    TAKEN,
    clear,
    count,
    intend,
    locked,
    renew,
    writing_alone,
)
from sentinel.store.archive.parquet import FORMAT, written
from sentinel.store.archive.place import Place, place_of
from sentinel.store.archive.records import Record, gather, same
from sentinel.store.database.leaving import Kept, delete_rows, kept_of, leaves, oldest
from sentinel.store.database.migrate import revision
from sentinel.store.database.tables import ALERT, GROUP

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["Archived", "archive_resolved"]

_PIECE = 500
_OWN = {"alert": ALERT, "group": GROUP}


class Archived(msgspec.Struct, frozen=True):
    """How many alerts, groups and files were written, and how many files were removed."""

    alerts: int = 0
    groups: int = 0
    files: int = 0
    removed: int = 0


def archive_resolved(store: Store, older_than: timedelta) -> Archived:
    """Move what was resolved longer ago than `older_than`, or than its tenant keeps alerts.

    Args:
        store: the shared database, whose options name the archive
        older_than: how long resolved alerts stay, where their tenant has no time of its own

    Returns:
        What was done.

    Raises:
        ArchiveError: the archive cannot be written; what was not archived stays in the database
        Conflict: another process writes the archive
    """
    place, kept = place_of(store.options.archive_url), kept_of(store, older_than)
    with writing_alone(store) as holder:
        removed = clear(store, place)
        counts = {kind: _archive(store, place, kind, kept, holder) for kind in ("alert", "group")}
        _expire(store)
        removed += clear(store, place)
    (alerts, of_alerts), (groups, of_groups) = counts["alert"], counts["group"]
    return Archived(alerts, groups, of_alerts + of_groups, removed)


def _archive(store: Store, place: Place, kind: str, kept: Kept, holder: str) -> tuple[int, int]:
    done = number = 0
    while True:
        renew(store, holder)
        with store.snapshot() as connection:
            found = oldest(connection, kind, kept, _PIECE, held=True)
            if not found:
                return done, number
            tenant = found[0].tenant
            records = gather(connection, kind, [row.id for row in found if row.tenant == tenant])
            schema = revision(connection)
        if not _move(store, place, tenant, records, schema, kept, holder):
            return done, number  # somebody changes them just now: the next run tries again
        done, number = done + len(records), number + 1


def _move(
    store: Store, place: Place, tenant: str, records: list[Record], schema: str, kept: Kept,
    holder: str,
) -> bool:  # fmt: skip
    """Write a file of records and delete their rows; False where the rows changed meanwhile."""
    kind = records[0].kind
    moments = [datetime.fromisoformat(one.own["resolved_at"]) for one in records]
    made = written(records)
    file_id, path = intend(store, kind, tenant, min(moments), max(moments), schema, FORMAT)
    place.write(path, made.data)
    if place.read(path) != made.data:
        raise ArchiveError(
            f"{path} does not read back as it was written", hint="Nothing was deleted. Check the "
            "disk or the object storage of SENTINEL_ARCHIVE_URL.",
        )  # fmt: skip
    ids = [one.id for one in records]

    def count_it(connection: Connection) -> bool:
        locked(connection, holder)
        # Whoever changes an alert locks its row first.
        own = _OWN[kind]
        connection.execute(select(own.c.id).where(own.c.id.in_(ids)).with_for_update())
        if not same(gather(connection, kind, ids), records):
            return False
        if leaves(connection, kind, kept, ids) != len(ids):
            return False  # one is in an incident since
        count(connection, file_id, made.sha256, len(records), len(made.data))
        delete_rows(connection, kind, ids)
        store.changed(connection)
        return True

    return store.in_transaction(count_it)


def _expire(store: Store) -> None:
    """Let files count no more whose records are all older than the archive keeps them."""
    with store.write() as connection:
        gone = ~exists().where(FILE.c.id == TAKEN.c.file_id)
        connection.execute(TAKEN.delete().where(TAKEN.c.keep_until < store.now(), gone))
    if store.options.keep_archive is None:
        return
    held = exists().where(HOLD.c.tenant == FILE.c.tenant)
    old = FILE.c.last_at < store.now() - store.options.keep_archive
    with store.write() as connection:
        over = FILE.update().where(FILE.c.state == KEPT, old, ~held)
        connection.execute(over.values(state=LEAVING))
