"""Prefect goes away and comes back: nothing is lost, it is said once, and no stampede follows."""

from __future__ import annotations

import time
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.prefect_server import PrefectServer, on_postgres
from tests.worker.conftest import Bench

pytestmark = [pytest.mark.prefect, pytest.mark.slow, pytest.mark.xdist_group("api-retry")]


@pytest.fixture(scope="module")
def stoppable(
    tmp_path_factory: pytest.TempPathFactory, postgres_url: str
) -> Generator[PrefectServer]:
    """A server that only these tests stop."""
    home = tmp_path_factory.mktemp("own")
    with on_postgres(postgres_url, lambda database: PrefectServer(home, database)) as server:
        yield server


@pytest.fixture
def own(stoppable: PrefectServer, tmp_path: Path, migrated_sqlite: Path) -> Generator[Bench]:
    """A pool of its own on it; it runs, however an earlier test left it."""
    if not stoppable.api.healthy():
        stoppable.stop()
        stoppable.start()
    bench = Bench(stoppable, tmp_path, migrated_sqlite)
    yield bench
    bench.end()


def test_a_run_that_ends_while_prefect_is_down_is_reported_when_it_is_back(own: Bench):
    worker = own.worker().ready()
    go, note = own.mark("go"), own.mark("pid")
    run = own.start(own.deploy("waits", parameters={"until": str(go), "note": str(note)}))
    own.running(run)
    own.eventually(note.exists, "it runs")
    own.server.stop()
    own.eventually(lambda: "the worker waits for it" in worker.said(), "it is said")
    go.touch()
    assert worker.status()["prefect_answers"] is False
    own.server.start()
    assert own.ended(run)["state_name"] == "Completed"
    assert own.states(run) == ["Scheduled", "Pending", "Running", "Completed"]
    own.eventually(lambda: "answers again" in worker.said(), "that is said too")
    assert worker.said().count("the worker waits for it") == 1
    assert own.ended(own.start(own.deploy("fine")))["state_name"] == "Completed"
    assert "Traceback" not in worker.said()


def test_runs_due_in_an_outage_collapse_to_one_evaluation_per_rule(own: Bench):
    worker = own.worker().ready()
    rules = [own.rule(f"every-second-{number}", every="1s") for number in range(3)]
    for rule in rules:
        own.activate(rule, 1)
        own.http.post(f"/deployments/{rule}/schedule", json={"min_runs": 20}).raise_for_status()
    own.eventually(lambda: worker.status()["ended"], "they run")
    own.server.stop()
    down = time.monotonic() + 6  # six slots of each pass
    own.eventually(lambda: time.monotonic() > down, "time passes")
    own.server.start()
    own.eventually(lambda: worker.status()["collapsed"] >= 6, "late ones collapse")
    # No more become due: three a second are as many as a machine with other work can run.
    for rule in rules:
        own.http.patch(f"/deployments/{rule}", json={"paused": True}).raise_for_status()
    own.eventually(lambda: worker.status()["waiting"] == 0, "it has caught up")
    assert "Traceback" not in worker.said()
