"""Facts about the database itself: its address, its schema, and how much it holds."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import Connection, func, inspect, select, text

from sentinel.store.database.backup import tables
from sentinel.store.database.migrate import revision, schema_ready

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["Facts", "database_bytes", "database_clock", "facts_of"]


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a database.

    Attributes:
        url: the address without its password
        dialect: `postgresql` or `sqlite`
        version: of the database system
        schema: revision of the schema, empty where there is none
        up_to_date: whether that is this version's revision
        bytes: the space that it takes
        rows: number of rows by table
    """

    url: str
    dialect: str
    version: str
    schema: str
    up_to_date: bool
    bytes: int
    rows: dict[str, int]


def facts_of(store: Store) -> Facts:
    """Return facts about the database of `store`.

    Args:
        store: an open store

    Returns:
        The facts, read in one transaction.

    Raises:
        SchemaTooNew: a newer Sentinel has migrated the database.
        DatabaseUnreachable: the database does not answer.
    """
    ready = schema_ready(store.engine)
    with store.read() as connection:
        there = set(inspect(connection).get_table_names())
        return Facts(
            url=store.engine.url.render_as_string(hide_password=True),
            dialect=store.dialect,
            version=".".join(map(str, connection.dialect.server_version_info or ())),
            schema=revision(connection),
            up_to_date=ready,
            bytes=database_bytes(store, connection),
            rows={
                table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
                for table in tables()
                if table.name in there
            },
        )


def database_clock(store: Store) -> datetime | None:
    """Return the time of the database server; None for a file, which has the time of this machine.

    Args:
        store: an open store

    Returns:
        The moment, in UTC.
    """
    if store.dialect != "postgresql":
        return None
    with store.read() as connection:
        return connection.execute(select(func.clock_timestamp())).scalar_one()


def database_bytes(store: Store, connection: Connection) -> int:
    """Return the space that the database takes, in bytes; an SQLite file with its log."""
    if store.dialect == "postgresql":
        size = text("SELECT pg_database_size(current_database())")
        return int(connection.execute(size).scalar_one())
    path = Path(store.engine.url.database or "")
    # The last writes are in the write-ahead log, a file beside it.
    return sum(
        file.stat().st_size for file in (path, path.with_name(f"{path.name}-wal")) if file.exists()
    )
