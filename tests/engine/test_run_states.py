"""The flow runs of alerts are followed to their last name and final state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import pytest

from sentinel.clock import FakeClock
from sentinel.engine.run_states import follow_runs
from sentinel.links import run_about
from sentinel.store import Store
from sentinel.store.alerts import run_states
from tests.databases import both_databases
from tests.world import World


class Server:
    """What Prefect says of runs, and how often it was asked."""

    def __init__(self) -> None:
        self.runs: dict[str, dict[str, Any]] = {}
        self.asked: list[list[str]] = []

    def flow_runs(self, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        self.asked.append(sorted(ids))
        return {id_: self.runs[id_] for id_ in ids if id_ in self.runs}


def run(kind: str, state: str, name: str) -> dict[str, Any]:
    return {"state_type": kind, "state_name": state, "name": name}


def known(world: World) -> list[tuple[str | None, str | None]]:
    return [(one.flow_run_name, one.flow_run_state) for one in world.store.alerts.page().items]


@both_databases
def test_all_runs_are_asked_for_at_once_until_each_has_ended(store: Store, clock: FakeClock):
    world, server = World(store, clock), Server()
    first, second = sorted((str(uuid4()), str(uuid4())))
    world.sees({"/a": 95}, run=first)
    world.sees({"/a": 95, "/b": 95}, run=second)
    server.runs = {
        first: run("COMPLETED", "Firing", "disk · 1 of 1"),
        second: run("RUNNING", "Running", "busy-owl"),
    }
    before = store.change_number()
    assert follow_runs(store, server) == 1
    assert known(world) == [(None, None), ("disk · 1 of 1", "Firing")]
    assert store.change_number() == before + 1
    server.runs[second] = run("FAILED", "Failed", "disk · 2 of 2")
    assert follow_runs(store, server) == 1
    assert known(world) == [("disk · 2 of 2", "Failed"), ("disk · 1 of 1", "Firing")]
    assert follow_runs(store, server) == 0
    assert server.asked == [[first, second], [second]]


@both_databases
def test_runs_that_go_on_keep_no_others_from_being_followed(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
):
    """The chance that one of them has no turn in all passes is less than one in 10**17."""
    monkeypatch.setattr(run_states, "MOST_RUNS", 2)
    world, server = World(store, clock), Server()
    runs = [str(uuid4()) for _ in range(4)]
    states = [("RUNNING", "Running"), ("PAUSED", "Paused"), ("COMPLETED", "Firing")]
    for number, id_ in enumerate(runs):
        world.sees({f"/{n}": 95 for n in range(number + 1)}, run=id_)
        server.runs[id_] = run(*states[min(number, 2)], "disk")
    assert sum(follow_runs(store, server) for _ in range(60)) == 2
    assert {len(asked) for asked in server.asked} == {2}
    assert sorted(state or "" for _, state in known(world)) == ["", "", "Firing", "Firing"]


@both_databases
def test_an_alert_that_is_worded_anew_has_the_run_that_did_it(store: Store, clock: FakeClock):
    world, server = World(store, clock), Server()
    first, second = str(uuid4()), str(uuid4())
    world.sees({"/a": 95}, run=first)
    server.runs = {first: run("COMPLETED", "Firing", "one")}
    follow_runs(store, server)
    world.sees({"/a": 20}, run=str(uuid4()))
    world.sees({"/a": 95}, run=second)  # reopened
    assert known(world) == [(None, None)]
    server.runs[second] = run("COMPLETED", "Firing", "two")
    follow_runs(store, server)
    assert known(world) == [("two", "Firing")]


def test_a_run_that_is_gone_is_asked_for_once(store: Store, clock: FakeClock):
    world, server = World(store, clock), Server()
    gone = str(uuid4())
    world.sees({"/a": 95}, run=gone)
    world.sees({"/b": 95}, run="no-id-of-prefect")
    assert follow_runs(store, server) == 2
    assert {state for _, state in known(world)} == {"gone from Prefect"}
    assert follow_runs(store, server) == 0
    assert server.asked == [[gone]]


@pytest.mark.parametrize(
    ("details", "about"),
    [
        ({"run": "busy-owl", "run_url": "http://p/runs/1"}, ("http://p/runs/1", "busy-owl")),
        ({"run": "busy-owl", "run_url": "javascript:alert(1)"}, None),
        ({"run": "", "run_url": ""}, None),
        ({"run_url": 5, "run": 5}, None),
        ({}, None),
    ],
)
def test_an_alert_about_a_run_says_which(details: dict[str, Any], about: Any):
    assert run_about(details) == about
