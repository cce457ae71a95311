"""Which runs are claimed, in which order, and which are let go."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sentinel.worker.run_selection import Choice, choose, due_of, hard_timeout, has_place

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
PRIORITIES = {"notifications": 1, "default": 2}
_SECOND = timedelta(seconds=1)


def flow_run(
    name: str, *, ago: float, rule: str = "", queue: str = "default", **fields: Any
) -> dict[str, Any]:
    """A scheduled run as the API tells of it."""
    return {
        "id": name,
        "deployment_id": f"deployment-{rule or name}",
        "next_scheduled_start_time": (NOW - ago * _SECOND).isoformat(),
        "expected_start_time": (NOW - ago * _SECOND).isoformat(),
        "work_queue_name": queue,
        "auto_scheduled": True,
        "parameters": {"rule": {"name": rule}} if rule else {},
        **fields,
    }


def chosen(*runs: dict[str, Any], full: bool = False, known: Collection[str] = ()) -> Choice:
    due = [due_of(run, PRIORITIES) for run in runs]
    return choose(due, now=NOW, known=known, full=full)


def claimed(choice: Choice) -> list[str]:
    return [one.id for one in choice.claim]


def test_notifications_come_before_checks_that_are_due_longer():
    choice = chosen(
        flow_run("check", ago=5, rule="cpu"),
        flow_run("tell", ago=0, queue="notifications", auto_scheduled=False),
    )
    assert claimed(choice) == ["tell", "check"]


def test_of_equals_the_one_that_waits_longest_is_first():
    assert claimed(chosen(flow_run("b", ago=1), flow_run("a", ago=2))) == ["a", "b"]


def test_due_runs_come_before_runs_that_are_due_soon():
    soon = flow_run("soon", ago=-1, queue="notifications")
    assert claimed(chosen(soon, flow_run("now", ago=0))) == ["now", "soon"]


def test_late_runs_of_a_rule_collapse_to_the_newest():
    late = [flow_run(f"cpu-{ago}", ago=ago, rule="cpu") for ago in (180, 120, 60)]
    choice = chosen(*late, flow_run("disk", ago=30, rule="disk"))
    assert claimed(choice) == ["cpu-60", "disk"]
    assert choice.collapse == ["cpu-180", "cpu-120"]


def test_the_next_run_of_a_rule_does_not_stand_for_the_present_one():
    choice = chosen(flow_run("now", ago=0, rule="cpu"), flow_run("next", ago=-1, rule="cpu"))
    assert claimed(choice) == ["now", "next"]
    assert choice.collapse == []


@pytest.mark.parametrize(
    "fields",
    [{"auto_scheduled": False}, {"parameters": {}}, {"run_count": 1}],
    ids=["a person started it", "no rule's", "done again"],
)
def test_only_scheduled_runs_of_rules_are_collapsed(fields: dict[str, Any]):
    runs = [flow_run(f"r{ago}", ago=ago, rule="cpu", **fields) for ago in (120, 60)]
    assert chosen(*runs).collapse == []


def test_a_full_page_only_collapses_since_the_newest_may_be_on_the_next():
    runs = [flow_run(f"cpu-{ago}", ago=ago, rule="cpu") for ago in (120, 60)]
    told = flow_run("tell", ago=0, queue="notifications", auto_scheduled=False)
    choice = chosen(*runs, told, full=True)
    assert claimed(choice) == ["tell"]
    assert choice.collapse == ["cpu-120"]
    assert choice.again


def test_an_active_run_is_not_claimed_again():
    assert claimed(chosen(flow_run("a", ago=1), known={"a"})) == []


def test_a_rules_own_timeout_and_the_grace_end_its_process():
    grace, other = timedelta(seconds=15), timedelta(hours=1)
    rule: dict[str, Any] = {"parameters": {"rule": {"name": "r", "timeout": "30s"}}}
    assert hard_timeout(rule, grace=grace, other=other) == timedelta(seconds=45)
    rule["parameters"]["rule"].pop("timeout")
    assert hard_timeout(rule, grace=grace, other=other) == timedelta(seconds=75)
    assert hard_timeout({"parameters": {}}, grace=grace, other=other) == other


@pytest.mark.parametrize(
    ("queue", "active", "free"),
    [
        ("default", ["notifications"] * 9, True),
        ("notifications", ["default"] * 9, True),
        ("default", ["default"], True),
        ("default", ["default"] * 2, False),
        ("notifications", ["notifications"] * 3, False),
    ],
)
def test_notifications_and_rules_have_places_of_their_own(
    queue: str, active: list[str], free: bool
):
    def due(name: str) -> Any:
        return due_of(flow_run(name, ago=1, queue=name), PRIORITIES)

    runs = [due(name) for name in active]
    assert has_place(due(queue), runs, PRIORITIES, limit=2, notifications=3) is free
    # With one queue there is one kind.
    alone = has_place(due(queue), runs, {"default": 1}, limit=2, notifications=3)
    assert alone is (len(active) < 2)
