"""What a platform owner sets of a worker holds: how much, how often, how long, how loud."""

from __future__ import annotations

import pytest

from tests.worker.conftest import Bench

pytestmark = [pytest.mark.prefect, pytest.mark.slow]

_LOUD = """\
from prefect import flow, get_run_logger


@flow(persist_result=False)
def loud():
    get_run_logger().info("a detail")
    get_run_logger().warning("take care")
"""


def test_run_once_runs_everything_due_also_beyond_the_limit(bench: Bench):
    fine = bench.deploy("fine")
    runs = [bench.start(fine) for _ in range(5)]
    worker = bench.worker("--run-once", "--limit", "1")
    assert worker.process.wait(120) == 0, worker.said()[-3000:]
    assert [bench.run(run)["state_name"] for run in runs] == ["Completed"] * 5


def test_a_process_is_replaced_after_so_many_runs(bench: Bench):
    worker = bench.worker(
        "--limit", "1", SENTINEL_WORKER_RUNS_PER_CHILD="2", SENTINEL_WORKER_WARM="1"
    ).ready()
    fine = bench.deploy("fine")
    for _ in range(5):
        assert bench.ended(bench.start(fine))["state_name"] == "Completed"
    replaced = bench.eventually(
        lambda: worker.status()["replaced"].get("it has done 2 runs"), "one is replaced"
    )
    assert replaced == 2


@pytest.mark.parametrize(
    ("level", "said"),
    [("INFO", ["a detail", "take care"]), ("WARNING", ["take care"]), ("OFF", [])],
)
def test_logs_of_runs_go_to_the_api_from_the_configured_level_on(
    bench: Bench, level: str, said: list[str]
):
    file = bench.folder / "loud.py"
    file.write_text(_LOUD)
    worker = bench.worker(SENTINEL_WORKER_LOG_LEVEL=level).ready()
    run = bench.start(bench.deploy("loud", entrypoint=f"{file}:loud"))
    assert bench.ended(run)["state_name"] == "Completed"
    worker.stop()  # which sends what is still to be sent
    body = {"logs": {"flow_run_id": {"any_": [run]}}, "sort": "TIMESTAMP_ASC"}
    found = [line["message"] for line in bench.http.post("/logs/filter", json=body).json()]
    assert found == said
