"""Facts about the database itself: where it is, its schema, how much is in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import Connection, func, inspect, select, text

from sentinel.store.database.backup import tables
from sentinel.store.database.migrate import revision, schema_ready

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["Facts", "facts_of"]


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a database.

    Attributes:
        url: without its password
        version: of the database system
        schema: revision of the schema, empty where there is none
        up_to_date: whether that is this version's
        bytes: how much space it takes
        rows: how many, by table
    """

    url: str
    dialect: str
    version: str
    schema: str
    up_to_date: bool
    bytes: int
    rows: dict[str, int]


def facts_of(store: Store) -> Facts:
    """Look at the database.

    Raises:
        SchemaTooNew: a newer Sentinel has migrated it
        DatabaseUnreachable: it does not answer
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
            bytes=_bytes(store, connection),
            rows={
                table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
                for table in tables()
                if table.name in there
            },
        )


def _bytes(store: Store, connection: Connection) -> int:
    if store.dialect == "postgresql":
        size = text("SELECT pg_database_size(current_database())")
        return int(connection.execute(size).scalar_one())
    path = Path(store.engine.url.database or "")
    # What was written last is in the file beside it.
    return sum(
        file.stat().st_size for file in (path, path.with_name(f"{path.name}-wal")) if file.exists()
    )
