"""Many rows at once, each dialect by its quickest durable way, inside the caller's transaction.

SQLite takes prepared statements over tuples; PostgreSQL takes COPY and one UPDATE over arrays.
SQLAlchemy's own executemany is three to five times slower here (see benchmarks/store.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, cast

import orjson
import psycopg
from psycopg import sql
from sqlalchemy import Connection

__all__ = ["dumped", "id_array", "insert_many", "update_many"]

_POSTGRES_TYPES = {
    "text": "text",
    "float": "float8",
    "int": "int8",
    "moment": "timestamptz",
    "json": "text",
}


def dumped(value: object) -> str:
    """`value` as JSON text, keys in the order given."""
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS, default=str).decode()


def insert_many(
    connection: Connection, table: str, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]
) -> None:
    """Insert `rows`, whose cells stand in the order of `columns`; JSON comes as text."""
    if connection.dialect.name == "sqlite":
        marks = ",".join("?" * len(columns))
        statement = f"INSERT INTO {table} ({','.join(columns)}) VALUES ({marks})"  # noqa: S608 - names are ours
        cells = _sqlite_cells(rows)
        if cells:
            connection.exec_driver_sql(statement, cells)
        return
    copy = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table), sql.SQL(",").join(map(sql.Identifier, columns))
    )
    with _psycopg(connection).cursor() as cursor, cursor.copy(copy) as stream:
        for row in rows:
            stream.write_row(row)


def update_many(
    connection: Connection,
    table: str,
    columns: Sequence[tuple[str, str]],
    rows: Sequence[tuple[Any, ...]],
    *,
    add: str = "",
) -> int:
    """Update by id; returns how many rows were touched.

    Args:
        connection: the caller's open transaction
        table: ours
        columns: (name, kind), kind being text, float, int, moment or json, as the cells come
        rows: the id first, then a cell per column
        add: further assignments in SQL, for example `bad_count = bad_count + 1`
    """
    if not rows:
        return 0
    names = [name for name, _ in columns]
    if connection.dialect.name == "sqlite":
        # Parameters are numbered so that the id may come first in the row.
        sets = [f"{name}=?{place}" for place, name in enumerate(names, start=2)]
        sets += [add] if add else []
        statement = f"UPDATE {table} SET {','.join(sets)} WHERE id=?1"  # noqa: S608 - names are ours
        cursor = connection.exec_driver_sql(statement, _sqlite_cells(rows))
        return cursor.rowcount
    sets = [f"{name}=n.{name}{'::jsonb' if kind == 'json' else ''}" for name, kind in columns]
    sets += [add] if add else []
    arrays = ["%s::text[]"] + [f"%s::{_POSTGRES_TYPES[kind]}[]" for _, kind in columns]
    statement = (
        f"UPDATE {table} SET {','.join(sets)} FROM "  # noqa: S608 - names are ours
        f"unnest({','.join(arrays)}) AS n(id,{','.join(names)}) WHERE {table}.id=n.id"
    )
    cells = tuple(list(column) for column in zip(*rows, strict=True))
    return connection.exec_driver_sql(statement, cells).rowcount


def id_array(connection: Connection, ids: Sequence[str]) -> tuple[str, Any]:
    """A subquery text and its one parameter that give `ids` as rows, however many.

    Use as `WHERE id IN (<text>)` with `exec_driver_sql` and the parameter in place.
    """
    if connection.dialect.name == "sqlite":
        return "SELECT value FROM json_each(?)", orjson.dumps(list(ids)).decode()
    return "SELECT unnest(%s::text[])", list(ids)


def _psycopg(connection: Connection) -> psycopg.Connection[Any]:
    return cast("psycopg.Connection[Any]", connection.connection.dbapi_connection)


def _sqlite_cells(rows: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    known: dict[datetime, str] = {}

    def cell(value: Any) -> Any:
        if type(value) is datetime:
            written = known.get(value)
            if written is None:
                # As SQLAlchemy's SQLite dialect writes it, so that both read and sort alike.
                written = value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
                known[value] = written
            return written
        return value

    return [tuple([cell(value) for value in row]) for row in rows]
