"""Writes of many rows by the fastest durable way of each dialect, in the caller's transaction.

SQLite gets prepared statements over tuples; PostgreSQL gets COPY and one UPDATE over a JSON
parameter. SQLAlchemy's own executemany is three to five times slower here (benchmarks/store.py).
"""

from __future__ import annotations

import gc
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, cast

import orjson
import psycopg
from psycopg import sql
from sqlalchemy import Connection

__all__ = [
    "cells_of",
    "dumped",
    "id_array",
    "insert_many",
    "insert_new",
    "insert_or_update",
    "uncollected",
    "update_many",
]

_POSTGRES_TYPES = {
    "text": "text",
    "float": "float8",
    "int": "int8",
    "bool": "bool",
    "moment": "timestamptz",
    "json": "jsonb",
}

_FEW = 4
"""Rows of PostgreSQL for which one INSERT is faster than COPY, over a network, too."""


def dumped(value: object) -> str:
    """Return `value` as JSON text, with keys in the given order and without NUL characters."""
    text = orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS, default=str).decode()
    if "\\u0000" in text:  # PostgreSQL's JSON has no NUL
        text = orjson.dumps(_without_nul(orjson.loads(text))).decode()
    return text


def _without_nul(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, list):
        return [_without_nul(one) for one in cast("list[Any]", value)]
    if isinstance(value, dict):
        given = cast("dict[str, Any]", value)
        return {_without_nul(key): _without_nul(one) for key, one in given.items()}
    return value


def insert_many(
    connection: Connection, table: str, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]
) -> None:
    """Insert `rows`.

    Args:
        connection: the caller's open transaction
        table: name of the table
        columns: names of the columns, in the order of a row's cells
        rows: one tuple per row; JSON cells are text already
    """
    if connection.dialect.name == "sqlite":
        marks = ",".join("?" * len(columns))
        statement = f"INSERT INTO {table} ({','.join(columns)}) VALUES ({marks})"  # noqa: S608 - names are ours
        cells = _sqlite_cells(rows)
        if cells:
            connection.exec_driver_sql(statement, cells)
        return
    if isinstance(rows, Sequence) and len(rows) <= _FEW:
        _insert_few(connection, table, columns, rows)
        return
    copy = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table), sql.SQL(",").join(map(sql.Identifier, columns))
    )
    with _psycopg(connection).cursor() as cursor, cursor.copy(copy) as stream:
        for row in rows:
            stream.write_row(row)


def _insert_few(
    connection: Connection, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Insert a few rows by one statement, which is one round trip where COPY is two.

    Locks of rules and groups are held meanwhile, so an action on one alert waits for no more.
    """
    if not rows:
        return
    marks = ",".join([f"({','.join(['%s'] * len(columns))})"] * len(rows))
    connection.exec_driver_sql(
        f"INSERT INTO {table} ({','.join(columns)}) VALUES {marks}",  # noqa: S608 - names are ours
        tuple(cell for row in rows for cell in row),
    )


def insert_new(
    connection: Connection,
    table: str,
    columns: Sequence[str],
    rows: Sequence[tuple[Any, ...]],
    *,
    same: Mapping[str, Any],
) -> None:
    """Insert those of `rows` whose key does not exist yet; leave the others as they are.

    Args:
        connection: the caller's open transaction
        table: name of the table
        columns: names of the columns, in the order of a row's cells
        rows: one tuple per row; JSON cells are text already
        same: further columns, with the value that they have in every row
    """
    if not rows:
        return
    names = ",".join([*columns, *same])
    more = tuple(same.values())
    if connection.dialect.name == "sqlite":
        marks = ",".join("?" * (len(columns) + len(same)))
        statement = f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({marks})"  # noqa: S608 - names are ours
        connection.exec_driver_sql(statement, _sqlite_cells([(*row, *more) for row in rows]))
        return
    # COPY knows no ON CONFLICT; one JSON parameter is the next best, as in `update_many`.
    records = [dict(zip(columns, row, strict=True)) for row in rows]
    given = ",".join([*columns, *("%s" for _ in same)])
    connection.exec_driver_sql(
        f"INSERT INTO {table} ({names}) "  # noqa: S608 - names are ours
        f"SELECT {given} FROM json_populate_recordset(NULL::{table}, %s::json) "
        "ON CONFLICT DO NOTHING",
        (*more, orjson.dumps(records).decode()),
    )


def insert_or_update(
    connection: Connection,
    table: str,
    columns: Sequence[str],
    rows: Sequence[tuple[Any, ...]],
    *,
    key: Sequence[str],
    sets: str,
) -> None:
    """Insert `rows`, and update those whose key exists already.

    Args:
        connection: the caller's open transaction
        table: name of the table
        columns: names of the columns, in the order of a row's cells
        rows: one tuple per row, without moments, each key once
        key: columns of the primary key
        sets: assignments in SQL for a row that exists, which may name `excluded`
    """
    if not rows:
        return
    names = ",".join(columns)
    conflict = f"ON CONFLICT ({','.join(key)}) DO UPDATE SET {sets}"
    if connection.dialect.name == "sqlite":
        marks = ",".join("?" * len(columns))
        statement = f"INSERT INTO {table} ({names}) VALUES ({marks}) {conflict}"  # noqa: S608 - names are ours
        connection.exec_driver_sql(statement, list(rows))
        return
    # SQLAlchemy would send a statement for each row.
    records = [dict(zip(columns, row, strict=True)) for row in rows]
    connection.exec_driver_sql(
        f"INSERT INTO {table} ({names}) SELECT {names} "  # noqa: S608 - names are ours
        f"FROM json_populate_recordset(NULL::{table}, %s::json) {conflict}",
        (orjson.dumps(records).decode(),),
    )


def insert_bytes(
    connection: Connection, table: str, columns: Sequence[str], row: tuple[Any, ...]
) -> None:
    """Insert one row whose last cell is bytes, sent in binary form.

    Args:
        connection: the caller's open transaction
        table: name of the table
        columns: names of the columns, in the order of the cells
        row: the cells
    """
    if connection.dialect.name == "sqlite":
        insert_many(connection, table, columns, [row])
        return
    marks = ",".join(["%s"] * (len(columns) - 1) + ["%b"])
    connection.exec_driver_sql(
        f"INSERT INTO {table} ({','.join(columns)}) VALUES ({marks})",  # noqa: S608 - names are ours
        row,
    )


def update_many(
    connection: Connection,
    table: str,
    columns: Sequence[tuple[str, str]],
    rows: Sequence[tuple[Any, ...]],
    *,
    add: str = "",
    same: Mapping[str, Any] | None = None,
    key: str = "id",
    within: Mapping[str, str] | None = None,
) -> int:
    """Update rows by id.

    Args:
        connection: the caller's open transaction
        table: name of the table
        columns: pairs of name and kind (text, float, int, bool, moment or json), in the order of
            the cells
        rows: tuples of the id, then one cell per column
        add: further assignments in SQL, for example `bad_count = bad_count + 1`
        same: further columns, with the value that they get in every row
        key: the column of text that is the id
        within: columns that have these values in all of the rows, where the id alone is not unique

    Returns:
        How many rows were updated.
    """
    if not rows:
        return 0
    names = [name for name, _ in columns]
    same, within = same or {}, within or {}
    if connection.dialect.name == "sqlite":
        sets = [f"{name}=?" for name in (*names, *same)]
        sets += [add] if add else []
        where = " AND ".join(f"{name}=?" for name in (*within, key))
        statement = f"UPDATE {table} SET {','.join(sets)} WHERE {where}"  # noqa: S608 - names are ours
        # The id comes last: early releases of Python 3.12 take a numbered `?1` for a named one.
        more = (*same.values(), *within.values())
        cells = _sqlite_cells([(*row[1:], *more, row[0]) for row in rows])
        cursor = connection.exec_driver_sql(statement, cells)
        return cursor.rowcount
    sets = [f"{name}=n.{name}" for name in names] + [f"{name}=%s" for name in same]
    sets += [add] if add else []
    shape = ",".join(f"{name} {_POSTGRES_TYPES[kind]}" for name, kind in columns)
    # One JSON parameter: psycopg writes an array element by element, five times slower.
    statement = (
        f"UPDATE {table} SET {','.join(sets)} "  # noqa: S608 - names are ours
        f"FROM json_to_recordset(%s::json) AS n({key} text,{shape}) WHERE {table}.{key}=n.{key}"
        + "".join(f" AND {table}.{name}=%s" for name in within)
    )
    keys = [key, *names]
    places = [place for place, (_, kind) in enumerate(columns, start=1) if kind == "json"]
    records = [_record(keys, row, places) for row in rows]
    parameters = (*same.values(), orjson.dumps(records).decode(), *within.values())
    return connection.exec_driver_sql(statement, parameters).rowcount


def _record(keys: Sequence[str], row: tuple[Any, ...], places: Sequence[int]) -> dict[str, Any]:
    record = dict(zip(keys, row, strict=True))
    for place in places:  # text that is JSON already stands as it is
        record[keys[place]] = orjson.Fragment(row[place])
    return record


def id_array(connection: Connection, ids: Sequence[str]) -> tuple[str, Any]:
    """Return a subquery that yields `ids` as rows, with one parameter however many there are.

    Args:
        connection: of the dialect that the subquery is for
        ids: values of a text column

    Returns:
        The text for `WHERE id IN (<text>)`, and its parameter for `exec_driver_sql`.
    """
    if connection.dialect.name == "sqlite":
        return "SELECT value FROM json_each(?)", orjson.dumps(list(ids)).decode()
    return "SELECT unnest(%s::text[])", list(ids)


def cells_of(connection: Connection, row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return `row` with its cells as the driver of this dialect needs them."""
    return _sqlite_cells([row])[0] if connection.dialect.name == "sqlite" else row


def _psycopg(connection: Connection) -> psycopg.Connection[Any]:
    return cast("psycopg.Connection[Any]", connection.connection.dbapi_connection)


class _Written(dict[datetime, str]):
    """Moments as SQLAlchemy's SQLite dialect writes them, so that both read and sort alike."""

    def __missing__(self, moment: datetime) -> str:
        self[moment] = text = moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
        return text


def _sqlite_cells(rows: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    # Most cells of most rows are the same few moments: no call for each of them.
    written = _Written()
    return [
        tuple([written[cell] if type(cell) is datetime else cell for cell in row]) for row in rows
    ]


@contextmanager
def uncollected(size: int) -> Generator[None]:
    """Pause the cyclic garbage collector while many small objects are made.

    None of them is in a cycle, but for every thousand of them the collector walks all the others:
    a quarter of the time of an evaluation with 20,000 readings.

    Args:
        size: how many objects are about to be made; below 1000 nothing is paused

    Yields:
        Nothing; the collector is on again afterwards if it was on before.
    """
    if size < 1000 or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
