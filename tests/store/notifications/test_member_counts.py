"""A group's numbers, which a large one takes over from its row, are always those of its members."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import event

from sentinel.alerts.actions import Acknowledge, Reopen, Resolve, Suppress, Unacknowledge
from sentinel.clock import FakeClock
from sentinel.rules.rule import Rule
from sentinel.store import Store
from sentinel.store.notifications import member_counts
from tests.world import World

LEVELS = {"levels": {"low": 10, "high": 50, "critical": 90}}


ACTIONS = [
    Acknowledge(actor="ann"), Unacknowledge(actor="ann"), Resolve(actor="ann"), Reopen(actor="ann")
]  # fmt: skip


@pytest.fixture
def world(store: Store, clock: FakeClock) -> World:
    return World(store, clock, when=LEVELS)


def shown(world: World) -> list[tuple[Any, ...]]:
    """The numbers of the groups' rows."""
    return [
        tuple(row)
        for row in world.rows(
            "SELECT id, firing, acknowledged, severity FROM alert_group "
            "WHERE status <> 'resolved' ORDER BY id"
        )
    ]


def counted(world: World) -> list[tuple[Any, ...]]:
    """The same, counted from their members."""
    return [
        tuple(row)
        for row in world.rows(
            "SELECT m.group_id, count(*), sum(CASE WHEN a.status = 'acknowledged' THEN 1 ELSE 0 "
            "END), max(a.severity) FROM group_member m JOIN alert a ON a.id = m.alert_id "
            "WHERE m.resolved_seq IS NULL GROUP BY m.group_id ORDER BY m.group_id"
        )
    ]


@contextmanager
def counts(store: Store) -> Generator[list[int]]:
    """How many groups had their members counted."""
    found: list[int] = []

    def note(_c: Any, _cursor: Any, sql: str, *_: Any) -> None:
        if "AS firing" in sql:
            found.append(1)

    event.listen(store.engine, "before_cursor_execute", note)
    yield found
    event.remove(store.engine, "before_cursor_execute", note)


@pytest.mark.slow
def test_whatever_happens_to_the_alerts(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(member_counts, "_LARGE", 2)
    random = Random(7)
    values = {f"/{n}": 0.0 for n in range(8)}
    with counts(world.store) as made:
        for _ in range(150):
            for mount in random.sample(sorted(values), random.randrange(4)):
                values[mount] = random.choice([0, 0, 20, 60, 95, 95])
            world.sees(values)
            assert shown(world) == counted(world)
            ids = random.sample(world.ids(), min(2, len(world.ids())))
            if ids and random.random() < 0.2:
                until = world.clock.now() + timedelta(minutes=2)
                world.store.act(ids, random.choice([*ACTIONS, Suppress(actor="ann", until=until)]))
                assert shown(world) == counted(world)
        taken_over = world.rows("SELECT sum(seq) FROM alert_group")[0][0] - len(made)
    assert taken_over > 20


def test_an_alert_that_joins_or_leaves_a_large_group_has_no_other_counted(world: World):
    values = {f"/{n}": 60.0 for n in range(60)}
    world.sees(values)
    with counts(world.store) as made:
        world.sees(values | {"/new": 95.0})
        world.sees(values | {"/new": 95.0, "/0": 0.0})
        assert made == []
        assert shown(world) == counted(world)
        world.sees(values | {"/new": 0.0})
        assert made == [1]  # none that is left is as severe
        assert shown(world) == counted(world)


def test_several_rules_of_one_group_share_its_numbers(world: World):
    values = {f"/{n}": 60.0 for n in range(60)}
    world.rule = Rule.model_validate(world.rule.model_dump() | {"group_by": ["team"]})
    world.sees(values)
    world.rule = world.rule.model_copy(update={"name": "other"})
    world.sees(values)
    assert [row[1] for row in shown(world)] == [120]
    assert shown(world) == counted(world)


def test_a_suppressed_alert_that_joins_is_counted_as_one(world: World):
    values = {f"/{n}": 60.0 for n in range(60)}
    world.sees(values | {"/new": 60.0})
    (new,) = (row[0] for row in world.rows("SELECT id FROM alert WHERE title LIKE '%/new%'"))
    until = world.clock.now() + timedelta(days=1)
    world.store.act([new], Suppress(actor="ann", until=until))
    world.sees(values | {"/new": 0.0})
    world.clock.forward(hours=1)
    world.sees(values | {"/new": 60.0})
    assert [row[0] for row in world.rows("SELECT suppressed FROM alert_group")] == [1]
    assert shown(world) == counted(world)


def test_who_acknowledges_in_a_large_group_has_nothing_counted(world: World):
    world.sees({f"/{n}": 95 for n in range(60)})
    some = world.ids()
    with counts(world.store) as made:
        world.store.act(some[:7], Acknowledge(actor="ann"))
        world.store.act(some[5:8], Unacknowledge(actor="ann"))
        world.store.act(some[:1], Acknowledge(actor="ann"))
        assert made == []
    assert shown(world) == counted(world)
    world.store.act(some, Acknowledge(actor="ann"))
    assert shown(world) == counted(world)
    assert world.rows("SELECT status FROM alert_group") == [("acknowledged",)]
