"""Tables of orchestration are read from other databases, and used while those are away."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from msgspec import structs

from sentinel import Context
from sentinel.clock import FakeClock
from sentinel.engine.table_watch import TableWatch
from sentinel.errors import ConfigurationError, SourceDown
from sentinel.orchestration.incoming import Incoming
from sentinel.orchestration.tables import MOST_ROWS
from sentinel.store import Store
from sentinel.store.orchestration.cached_tables import (
    TableQuery,
    cached_tables,
    remove_query,
    set_query,
)
from sentinel.store.orchestration.documents import Orchestrations
from sentinel.store.orchestration.trials import tried
from triggers._sources import asked

RULES = "rules: [{name: a, enrich: {table: cmdb, where: {host: labels.host}, set: {owner: o}}}]"
ASKED = TableQuery(block="sqlalchemy-connector/cmdb", query="select host, o from h")


def test_rows_that_were_read_are_used_until_they_are_too_old(store: Store, clock: FakeClock):
    answers: list[Sequence[Mapping[str, Any]] | SourceDown] = []

    def ask(block: str, query: str) -> Sequence[Mapping[str, Any]]:
        assert (block, query) == (ASKED.block, ASKED.query)
        answer = answers.pop(0)
        if isinstance(answer, SourceDown):
            raise answer
        return answer

    def owner() -> str:
        given = Incoming(sender="api", labels={"host": "a"})
        return tried(store, "default", given, None).given.owner

    watch = TableWatch(store, ask)
    set_query(store, "default", "cmdb", ASKED, actor="ann")
    Orchestrations(store, "default").apply(RULES, actor="ann")
    assert owner() == ""  # it was not read yet
    answers[:] = [[{"host": "a", "o": "shop"}, {"host": "b", "o": None}]]
    watch.evaluate(clock.now())
    assert owner() == "shop"
    watch.evaluate(clock.now())  # it is not due
    changed = structs.replace(ASKED, every=timedelta(minutes=5))
    set_query(store, "default", "cmdb", changed, actor="ann")
    assert owner() == "shop"  # until it is read again
    clock.forward(minutes=10)
    answers[:] = [SourceDown("cmdb", "cmdb is away")]
    watch.evaluate(clock.now())
    (table,) = cached_tables(store, "default")
    assert ("cmdb is away" in table.error, owner()) == (True, "shop")
    clock.forward(days=1)
    assert owner() == ""  # too old by now
    answers[:] = [[{"host": "a", "o": "web"}]]
    watch.evaluate(clock.now())
    (table,) = cached_tables(store, "default")
    assert (table.error, table.read_at, owner()) == ("", clock.now(), "web")
    with pytest.raises(ConfigurationError, match="the active rules enrich from"):
        remove_query(store, "default", "cmdb", actor="ann")
    Orchestrations(store, "default").rollback(0, actor="ann")
    remove_query(store, "default", "cmdb", actor="ann")
    assert cached_tables(store, "default") == []


class _Source:
    """A database of SQLite behind a block."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def ask(self, block: str, query: str) -> Sequence[Mapping[str, Any]]:
        source = f"sqlite:///{self.path}"
        return asked(Context(), source, query, most=MOST_ROWS, timeout=0.05)


def test_no_table_holds_up_another(store: Store, clock: FakeClock, tmp_path: Path):
    source = _Source(tmp_path / "cmdb.db")
    with sqlite3.connect(source.path) as link:
        link.execute("CREATE TABLE h AS SELECT 'a' AS host, 'shop' AS o")
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT max(i) FROM n"
    go_on = Event()

    def ask(block: str, query: str) -> Sequence[Mapping[str, Any]]:
        if query == "select hangs":
            go_on.wait()
        if query == "select raises":
            raise UnicodeDecodeError("utf-8", b"", 0, 1, "a driver of others")
        return source.ask(block, query)

    for name, query in (
        ("endless", endless), ("hangs", "select hangs"), ("raises", "select raises"),
        ("writes", "DELETE FROM h"), ("good", ASKED.query),
    ):  # fmt: skip
        set_query(store, "default", name, structs.replace(ASKED, query=query), actor="ann")
        clock.forward(seconds=1)
    watch = TableWatch(store, ask, patience=0.3)
    watch.evaluate(clock.now())
    clock.forward(minutes=11)
    watch.evaluate(clock.now())
    go_on.set()
    said = {one.name: one.error for one in cached_tables(store, "default")}
    assert "interrupted" in said["endless"]
    assert "has not answered the query before" in said["hangs"]
    assert "a driver of others" in said["raises"]
    assert "must read" in said["writes"]
    assert said["good"] == ""


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"block": "secret/x"}, "none of prefect-sqlalchemy"),
        ({"query": " "}, "the query is empty"),
        ({"every": timedelta(seconds=1)}, "every: must be from"),
        ({"usable": timedelta(minutes=5)}, "usable: must be at least every"),
    ],
)
def test_a_query_that_cannot_be_kept_is_refused(store: Store, wrong: dict[str, Any], said: str):
    given: dict[str, Any] = {"block": ASKED.block, "query": ASKED.query, **wrong}
    with pytest.raises(ConfigurationError, match=said):
        set_query(store, "default", "cmdb", TableQuery(**given), actor="ann")
