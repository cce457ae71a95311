"""The pool as Prefect shows it, its queues, and deployments that belong elsewhere."""

from __future__ import annotations

import time
from pathlib import Path

import httpx
import pytest

from tests.worker.conftest import WARM, Bench, Worker

pytestmark = [pytest.mark.prefect, pytest.mark.slow]


@WARM
def test_the_pool_and_its_worker_are_shown_as_ready(warm: Bench):
    pool = warm.http.get(f"/work_pools/{warm.pool}").json()
    assert pool["type"] == "sentinel"
    warm.eventually(
        lambda: warm.http.get(f"/work_pools/{warm.pool}").json()["status"] == "READY", "ready"
    )
    (seen,) = warm.http.post(f"/work_pools/{warm.pool}/workers/filter", json={}).json()
    assert seen["name"] == warm.workers[-1].name
    assert seen["status"] == "ONLINE"


def test_a_pool_that_is_not_there_is_made(bench: Bench):
    bench.pool += "-new"
    bench.worker().ready()
    pool = bench.http.get(f"/work_pools/{bench.pool}").json()
    assert pool["type"] == "sentinel"


def test_notifications_come_first_even_when_every_place_is_taken(bench: Bench):
    for name, priority in (("notifications", 1), ("checks", 5)):
        bench.http.post(
            f"/work_pools/{bench.pool}/queues", json={"name": name, "priority": priority}
        ).raise_for_status()
    bench.worker("--limit", "1").ready()
    go = bench.mark("go")
    slow = bench.deploy("waits", queue="checks", parameters={"until": str(go)})
    first, waiting = bench.start(slow), bench.start(slow)
    bench.eventually(
        lambda: "RUNNING" in {bench.run(run)["state_type"] for run in (first, waiting)},
        "it is busy",
    )
    urgent = bench.start(bench.deploy("fine", queue="notifications"))
    assert bench.ended(urgent)["state_name"] == "Completed"
    kinds = sorted(bench.run(run)["state_type"] for run in (first, waiting))
    assert kinds == ["RUNNING", "SCHEDULED"]
    go.touch()
    bench.ended(first)
    bench.ended(waiting)


def test_slow_notifications_take_no_place_of_a_rule(bench: Bench):
    for name, priority in (("notifications", 1), ("checks", 5)):
        bench.http.post(
            f"/work_pools/{bench.pool}/queues", json={"name": name, "priority": priority}
        ).raise_for_status()
    bench.worker("--limit", "1", SENTINEL_WORKER_NOTIFICATION_LIMIT="2").ready()
    go = bench.mark("go")
    slow = bench.deploy("waits", queue="notifications", parameters={"until": str(go)})
    runs = [bench.start(slow) for _ in range(4)]

    def kinds() -> list[str]:
        return sorted(bench.run(run)["state_type"] for run in runs)

    bench.eventually(lambda: kinds().count("RUNNING") == 2, "two of them run")
    check = bench.start(bench.deploy("fine", queue="checks"))
    assert bench.ended(check)["state_name"] == "Completed"
    assert kinds() == ["RUNNING", "RUNNING", "SCHEDULED", "SCHEDULED"]
    go.touch()
    assert {bench.ended(run)["state_type"] for run in runs} == {"COMPLETED"}


@WARM
def test_a_deployment_that_wants_an_image_is_sent_elsewhere(warm: Bench):
    wants = warm.deploy("fine", job_variables={"image": "acme/etl:3"})
    ended = warm.ended(warm.start(wants))
    assert ended["state_name"] == "Refused"
    assert ended["state_type"] == "FAILED"
    assert "docker or kubernetes" in ended["state"]["message"]


@WARM
def test_changed_code_is_used_next_and_active_runs_are_kept(warm: Bench):
    file = warm.mark("edited.py")
    text = (
        "import time\nfrom pathlib import Path\nfrom prefect import flow\n\n"
        "@flow(persist_result=False)\ndef edited(note: str, until: str = ''):\n"
        "    while until and not Path(until).exists():\n        time.sleep(0.05)\n"
        "    Path(note).write_text('VERSION')\n"
    )
    file.write_text(text.replace("VERSION", "old"))
    notes: list[Path] = [warm.mark(f"note-{number}") for number in range(3)]
    edited = warm.deploy("edited", entrypoint=f"{file}:edited")
    assert warm.ended(warm.start(edited, note=str(notes[0])))["state_name"] == "Completed"
    go = warm.mark("go")
    before = warm.start(edited, note=str(notes[1]), until=str(go))
    warm.running(before)
    file.write_text(text.replace("VERSION", "newer"))
    assert warm.ended(warm.start(edited, note=str(notes[2])))["state_name"] == "Completed"
    go.touch()
    assert warm.ended(before)["state_name"] == "Completed"
    assert [note.read_text() for note in notes] == ["old", "old", "newer"]


@WARM
def test_a_deployment_that_is_deployed_again_runs_as_it_now_is(warm: Bench):
    moved = warm.deploy("fine", entrypoint="no_such_module.fine")
    assert warm.ended(warm.start(moved))["state_name"] == "Failed"
    entrypoint = f"{Path(__file__).with_name('odd_flows.py')}:fine"
    warm.http.patch(f"/deployments/{moved}", json={"entrypoint": entrypoint}).raise_for_status()
    warm.eventually(
        lambda: warm.ended(warm.start(moved))["state_name"] == "Completed", "it is noticed"
    )


def test_metrics_are_served_on_this_machine(bench: Bench, worker: Worker):
    bench.ended(bench.start(bench.deploy("fine")))
    status = bench.eventually(lambda: (s := worker.status())["ended"] and s, "it is counted")
    assert status["ended"] == {"Completed": 1}
    assert status["prefect_answers"]
    url = _url(worker)
    text = httpx.get(f"{url}/metrics").text
    assert 'sentinel_worker_runs_total{state="Completed"} 1' in text
    assert httpx.get(f"{url}/elsewhere").status_code == 404
    worker.stop()
    assert list((bench.folder / "home" / "workers").glob("*.json")) == []


def _url(worker: Worker) -> str:
    import json

    file = worker.home / "workers" / f"{worker.name}.json"
    return json.loads(file.read_text())["url"]


def test_late_runs_of_a_rule_collapse_and_are_unknown_to_it(bench: Bench):
    rule = bench.rule("late-disk", every="1s", when={"above": 0.0001})
    # The server's scheduler makes the runs; no worker is there to take them.
    bench.activate(rule, 1)
    time_is_up = time.monotonic() + 8

    def due() -> int:
        body = {
            "flow_runs": {
                "deployment_id": {"any_": [rule]},
                "state": {"name": {"any_": ["Late", "Scheduled"]}},
            }
        }
        bench.http.post(f"/deployments/{rule}/schedule", json={"min_runs": 8}).raise_for_status()
        return int(bench.http.post("/flow_runs/count", json=body).json())

    bench.eventually(lambda: due() >= 8 and time.monotonic() > time_is_up, "runs are late")
    bench.worker().ready()

    def collapsed() -> int:
        body = {
            "flow_runs": {
                "deployment_id": {"any_": [rule]},
                "state": {"name": {"any_": ["Collapsed"]}},
            }
        }
        return int(bench.http.post("/flow_runs/count", json=body).json())

    bench.eventually(lambda: collapsed() >= 3, "late ones collapse")
    row = bench.eventually(
        lambda: [one for one in bench.store.rules.list() if one.name == "late-disk"], "it ran"
    )
    assert row[0].outcome == "firing"
    assert (
        row[0].evaluations
        <= bench.http.post(
            "/flow_runs/count",
            json={
                "flow_runs": {
                    "deployment_id": {"any_": [rule]},
                    "state": {"type": {"any_": ["COMPLETED", "RUNNING"]}},
                }
            },
        ).json()
        + 1
    )
