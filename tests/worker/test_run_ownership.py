"""Runs whose worker is gone are found, and nobody else's are touched."""

from __future__ import annotations

import os
from typing import Any

import psutil
import pytest

from sentinel.worker.process import identity, lives
from sentinel.worker.run_ownership import Owner, orphans, owner_of

ME = Owner("host-a", "host-a", "100-1000")
OTHER = Owner("blue (two)", "host-b", "200-2000")


def run(name: str, message: str | None) -> dict[str, Any]:
    return {"id": name, "state": {"type": "RUNNING", "message": message}}


def found(*runs: dict[str, Any], alive: bool = True, mine: tuple[str, ...] = ()) -> list[str]:
    return [one["id"] for one in orphans(runs, ME, mine, lambda _: alive)]


def test_an_owner_is_read_back_from_the_message_of_a_state():
    assert owner_of(run("r", f"{OTHER}, process 4711")) == OTHER
    assert owner_of(run("r", "claimed by a process worker")) is None
    assert owner_of(run("r", None)) is None
    assert owner_of({"id": "r", "state": None}) is None


def test_runs_of_a_dead_worker_are_orphans_and_those_of_a_living_one_are_not():
    assert found(run("r", str(OTHER)), alive=False) == ["r"]
    assert found(run("r", str(OTHER)), alive=True) == []


def test_what_another_kind_of_worker_runs_is_left_alone():
    assert found(run("r", None), run("s", "whatever"), alive=False) == []


def test_what_this_worker_has_in_hand_is_its_own_and_what_it_forgot_is_not():
    runs = (run("held", str(ME)), run("forgotten", str(ME)))
    assert found(*runs, mine=("held",)) == ["forgotten"]


def test_a_process_is_told_from_a_later_one_of_the_same_id():
    own = identity(os.getpid())
    assert lives(own)
    assert not lives(f"{os.getpid()}-1")
    assert not lives("0-0")
    assert not lives("")


def test_a_clock_that_is_set_makes_no_living_worker_look_dead(monkeypatch: pytest.MonkeyPatch):
    own = identity(os.getpid())
    later = psutil.Process().create_time() + 3

    def create_time(_process: psutil.Process) -> float:
        return later

    # psutil reckons from the machine's start, which is the clock's time less the uptime.
    monkeypatch.setattr(psutil.Process, "create_time", create_time)
    assert lives(own)
    assert identity(os.getpid()) == own
