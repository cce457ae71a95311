"""The rows that say which files the archive has, and who alone may write it."""

from __future__ import annotations

import hashlib
from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sqlalchemy import ColumnElement, Connection, Row, select

from sentinel.errors import ArchiveError, Conflict
from sentinel.schema.archive import ArchiveFile, ArchiveHold, ArchiveTaken
from sentinel.schema.columns import new_id
from sentinel.store.archive.place import Place
from sentinel.store.database.leases import LEASE
from sentinel.store.database.tables import table_of

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = [
    "FILE",
    "HOLD",
    "KEPT",
    "LEAVING",
    "TAKEN",
    "WRITING",
    "checked",
    "clear",
    "count",
    "files",
    "intend",
    "locked",
    "path_of",
    "renew",
    "taken_of",
    "writing_alone",
]

FILE, TAKEN, HOLD = table_of(ArchiveFile), table_of(ArchiveTaken), table_of(ArchiveHold)
WRITING, KEPT, LEAVING = "writing", "kept", "leaving"
_LEASE = "archive"
_LENGTH = timedelta(minutes=10)


def path_of(kind: str, tenant: str, at: Any, file_id: str) -> str:
    """Return the path of a file below the root of the archive: kind, tenant, year, id."""
    # A tenant may be called `..`, which no part of a path may be.
    folder = quote(tenant, safe="").replace(".", "%2E")
    return f"{kind}/{folder}/{at:%Y}/{file_id}.parquet"


def files(connection: Connection, kind: str, *where: ColumnElement[bool]) -> list[Row[Any]]:
    """Return the files that count, the newest first.

    Args:
        connection: an open transaction
        kind: alert or group
        *where: further conditions

    Returns:
        Rows of `archive_file`.
    """
    query = select(FILE).where(FILE.c.kind == kind, FILE.c.state == KEPT, *where)
    return list(connection.execute(query.order_by(FILE.c.last_at.desc(), FILE.c.id)))


def taken_of(connection: Connection, file_id: str) -> set[str]:
    """Return the ids of records that were taken out of a file."""
    query = select(TAKEN.c.record_id).where(TAKEN.c.file_id == file_id)
    return set(connection.execute(query).scalars())


def checked(place: Place, file: Row[Any]) -> bytes:
    """Return the bytes of a file that are those that were written.

    Args:
        place: where it is
        file: its row

    Returns:
        All of it.

    Raises:
        ArchiveError: it is missing, or other bytes are there
    """
    data = place.read(file.path)
    if hashlib.sha256(data).hexdigest() != file.sha256:
        raise ArchiveError(
            f"{file.path} is damaged: it is not what was written",
            hint="Put it back from a copy. See all that is damaged: sentinel archive verify",
        )
    return data


@contextmanager
def writing_alone(store: Store) -> Generator[str]:
    """Hold the lease of whoever writes the archive.

    Args:
        store: the shared database

    Yields:
        The holder.

    Raises:
        Conflict: somebody else writes it
    """
    holder = new_id()
    if not store.leases.take(_LEASE, holder, _LENGTH):
        raise Conflict(
            "the archive is being written", hint="Try again in a minute, or ten after a crash."
        )
    try:
        yield holder
    finally:
        store.leases.release(_LEASE, holder)


def renew(store: Store, holder: str) -> None:
    """Renew the lease.

    Raises:
        Conflict: it ran out, and somebody else writes the archive
    """
    if not store.leases.take(_LEASE, holder, _LENGTH):
        raise Conflict("the archive is being written by another process")


def locked(connection: Connection, holder: str | None = None) -> None:
    """Let no other transaction change which files count before this one ends.

    Args:
        connection: a writing transaction
        holder: who must hold the lease still; None where none is needed

    Raises:
        Conflict: somebody else took the lease since, who may have removed the files of `holder`
    """
    query = select(LEASE.c.holder).where(LEASE.c.name == _LEASE).with_for_update()
    # One that ran out is still its holder's: whoever takes it waits for this transaction.
    if holder is not None and connection.execute(query).scalar() != holder:
        raise Conflict("the archive was written by another process meanwhile", hint="Try again.")
    if holder is None:
        connection.execute(query)


def count(connection: Connection, file_id: str, sha256: str, records: int, size: int) -> None:
    """Let a file count.

    Args:
        connection: a writing transaction, which deletes the rows that are in it
        file_id: of the file
        sha256: its checksum
        records: how many it holds
        size: in bytes

    Raises:
        Conflict: it is not to be written any more, so it may be gone
    """
    values = {"state": KEPT, "sha256": sha256, "records": records, "bytes": size}
    mine = FILE.update().where(FILE.c.id == file_id, FILE.c.state == WRITING)
    if connection.execute(mine.values(**values)).rowcount != 1:
        raise Conflict("a new file of the archive was removed meanwhile", hint="Try again.")


def intend(
    store: Store, kind: str, tenant: str, first_at: Any, last_at: Any, revision: str, layout: int
) -> tuple[str, str]:
    """Note that a file is to be written, so that a crash leaves none that nobody knows.

    Returns:
        Its id and path.
    """
    file_id = new_id()
    path = path_of(kind, tenant, last_at, file_id)
    with store.write() as connection:
        connection.execute(
            FILE.insert().values(
                id=file_id, state=WRITING, kind=kind, tenant=tenant, path=path, records=0, bytes=0,
                sha256="", format=layout, revision=revision, first_at=first_at, last_at=last_at,
                created_at=store.now(),
            )
        )  # fmt: skip
    return file_id, path


def clear(store: Store, place: Place) -> int:
    """Remove files that do not count: what a crash left behind, and what was replaced.

    Only whoever holds the lease may, since a file that is being written does not count yet.

    Args:
        store: the shared database
        place: where they are

    Returns:
        How many were removed.

    Raises:
        ArchiveError: one cannot be removed; it is tried again next time
    """
    with store.read() as connection:
        query = select(FILE.c.id, FILE.c.path).where(FILE.c.state.in_([WRITING, LEAVING]))
        found = connection.execute(query).all()
    for row in found:
        place.remove(row.path)
        with store.write() as connection:
            connection.execute(FILE.delete().where(FILE.c.id == row.id))
    return len(found)
