"""How many statements writes take: few rows take one, since locks are held meanwhile."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from sqlalchemy import event

from sentinel.alerts.actions import Acknowledge
from sentinel.clock import FakeClock
from sentinel.store import Store
from sentinel.store.database import bulk
from tests.databases import both_databases
from tests.world import World

MOST = 18
"""Statements of an acknowledgement of one alert in one group, from its first to its last."""


@both_databases
def test_an_acknowledgement_takes_few_statements_and_no_copy(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
):
    world = World(store, clock)
    world.sees({"/a": 95.0, "/b": 96.0})
    world.tells()
    first, second = (row[0] for row in world.rows("SELECT id FROM alert ORDER BY id"))
    store.act([first], Acknowledge(actor="ann"))  # whose name is kept from now on
    statements: list[str] = []
    copied: list[object] = []

    def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    real = psycopg.Cursor.copy

    def copy(self: Any, statement: Any, *more: Any, **named: Any) -> Any:
        copied.append(statement)
        return real(self, statement, *more, **named)

    monkeypatch.setattr(psycopg.Cursor, "copy", copy)
    event.listen(store.engine, "before_cursor_execute", note)
    store.act([second], Acknowledge(actor="ann"))
    assert copied == [], "each is two round trips under the locks of a rule and a group"
    assert len(statements) <= MOST, statements
    if store.dialect != "sqlite":
        world.sees({f"/{n}": 95.0 for n in range(20)})
        assert copied, "many rows go by COPY"


@both_databases
def test_few_rows_are_what_many_rows_are(store: Store, monkeypatch: pytest.MonkeyPatch):
    name = ("id", "at", "level", "what", "message", "details")
    now = store.now()
    odd = "100% {} \\ ' \" é 磁\n"

    def rows(prefix: str) -> list[tuple[Any, ...]]:
        details = bulk.dumped({"odd": odd, "n": 1.5, "none": None})
        return [(f"{prefix}{n}", now, "info", odd, odd, details) for n in range(3)]

    with store.write() as connection:
        bulk.insert_many(connection, "system_log", name, [])
        bulk.insert_many(connection, "system_log", name, rows("few"))
        monkeypatch.setattr(bulk, "_FEW", 0)
        bulk.insert_many(connection, "system_log", name, rows("many"))
        found = connection.exec_driver_sql(
            "SELECT at, level, what, message, details FROM system_log ORDER BY id"
        ).all()
    assert len(found) == 6
    assert len({repr(tuple(row)) for row in found}) == 1


@both_databases
def test_rows_that_exist_are_updated_and_others_inserted_by_one_statement(store: Store):
    columns, sets = ("name", "number"), "number = change.number + excluded.number"
    executed: list[bool] = []

    def note(_c: object, _cursor: object, _s: str, _p: object, _x: object, many: bool) -> None:
        executed.append(many)

    with store.engine.begin() as connection:
        bulk.insert_many(connection, "change", columns, [("a", 1), ("b", 2)])
        event.listen(connection, "before_cursor_execute", note)
        for rows in ([("b", 10), ("c", 20)], []):
            bulk.insert_or_update(connection, "change", columns, rows, key=("name",), sets=sets)
        event.remove(connection, "before_cursor_execute", note)
        found = connection.exec_driver_sql(
            "SELECT name, number FROM change WHERE name IN ('a', 'b', 'c') ORDER BY name"
        )
        assert [tuple(row) for row in found] == [("a", 1), ("b", 12), ("c", 20)]
    # SQLite prepares one statement for all rows; PostgreSQL's driver would send one for each row.
    assert executed == [store.dialect == "sqlite"]
