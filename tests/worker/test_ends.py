"""However a run or its worker ends, the run ends too, and once."""

from __future__ import annotations

import signal
from collections import Counter

import psutil
import pytest

from tests.waiting import eventually
from tests.worker.conftest import WARM, Bench, Worker, killed

pytestmark = [pytest.mark.prefect, pytest.mark.slow]


def cancel(bench: Bench, run: str) -> None:
    """As the UI's button does."""
    state = {"state": {"type": "CANCELLING", "name": "Cancelling"}}
    bench.http.post(f"/flow_runs/{run}/set_state", json=state).raise_for_status()


@WARM
@pytest.mark.parametrize("flow", ["waits", "gently", "hangs"])
def test_a_run_that_is_cancelled_ends_cancelled(warm: Bench, flow: str):
    note = warm.mark("pid")
    more = {} if flow == "hangs" else {"until": str(warm.mark("never"))}
    run = warm.start(warm.deploy(flow, parameters={"note": str(note), **more}))
    warm.eventually(note.exists, "it runs")
    cancel(warm, run)
    assert warm.ended(run)["state_type"] == "CANCELLED"
    assert warm.ended(warm.start(warm.deploy("fine")))["state_name"] == "Completed"
    assert warm.workers[-1].process.poll() is None


def test_a_claimed_run_that_is_cancelled_never_starts(bench: Bench):
    bench.worker("--limit", "1", SENTINEL_WORKER_AHEAD="30").ready()
    note = bench.mark("pid")
    soon = bench.deploy("fine", parameters={"note": str(note)})
    (run,) = bench.scheduled(soon, [-20])
    bench.eventually(lambda: bench.run(run)["state_type"] == "PENDING", "it is claimed ahead")
    cancel(bench, run)
    assert bench.ended(run)["state_type"] == "CANCELLED"
    assert not note.exists()


def test_sigterm_waits_for_active_runs_and_claims_no_more(bench: Bench, worker: Worker):
    go = bench.mark("go")
    run = bench.start(bench.deploy("waits", parameters={"until": str(go)}))
    bench.running(run)
    worker.process.send_signal(signal.SIGTERM)
    bench.eventually(lambda: "waiting for 1 run" in worker.said(), "it drains")
    later = bench.start(bench.deploy("fine"))
    go.touch()
    assert worker.process.wait(60) == 0
    assert bench.run(run)["state_name"] == "Completed"
    assert bench.run(later)["state_name"] == "Scheduled"


def test_sigterm_ends_a_worker_in_the_background_of_a_script_too(bench: Bench):
    was = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a shell starts a command with `&`
    try:
        worker = bench.worker()
    finally:
        signal.signal(signal.SIGINT, was)
    worker.ready()
    assert worker.stop() == 0
    assert "stopped!" in worker.said()


def test_a_run_that_does_not_end_in_time_crashes_with_its_worker(bench: Bench):
    worker = bench.worker(SENTINEL_WORKER_DRAIN="1").ready()
    run = bench.start(bench.deploy("waits", parameters={"until": str(bench.mark("never"))}))
    bench.running(run)
    children = worker.children()
    assert worker.stop() == 0
    assert bench.run(run)["state_name"] == "Crashed"
    ended = lambda: not any(child.is_running() for child in children)  # noqa: E731
    eventually(ended, "no child outlives its worker")


def test_a_rule_hears_that_its_check_was_cut_off_when_its_worker_stopped(bench: Bench):
    worker = bench.worker(SENTINEL_WORKER_DRAIN="1").ready()
    rule = bench.rule("cut-off", trigger="cpu_usage", every="60s", errors={"after": 1})
    parameters = bench.http.get(f"/deployments/{rule}").json()["parameters"]
    bench.http.patch(
        f"/deployments/{rule}", json={"parameters": {**parameters, "seconds": 25}}
    ).raise_for_status()
    (run,) = bench.slots(rule, [1])
    bench.running(run)
    assert worker.stop() == 0
    assert bench.run(run)["state_name"] == "Crashed"
    (row,) = (one for one in bench.store.rules.list() if one.name == "cut-off")
    assert row.failures == 1
    assert "its worker was stopped" in row.error


def test_runs_of_a_worker_that_was_killed_end_crashed_at_the_next_start(
    bench: Bench, worker: Worker
):
    note = bench.mark("pid")
    never = {"until": str(bench.mark("never")), "note": str(note)}
    run = bench.start(bench.deploy("waits", parameters=never))
    bench.running(run)
    child = psutil.Process(int(bench.eventually(note.exists, "it runs") and note.read_text()))
    worker.kill()
    eventually(lambda: not child.is_running(), "no child outlives its parent")
    assert bench.run(run)["state_name"] == "Running"
    bench.worker(name=worker.name)
    ended = bench.ended(run)
    assert ended["state_name"] == "Crashed"
    assert worker.name in ended["state"]["message"]


def test_a_killed_fork_server_is_replaced(bench: Bench, worker: Worker):
    (server,) = psutil.Process(worker.process.pid).children()
    killed(server.pid)
    assert bench.ended(bench.start(bench.deploy("fine")))["state_name"] == "Completed"


def test_several_workers_never_run_one_run_twice(bench: Bench):
    fine = bench.deploy("fine")
    # Both find all of them due in their first polls.
    runs = [bench.start(fine) for _ in range(20)]
    workers = [bench.worker(), bench.worker()]
    for worker in workers:
        worker.ready()
    for run in runs:
        assert bench.ended(run)["state_name"] == "Completed"
        states = Counter(bench.states(run))
        states.pop("Late", None)  # the workers took their time to start
        assert states == Counter(["Scheduled", "Pending", "Running", "Completed"])
    shares = [worker.status()["ended"].get("Completed", 0) for worker in workers]
    assert sum(shares) == len(runs)
