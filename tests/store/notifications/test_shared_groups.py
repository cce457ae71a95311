"""Groups that alerts of several rules share."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import event, text

from sentinel.clock import FakeClock
from sentinel.store import Store
from sentinel.store.notifications.group_homes import GroupHomes
from tests.databases import both_databases
from tests.engine.test_dispatcher import FIRST
from tests.waiting import eventually
from tests.world import World


def test_a_group_that_another_rule_resolves_at_this_moment_is_looked_for_again(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
):
    world = World(store, clock)
    real = GroupHomes._find_live  # pyright: ignore[reportPrivateUsage] - the moment is inside
    times = 0

    def resolved_meanwhile(self: GroupHomes, keys: Iterable[str]) -> dict[str, Any]:
        nonlocal times
        times += 1
        return {} if times == 2 else real(self, keys)

    monkeypatch.setattr(GroupHomes, "_find_live", resolved_meanwhile)
    world.sees({"/": 95})
    assert times > 2
    assert world.said() == [FIRST]


@both_databases
def test_all_groups_there_are_are_locked_before_one_is_reopened_or_made(
    store: Store, clock: FakeClock
):
    if store.dialect == "sqlite":
        pytest.skip("SQLite lets writing transactions follow each other")
    world = World(store, clock, group_by=["mount"])
    world.sees({"/": 95})
    world.sees({"/": 95, "/data": 95})
    world.sees({"/": 95, "/data": 10})
    live, ended = [row[0] for row in world.rows("SELECT id FROM alert_group ORDER BY id")]
    clock.forward(seconds=60)
    evaluation = world.evaluation({"/": 10, "/data": 95, "/new": 95})
    written: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        if "alert_group" in statement and not statement.startswith("SELECT"):
            written.append(statement)

    locked = "SELECT id FROM alert_group WHERE id = :id FOR UPDATE NOWAIT"
    with ThreadPoolExecutor(1) as pool:
        with store.engine.begin() as other:
            other.execute(text(locked), {"id": live})
            event.listen(store.engine, "before_cursor_execute", note)
            try:
                applied = pool.submit(store.apply, evaluation)
                waits = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
                eventually(lambda: other.execute(waits).scalar_one(), "it waits for the live group")
                assert written == []
                # Whoever waits holds none with a later id: the other may go on to it.
                other.execute(text(locked), {"id": ended})
            finally:
                event.remove(store.engine, "before_cursor_execute", note)
        applied.result(60)
    states = world.rows("SELECT status, firing FROM alert_group ORDER BY id")
    assert [tuple(row) for row in states] == [("resolved", 0), ("open", 1), ("open", 1)]
