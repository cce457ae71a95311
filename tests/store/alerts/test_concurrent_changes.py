"""Evaluations and actions at the same moment, and processes that die in the middle of one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, event

from sentinel.alerts.actions import Acknowledge, Comment, Resolve
from sentinel.clock import FakeClock
from sentinel.evaluation.model import Applied
from sentinel.store import Store
from sentinel.store.alerts import apply_evaluation
from tests.world import World


@pytest.fixture(params=[apply_evaluation.MANY, 0], ids=["few", "many"])
def world(
    store: Store, clock: FakeClock, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> World:
    """Every requirement holds, too, where new alerts are written beside the look at the others."""
    monkeypatch.setattr(apply_evaluation, "MANY", request.param)
    return World(store, clock)


def _together(*work: Callable[[], Any]) -> list[Any]:
    """Run all at the same moment; gives what each returned."""
    barrier, answers = threading.Barrier(len(work)), [None] * len(work)

    def run(place: int, one: Callable[[], Any]) -> None:
        barrier.wait(60)
        answers[place] = one()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(work)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return answers


def test_two_workers_on_one_slot_raise_one_alert(world: World):
    world.clock.forward(seconds=60)
    evaluation = world.evaluation({f"/m{n}": 95 for n in range(50)})
    answers: list[Applied] = _together(*[lambda: world.store.apply(evaluation)] * 4)
    assert sorted(one.outcome for one in answers) == ["firing", "stale", "stale", "stale"]
    assert world.rows("SELECT count(*) FROM alert") == [(50,)]
    assert world.rows("SELECT firing FROM alert_group") == [(50,)]


def test_two_rules_that_open_one_group_at_once_share_it(store: Store, clock: FakeClock):
    worlds = [World(store, clock, name=f"rule-{n}", group_by=["team"], team="a") for n in range(4)]
    clock.forward(seconds=60)
    evaluations = [world.evaluation({"/": 95}) for world in worlds]
    _together(*[lambda one=one: store.apply(one) for one in evaluations])
    assert worlds[0].rows("SELECT firing FROM alert_group") == [(4,)]


def test_a_person_and_a_run_at_the_same_moment_follow_each_other(world: World):
    world.sees({"/": 95})
    (alert,) = world.ids()
    world.clock.forward(seconds=60)
    evaluation = world.evaluation({"/": 20})
    _together(
        lambda: world.store.apply(evaluation),
        lambda: world.store.act([alert], Acknowledge(actor="ann")),
        lambda: world.store.act([alert], Comment(actor="bo", comment="hm")),
    )
    assert world.alerts()[0][1] == "resolved"
    versions = [row[0] for row in world.rows("SELECT version FROM timeline ORDER BY version")]
    assert versions == sorted(set(versions))


class Killed(Exception):
    """The process ends at this statement."""


@pytest.mark.parametrize("what", ["evaluation", "action", "disable"])
def test_killed_before_any_statement_nothing_is_half_done(world: World, what: str):
    """Die before the first statement, then the second, and so on, until it goes through."""
    world.sees({"/": 95, "/data": 95})
    first = world.ids()[0]

    def snapshot() -> list[Any]:
        return [
            world.rows(f"SELECT * FROM {table} ORDER BY 1, 2")
            for table in ("rule", "alert", "timeline", "alert_group", "group_member", "outbox",
                          "wake", "change")
        ]  # fmt: skip

    world.clock.forward(seconds=60)
    evaluation = world.evaluation({"/": 20, "/data": 96, "/new": 99})
    work: dict[str, Callable[[], Any]] = {
        "evaluation": lambda: world.store.apply(evaluation),
        "action": lambda: world.store.act([first], Resolve(actor="ann")),
        "disable": lambda: world.store.rules.disable("disk", actor="ann"),
    }
    before = snapshot()
    died = 0
    while True:
        left = died

        def strike(*_: object) -> None:
            nonlocal left
            if left == 0:
                raise Killed
            left -= 1

        event.listen(world.store.engine, "before_cursor_execute", strike)
        try:
            work[what]()
            break
        except Killed:
            died += 1
        finally:
            event.remove(world.store.engine, "before_cursor_execute", strike)
        assert snapshot() == before
        assert died < 200
    assert died > 5
    assert snapshot() != before


def test_a_commit_that_fails_leaves_nothing_behind(world: World):
    def refuse(connection: Connection) -> None:
        raise Killed

    event.listen(world.store.engine, "commit", refuse)
    try:
        with pytest.raises(Killed):
            world.sees({"/": 95})
    finally:
        event.remove(world.store.engine, "commit", refuse)
    assert world.alerts() == []
    assert world.sees({"/": 95}).outcome == "firing"
