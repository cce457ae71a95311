"""Runs whose worker is gone are found, and nobody else's are touched."""

from __future__ import annotations

import os
from typing import Any

import psutil
import pytest

from sentinel.worker.process import identity, is_alive
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


def test_runs_of_another_worker_type_are_left_alone():
    assert found(run("r", None), run("s", "whatever"), alive=False) == []


def test_active_runs_are_kept_and_lost_runs_are_orphans():
    runs = (run("held", str(ME)), run("forgotten", str(ME)))
    assert found(*runs, mine=("held",)) == ["forgotten"]


def test_a_process_is_distinguished_from_a_later_one_of_the_same_id():
    own = identity(os.getpid())
    assert is_alive(own)
    assert not is_alive(f"{os.getpid()}-1")
    assert not is_alive("0-0")
    assert not is_alive("")


def test_a_clock_that_is_set_makes_no_living_worker_look_dead(monkeypatch: pytest.MonkeyPatch):
    own = identity(os.getpid())
    later = psutil.Process().create_time() + 3

    def create_time(_process: psutil.Process) -> float:
        return later

    # psutil reckons from the machine's start, which is the clock's time less the uptime.
    monkeypatch.setattr(psutil.Process, "create_time", create_time)
    assert is_alive(own)
    assert identity(os.getpid()) == own
