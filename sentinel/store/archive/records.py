"""Records of the archive: an alert or a group with all rows that belong to it, as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Table, select
from sqlmodel import SQLModel

from sentinel import schema
from sentinel.store.database.chunks import chunks
from sentinel.store.database.insert import insert_into
from sentinel.store.database.leaving import LEAVING

__all__ = ["Record", "Rows", "encoded", "gather", "put_back", "row_of", "same", "text_of"]

Rows = dict[str, list[dict[str, Any]]]
"""Rows by table, each by column as JSON can hold it."""


class Record(msgspec.Struct, frozen=True):
    """An alert or a group as it was when it left the database.

    Attributes:
        id: of the alert or group
        kind: alert or group
        rows: by table; the first table has its own row alone
    """

    id: str
    kind: str
    rows: Rows

    @property
    def own(self) -> dict[str, Any]:
        """The row of the alert or group itself."""
        return self.rows[LEAVING[self.kind][0][0]][0]


def gather(connection: Connection, kind: str, ids: Sequence[str]) -> list[Record]:
    """Read records from the database.

    Args:
        connection: an open transaction
        kind: alert or group
        ids: of which, at most some hundreds

    Returns:
        The records, in the order of `ids`; an unknown id is left out.
    """
    found: dict[str, Rows] = {one: {} for one in ids}
    for name, column in LEAVING[kind]:
        table = _table(name)
        for piece in chunks(ids):
            query = select(table).where(table.c[column].in_(piece)).order_by(*table.primary_key)
            for row in connection.execute(query).mappings():
                found[row[column]].setdefault(name, []).append(_plain(dict(row)))
    own = LEAVING[kind][0][0]
    return [Record(one, kind, rows) for one, rows in found.items() if own in rows]


def same(some: Sequence[Record], others: Sequence[Record]) -> bool:
    """Return whether records hold the same rows in the same order."""
    return [(one.id, encoded(one.rows)) for one in some] == [
        (one.id, encoded(one.rows)) for one in others
    ]


def put_back(connection: Connection, records: Sequence[Record]) -> None:
    """Insert the rows of records; a row that is there already stays as it is.

    A column that this version no longer has is left out; one that is new since gets its default.

    Args:
        connection: a writing transaction
        records: from files of this or an earlier version
    """
    for record in records:
        for name, rows in record.rows.items():
            table = _table(name)
            for given in rows:
                statement = insert_into(connection.dialect.name, table)
                connection.execute(statement.values(row_of(table, given)).on_conflict_do_nothing())


def row_of(table: Table, given: dict[str, Any]) -> dict[str, Any]:
    """Return a row of a record with the types of the table's columns."""
    row: dict[str, Any] = {name: value for name, value in given.items() if name in table.c}
    for column in table.columns:
        value = row.get(column.name)
        if value is not None and isinstance(column.type, schema.Moment):
            row[column.name] = datetime.fromisoformat(value)
    return row


def text_of(record: Record) -> str:
    """Return what a search looks through, in lower case: title, rule, labels, comments and more."""
    own = record.own
    parts = [str(own.get(name) or "") for name in ("title", "description", "rule", "route", "team")]
    labels: dict[str, str] = own.get("labels") or {}
    parts += [f"{name}={value}" for name, value in labels.items()]
    parts += [row.get("comment") or "" for row in record.rows.get("timeline", [])]
    return "\n".join(filter(None, parts)).lower()


def encoded(rows: Rows) -> str:
    """Return rows as JSON, by which records are compared: NaN and numbers of any size, too."""
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":"), default=_text)


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return json.loads(json.dumps(row, default=_text))


def _text(cell: object) -> str:
    if not isinstance(cell, datetime):
        raise TypeError(f"{type(cell).__name__} in a record of the archive")
    return cell.isoformat()


def _table(name: str) -> Table:
    return SQLModel.metadata.tables[name]
