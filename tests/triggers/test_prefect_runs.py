"""prefect_runs watches a real Prefect server: one reading a deployment, whatever its runs do."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Generator
from itertools import count
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import text

from sentinel import Context, Rule
from sentinel.checks.observation import Observation
from sentinel.clock import FakeClock
from sentinel.errors import ConfigurationError, PrefectUnreachable
from sentinel.evaluation.alert_text import wording
from sentinel.evaluation.model import Evaluation
from sentinel.prefect_client.client import connect
from sentinel.prefect_client.port import Deployed
from sentinel.store import Store
from tests.prefect_server import PrefectServer, free_port
from tests.triggers.fleet import Fleet, ago
from tests.waiting import eventually
from triggers.prefect_runs import prefect_runs

pytestmark = [pytest.mark.prefect, pytest.mark.slow]


REPORTING = Rule.model_validate(
    {"name": "prefect-runs", "every": "15s", "annotations": {"description": "{report}"}}
)


@pytest.fixture
def fleet(prefect_server: PrefectServer) -> Generator[Fleet]:
    made = Fleet(prefect_server)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("kind", "name"), [("FAILED", ""), ("CRASHED", ""), ("FAILED", "Upstream is down")]
)
def test_a_run_that_ends_badly_fires_until_the_next_good_one(fleet: Fleet, kind: str, name: str):
    nightly = fleet.deployment("nightly")
    fleet.ran(nightly, "COMPLETED")
    assert fleet.firing() == []
    fleet.ran(nightly, kind, name)
    assert fleet.firing() == ["nightly"]
    assert fleet.firing() == ["nightly"]
    fleet.ran(nightly, "COMPLETED")
    assert fleet.firing() == []


def test_states_count_by_their_type_not_by_their_name(fleet: Fleet):
    rule = fleet.deployment("rule")
    fleet.ran(rule, "COMPLETED", "Firing")
    assert fleet.firing() == []
    fleet.ran(rule, "FAILED", "Completed")
    assert fleet.firing() == ["rule"]
    fleet.ran(rule, "COMPLETED", "Failed")
    assert fleet.firing() == []


def test_a_run_that_awaits_a_retry_does_not_fire(fleet: Fleet):
    flaky = fleet.deployment("flaky")
    run = fleet.run(flaky)
    fleet.becomes(run, "RUNNING")
    body = {"type": "SCHEDULED", "name": "AwaitingRetry", "message": "boom"}
    body |= {"state_details": {"scheduled_time": ago(minutes=-3).isoformat()}}
    fleet.post(f"/flow_runs/{run}/set_state", state=body, force=True)
    assert fleet.firing() == []
    fleet.becomes(run, "RUNNING", "Retrying")
    assert fleet.firing() == []
    fleet.becomes(run, "FAILED")
    assert fleet.firing() == ["flaky"]


def test_a_failed_run_that_is_tried_again_and_succeeds_is_good(fleet: Fleet):
    flaky = fleet.deployment("flaky")
    run = fleet.ran(flaky, "FAILED")
    assert fleet.firing() == ["flaky"]
    fleet.becomes(run, "SCHEDULED", "AwaitingRetry")
    assert fleet.firing() == ["flaky"]
    fleet.becomes(run, "RUNNING", "Retrying")
    fleet.becomes(run, "COMPLETED")
    assert fleet.firing() == []


def test_one_reading_a_deployment_whose_runs_are_occurrences(fleet: Fleet):
    nightly = fleet.deployment("nightly")
    fleet.ran(nightly, "FAILED", message="one")
    fleet.ran(nightly, "COMPLETED")
    fleet.ran(nightly, "FAILED", message="two")
    fleet.ran(nightly, "CRASHED", message="three")
    seen = fleet.sees("nightly")
    assert (seen.value, seen.labels) == (2, {"flow": fleet.flow, "deployment": "nightly"})
    assert seen.occurrences == 2
    fleet.ran(nightly, "FAILED", message="four")
    seen = fleet.sees("nightly")
    assert (seen.value, seen.occurrences) == (3, 1)
    assert seen.summary is not None
    assert seen.summary.startswith(f"{fleet.flow}/nightly failed: four (run ")
    assert seen.summary.endswith(", 3 in a row)")
    seen = fleet.sees("nightly")
    assert (seen.value, seen.occurrences) == (3, 0)


def test_the_alert_counts_runs_and_the_next_good_one_resolves_it(
    fleet: Fleet, store: Store, clock: FakeClock
):
    rule = Rule.model_validate({"name": "prefect-runs", "every": "60s", "severity": "high"})
    minutes = count()

    def evaluate() -> None:
        seen = fleet.evaluate(minutes=next(minutes), pools=False)
        now = clock.set(fleet.clock.now())
        store.apply(
            Evaluation(
                rule=rule,
                trigger="prefect_runs",
                slot=now,
                at=now,
                observation=seen,
                closed_world=prefect_runs.closed_world,
            )
        )

    def alerts() -> list[tuple[str, int]]:
        with store.read() as connection:
            query = text("SELECT status, occurrences FROM alert")
            return [(row[0], row[1]) for row in connection.execute(query)]

    nightly = fleet.deployment("nightly")
    fleet.ran(nightly, "FAILED", message="one")
    evaluate()
    assert alerts() == [("open", 1)]
    evaluate()
    assert alerts() == [("open", 1)]
    fleet.ran(nightly, "FAILED", message="two")
    fleet.ran(nightly, "CRASHED", message="three")
    evaluate()
    assert alerts() == [("open", 3)]
    fleet.ran(nightly, "COMPLETED")
    evaluate()
    assert alerts() == [("resolved", 3)]


def test_what_a_cancelled_run_says_is_nothing(fleet: Fleet):
    nightly = fleet.deployment("nightly")
    fleet.ran(nightly, "FAILED")
    fleet.ran(nightly, "CANCELLED")
    assert fleet.firing() == ["nightly"]


def test_a_thousand_runs_of_one_do_not_hide_another(fleet: Fleet, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sentinel.prefect_client.queries.PAGE", 5)
    busy, quiet = fleet.deployment("busy"), fleet.deployment("quiet")
    fleet.ran(quiet, "FAILED")
    for _ in range(12):
        fleet.ran(busy, "COMPLETED")
    assert fleet.firing() == ["quiet"]


def test_where_there_is_too_much_to_see_nothing_is_called_good(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
):
    busy = fleet.deployment("busy")
    fleet.deployment("unseen")
    monkeypatch.setattr("sentinel.prefect_client.queries.PAGE", 2)
    monkeypatch.setattr("sentinel.prefect_client.queries.ROUNDS", 1)

    def crowded() -> Observation | None:
        # On a shared server a run of somebody else's may be the newest, and fill the page.
        fleet.state = {}
        for _ in range(3):
            fleet.ran(busy, "FAILED")
        seen = fleet.evaluate(planned=False, pools=False)
        return seen if seen.readings else None

    seen = eventually(crowded, "its runs are the newest")
    assert [r.labels["deployment"] for r in seen.readings] == ["busy"]
    assert [labels["deployment"] for labels in seen.not_seen] == ["unseen"]


def test_the_exception_and_the_last_lines_of_the_log_come_along(
    fleet: Fleet, connected: PrefectServer, tmp_path: Path
):
    (tmp_path / "shop.py").write_text(
        "from prefect import flow\n\n\n@flow(log_prints=True)\ndef orders(day: str):\n"
        "    print('reading', day)\n    raise ValueError(f'no orders on {day}')\n"
    )
    deployment = fleet.deployment(
        "orders", entrypoint="shop.py:orders", path=str(tmp_path), parameters={"day": "monday"}
    )
    run = fleet.run(deployment)
    done = subprocess.run(
        [sys.executable, "-m", "prefect", "flow-run", "execute", run],
        cwd=tmp_path,
        env=connected.environ(PREFECT_LOGGING_LEVEL="INFO"),
        capture_output=True,
        text=True,
        timeout=120,
    )
    seen = fleet.sees("orders", log_lines=5)
    assert seen.firing, done.stderr[-2000:]
    assert seen.summary is not None
    assert "orders failed: ValueError: no orders on monday (run " in seen.summary
    assert seen.details is not None
    assert seen.details["run_id"] == run
    assert seen.details["run_url"].endswith(f"/runs/flow-run/{run}")
    assert "Traceback" in seen.details["logs"]
    assert "ValueError: no orders on monday" in seen.details["logs"]
    title, description, _ = wording(REPORTING, seen, "high", "runs", fleet.clock.now())
    assert title == seen.summary
    assert f"/runs/flow-run/{run}\n\nThe end of its log:\n" in description
    assert "ValueError: no orders on monday" in description


def test_a_run_that_nobody_picks_up_is_late(fleet: Fleet):
    hourly = fleet.deployment("hourly")
    due = {"scheduled_time": ago(minutes=3).isoformat()}
    run = fleet.run(hourly, state={"type": "SCHEDULED", "state_details": due})
    assert fleet.firing() == []
    seen = fleet.sees("hourly", minutes=3)
    assert seen.firing
    assert seen.summary is not None
    assert f"{fleet.flow}/hourly is late by 6m" in seen.summary
    assert fleet.firing(minutes=3, late_minutes=0) == []
    fleet.becomes(run, "RUNNING")
    assert fleet.firing(minutes=4) == []


def test_a_run_that_is_submitted_and_never_starts_is_stuck(fleet: Fleet):
    slow = fleet.deployment("slow")
    run = fleet.run(slow)
    fleet.becomes(run, "PENDING")
    assert fleet.firing(minutes=14) == []
    seen = fleet.sees("slow", minutes=16)
    assert seen.details is not None
    assert (seen.firing, seen.details["kind"]) == (True, "stuck")
    fleet.becomes(run, "RUNNING")
    assert fleet.firing(minutes=17) == []


def test_a_run_that_runs_for_days_is_stuck(fleet: Fleet):
    run = fleet.run(fleet.deployment("endless"))
    fleet.becomes(run, "RUNNING")
    assert fleet.firing(minutes=23 * 60) == []
    seen = fleet.sees("endless", minutes=24 * 60 + 1)
    assert seen.summary is not None
    assert "has been running for 1d" in seen.summary


def test_a_run_that_takes_far_longer_than_its_like_is_noticed(fleet: Fleet):
    load, new = fleet.deployment("load"), fleet.deployment("new")
    for _ in range(5):
        fleet.ran(load, "COMPLETED")
    fleet.ran(new, "COMPLETED")
    for deployment in (load, new):
        fleet.becomes(fleet.run(deployment), "RUNNING")
    assert fleet.firing(minutes=9) == []
    seen = fleet.sees("load", minutes=11)
    assert seen.summary is not None
    assert "takes long: run " in seen.summary
    assert "usually 0s" in seen.summary
    assert fleet.firing(minutes=11) == ["load"]
    assert fleet.firing(minutes=11, times_longer=0) == []
    usual = next(iter(fleet.state["memory"]["usual"].values()))
    usual["seconds"] = 300.0
    assert fleet.firing(minutes=19) == []
    assert fleet.firing(minutes=21) == ["load"]


def test_a_schedule_for_which_prefect_plans_no_run_is_missing(fleet: Fleet):
    schedule = {"schedule": {"interval": 86400, "anchor_date": "2026-01-01T00:00:00Z"}}
    daily = fleet.deployment("daily", schedules=[{**schedule, "active": True}])
    fleet.deployment("off", schedules=[{**schedule, "active": False}])
    fleet.deployment("unscheduled")

    def planned() -> list[dict[str, str]]:
        body = {"deployments": {"id": {"any_": [daily]}}}
        return fleet.post("/flow_runs/filter", **body)

    eventually(planned, "Prefect plans its runs")
    fleet.evaluate()
    assert fleet.firing(minutes=15, late_minutes=0) == []
    for run in planned():
        fleet.becomes(run["id"], "CANCELLED")
    assert fleet.firing(minutes=17, late_minutes=0) == []
    assert fleet.firing(minutes=28, late_minutes=0) == ["daily"]
    assert fleet.firing(minutes=28, late_minutes=0, planned=False) == []


def test_no_good_run_for_too_long_is_missing(fleet: Fleet):
    fleet.ran(fleet.deployment("nightly"), "COMPLETED")
    fleet.deployment("made a moment ago")
    assert fleet.firing(minutes=119, good_run_within_hours=2) == []
    both = ["made a moment ago", "nightly"]
    assert fleet.firing(minutes=121, good_run_within_hours=2) == both
    assert fleet.firing(minutes=121) == []


def test_a_pool_without_a_worker_is_reported_where_something_needs_it(fleet: Fleet):
    needed, idle = f"pool-{uuid4().hex[:8]}", f"pool-{uuid4().hex[:8]}"
    for pool in (needed, idle):
        fleet.post("/work_pools/", name=pool, type="process")
    fleet.deployment("job", work_pool_name=needed)
    seen = [r for r in fleet.evaluate().readings if "work_pool" in r.labels]
    assert [(r.labels["work_pool"], r.firing) for r in seen] == [(needed, True)]
    assert seen[0].summary == f"work pool {needed} has no worker; 1 deployment waits"
    assert (seen[0].details or {})["report"].endswith(f"prefect worker start --pool {needed}")
    assert fleet.firing(pools=False) == []
    fleet.post(
        f"/work_pools/{needed}/workers/heartbeat", name="hand", heartbeat_interval_seconds=30
    )
    assert fleet.firing() == []


def test_only_what_is_asked_for_is_watched(fleet: Fleet):
    for name, tags in (("a", ["sentinel"]), ("b", ["prod"]), ("c", [])):
        fleet.ran(fleet.deployment(name, tags), "FAILED")
    assert fleet.firing() == ["b", "c"]
    assert fleet.firing(ignore_tags=[]) == ["a", "b", "c"]
    assert fleet.firing(tags=[fleet.tag, "prod"]) == ["b"]
    assert fleet.firing(deployments=["*/c"]) == ["c"]
    assert fleet.firing(ignore=[f"{fleet.flow}/b"]) == ["c"]


def test_a_deployment_that_is_gone_is_no_longer_spoken_of(fleet: Fleet):
    gone = fleet.deployment("gone")
    fleet.ran(gone, "FAILED")
    assert fleet.firing() == ["gone"]
    fleet.delete(f"/deployments/{gone}")
    assert fleet.evaluate().readings == []
    assert prefect_runs.closed_world


def test_deployments_are_asked_for_once_a_minute_or_where_one_is_new(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
):
    asked: list[str] = []
    ask = fleet.server.api.every_deployment

    def counted() -> list[Deployed]:
        asked.append("all")
        return ask()

    monkeypatch.setattr(fleet.server.api, "every_deployment", counted)
    fleet.ran(fleet.deployment("old"), "FAILED")
    fleet.evaluate()
    fleet.looks_again()
    assert len(asked) == 1
    fleet.ran(fleet.deployment("new"), "FAILED")
    seen = fleet.looks_again()
    assert len(asked) == 2
    assert {r.labels["deployment"] for r in seen.readings if r.firing} == {"old", "new"}
    fleet.looks_again(minutes=1.1)
    assert len(asked) == 3


def test_a_server_elsewhere_is_asked_with_what_a_secret_block_holds(
    fleet: Fleet, prefect_server: PrefectServer
):
    fleet.ran(fleet.deployment("there"), "FAILED")
    ctx = Context(connect=connect)
    seen = prefect_runs.check(ctx=ctx, tags=[fleet.tag], api_url=prefect_server.url)
    assert [r.labels["deployment"] for r in seen.readings if r.firing] == ["there"]


def test_a_memory_of_another_server_is_not_used(fleet: Fleet):
    fleet.ran(fleet.deployment("here"), "FAILED")
    assert fleet.firing() == ["here"]
    fleet.state["memory"]["api"] = "http://127.0.0.1:1/api"
    assert fleet.firing() == ["here"]
    fleet.state["memory"]["bad"] = "nonsense"
    assert fleet.firing() == ["here"]


def test_a_server_that_does_not_answer_is_an_error_not_a_recovery():
    with pytest.raises(PrefectUnreachable, match="does not answer"):
        prefect_runs.check(
            ctx=Context(connect=connect), api_url=f"http://127.0.0.1:{free_port()}/api"
        )
    with pytest.raises(ConfigurationError, match="cannot connect from here"):
        prefect_runs.check(api_url="http://127.0.0.1:1/api")
    with pytest.raises(ConfigurationError, match="Set PREFECT_API_URL, or give the check an api_u"):
        prefect_runs.check(ctx=Context())
