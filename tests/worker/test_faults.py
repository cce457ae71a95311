"""A run that raises, hangs, exits, leaks, forks or segfaults fails alone, and others go on."""

from __future__ import annotations

from typing import Any

import psutil
import pytest

from sentinel.checks.observation import Observation
from sentinel.checks.reading import Reading
from sentinel.evaluation.model import Evaluation
from sentinel.rules.rule import Rule
from tests.waiting import eventually
from tests.worker.conftest import WARM, Bench, Worker, killed

pytestmark = [pytest.mark.prefect, pytest.mark.slow]


@WARM
@pytest.mark.parametrize(
    ("flow", "state", "message"),
    [
        ("raises", "Failed", "as asked"),
        ("exits", "Crashed", ""),
        ("exits_hard", "Crashed", "exit code 7"),
        ("aborts", "Crashed", "SIGABRT"),
        ("segfaults", "Crashed", "SIGSEGV"),
    ],
)
def test_it_fails_alone(warm: Bench, flow: str, state: str, message: str):
    beside = warm.start(
        warm.deploy("waits", parameters={"until": str(warm.mark("go")), "note": ""})
    )
    warm.running(beside)
    ended = warm.ended(warm.start(warm.deploy(flow)))
    assert ended["state_name"] == state
    assert message in ended["state"]["message"]
    after = warm.ended(warm.start(warm.deploy("fine")))
    assert after["state_name"] == "Completed"
    warm.mark("go").touch()
    assert warm.ended(beside)["state_name"] == "Completed"
    assert warm.states(beside) == ["Scheduled", "Pending", "Running", "Completed"]


@WARM
def test_a_flow_that_cannot_be_imported_reports_the_reason(warm: Bench):
    missing = warm.deploy("fine", entrypoint="no_such_module.fine")
    ended = warm.ended(warm.start(missing))
    assert ended["state_name"] == "Failed"
    assert "no_such_module" in ended["state"]["message"]
    assert warm.ended(warm.start(warm.deploy("fine")))["state_name"] == "Completed"


def test_a_run_that_hangs_is_killed_after_its_time(bench: Bench):
    worker = bench.worker(SENTINEL_WORKER_TIMEOUT="3").ready()
    hanging = bench.start(bench.deploy("hangs", parameters={"note": str(bench.mark("pid"))}))
    ended = bench.ended(hanging)
    assert ended["state_name"] == "TimedOut"
    assert ended["state_type"] == "FAILED"
    assert not psutil.pid_exists(int(bench.mark("pid").read_text()))
    assert bench.ended(bench.start(bench.deploy("fine")))["state_name"] == "Completed"
    assert worker.status()["replaced"]["a run was over its time"] == 1


def test_a_rule_whose_process_dies_has_a_failed_evaluation(bench: Bench, worker: Worker):
    # Without the grace and the rule's own timeout: the process itself is killed mid-run.
    rule = bench.rule("slow-cpu", trigger="cpu_usage", every="60s", errors={"after": 1})
    bench.http.patch(
        f"/deployments/{rule}",
        json={"parameters": {"seconds": 25, "rule": {
            "name": "slow-cpu", "every": "60s", "errors": {"after": 1}}}},
    ).raise_for_status()  # fmt: skip
    bench.activate(rule, 60)
    run = bench.first_scheduled(rule)
    bench.running(run)
    (busy,) = (p for p in worker.children() if f"process {p.pid}" in _message(bench.run(run)))
    killed(busy.pid)
    assert bench.ended(run)["state_name"] == "Crashed"
    row = eventually(lambda: _row(bench, "slow-cpu"), "the rule is told")
    assert row.failures == 1
    assert "SIGKILL" in row.error
    (alert,) = eventually(lambda: bench.store.alerts.page(limit=5).items, "its owner is told")
    assert "slow-cpu" in alert.title


def test_what_a_killed_run_was_sending_is_due_again_at_once(bench: Bench, worker: Worker):
    """Its claim would last for a minute; the worker knows at once that nobody sends any more."""
    opening = Rule.model_validate({"name": "disk", "group_wait": "0s", "when": {"above": 90}})
    reading = Reading(labels={"mount": "/"}, value=95.0)
    now = bench.store.now()
    bench.store.apply(
        Evaluation(
            rule=opening, trigger="disk_space", slot=now, at=now,
            observation=Observation(readings=[reading]),
        )
    )  # fmt: skip
    run = bench.start(bench.deploy("waits", parameters={"until": str(bench.mark("never"))}))
    bench.running(run)
    assert len(bench.store.notification_log.claim(run)) == 1
    assert bench.store.notification_log.overdue(bench.store.now()) == 0
    (busy,) = (p for p in worker.children() if f"process {p.pid}" in _message(bench.run(run)))
    killed(busy.pid)
    eventually(
        lambda: bench.store.notification_log.overdue(bench.store.now()) == 1,
        "it is due again",
        within=30,
    )


def test_a_leak_is_replaced_and_a_large_one_killed(bench: Bench):
    worker = bench.worker(SENTINEL_WORKER_MEMORY_PER_CHILD="250").ready()
    before = {child.pid for child in worker.children()}
    modest = bench.deploy("leaks", parameters={"megabytes": 200})
    assert bench.ended(bench.start(modest))["state_name"] == "Completed"
    eventually(
        lambda: "it used too much memory" in worker.status()["replaced"], "the child is replaced"
    )
    eventually(lambda: {c.pid for c in worker.children()} - before, "another is there")
    greedy = bench.deploy("leaks_more", parameters={"megabytes": 900})
    ended = bench.ended(bench.start(greedy))
    assert ended["state_name"] == "Crashed"
    assert "MB" in ended["state"]["message"]
    assert bench.ended(bench.start(bench.deploy("fine")))["state_name"] == "Completed"


def test_a_flow_that_forks_ends_once_and_leaves_nothing(bench: Bench, worker: Worker):
    note = bench.mark("left")
    run = bench.start(bench.deploy("forks", parameters={"note": str(note)}))
    assert bench.ended(run)["state_name"] == "Completed"
    assert bench.states(run) == ["Scheduled", "Pending", "Running", "Completed"]
    left = psutil.Process(int(note.read_text()))
    worker.stop()
    eventually(lambda: not left.is_running() or left.status() == "zombie", "it is ended too")


@WARM
def test_asynchronous_flows_share_a_process(warm: Bench):
    gently = warm.deploy("gently")
    # The worker learns from the first that it may.
    assert warm.ended(warm.start(gently))["state_name"] == "Completed"
    go = warm.mark("go")
    notes = [warm.mark(f"pid-{number}") for number in range(8)]
    runs = [warm.start(gently, until=str(go), note=str(note)) for note in notes]
    eventually(lambda: all(note.exists() for note in notes), "all run at once")
    go.touch()
    assert {warm.ended(run)["state_name"] for run in runs} == {"Completed"}
    assert len({note.read_text() for note in notes}) == 1


@WARM
def test_runs_that_shared_a_loop_with_an_abort_are_repeated(warm: Bench):
    gently, bad = warm.deploy("gently"), warm.deploy("blocks_the_loop")
    go = warm.mark("go")
    for known in (gently, bad):
        warm.ended(warm.start(known))
    beside = [
        warm.start(gently, until=str(go), note=str(warm.mark(f"n{number}"))) for number in range(3)
    ]
    eventually(lambda: all(warm.mark(f"n{number}").exists() for number in range(3)), "they run")
    culprit = warm.start(bad)
    assert warm.ended(culprit)["state_name"] == "Crashed"
    go.touch()
    assert {warm.ended(run)["state_name"] for run in beside} == {"Completed"}


def _row(bench: Bench, rule: str) -> Any:
    found = [row for row in bench.store.rules.list() if row.name == rule]
    return found[0] if found and found[0].failures else None


def _message(run: dict[str, Any]) -> str:
    return run["state"]["message"] or ""
