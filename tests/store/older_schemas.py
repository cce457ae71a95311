"""Databases and backups as older versions of Sentinel wrote them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from alembic import command
from sqlalchemy import Boolean, Column, MetaData, Table

from sentinel.clock import FakeClock
from sentinel.store.database.engine import connect
from sentinel.store.database.migrate import alembic_config, locked

__all__ = ["as_of_schema", "filled", "migrate_to"]

_numbers = iter(range(1, 10**9))


def migrate_to(engine: Any, revision: str) -> None:
    with locked(engine) as connection:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def filled(table: Table, **given: Any) -> dict[str, Any]:
    """A row of a reflected table; what is not given is whatever the column takes."""
    number = next(_numbers)
    row: dict[str, Any] = {}
    for column in table.columns:
        if column.name in given:
            row[column.name] = given[column.name]
        elif not column.nullable and column.server_default is None:
            row[column.name] = _filler(column, number)
    return row


def _filler(column: Column[Any], number: int) -> Any:
    kind = str(column.type).upper()
    if isinstance(column.type, Boolean):
        return False
    if "JSON" in kind:
        return {}
    if "TIME" in kind:
        return FakeClock().now()
    if "CHAR" in kind or "TEXT" in kind:
        return f"{number:032x}" if column.primary_key or column.name.endswith("id") else ""
    return number


def as_of_schema(path: Path, schema: str) -> None:
    """Make a backup what a version of another schema would have written, which had less."""
    engine = connect(f"sqlite:///{path.with_suffix('.then.db')}")
    migrate_to(engine, schema)
    then = MetaData()
    then.reflect(engine)
    engine.dispose()

    def lines() -> Iterator[bytes]:
        head, *rest = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
        yield json.dumps({**json.loads(head), "schema": schema}).encode() + b"\n"
        kept: list[int] = []
        for line in rest:
            one: Any = json.loads(line)
            if isinstance(one, list):
                one = [one[place] for place in kept]
                if not one:
                    continue
            elif "rows" in one:
                one["rows"] = {name: n for name, n in one["rows"].items() if name in then.tables}
            else:
                there = then.tables.get(one["table"])
                known: set[str] = set() if there is None else set(there.columns.keys())
                kept = [place for place, name in enumerate(one["columns"]) if name in known]
                if not kept:
                    continue
                one["columns"] = {name: k for name, k in one["columns"].items() if name in known}
            yield json.dumps(one).encode() + b"\n"

    path.write_bytes(gzip.compress(b"".join(lines())))
