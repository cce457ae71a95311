"""What a check logs reaches the run's log from a warm child process and from a stock worker."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.worker.conftest import Bench

pytestmark = [pytest.mark.prefect, pytest.mark.slow]

_TALKS = """
import logging

from prefect.logging import get_run_logger

from flows.rules import flow_of
from sentinel import Reading, above, trigger

log = logging.getLogger(__name__)


@trigger(category="test", when=above(90))
def talks():
    get_run_logger().info("by get_run_logger")
    print("by print")
    log.info("by logging")
    yield Reading(labels={"name": "a"}, value=1)


flow = flow_of(talks)
"""


@pytest.mark.parametrize("kind", ["ours", "stock"])
def test_what_a_check_says_is_in_the_log_of_its_run(bench: Bench, kind: str):
    file = bench.folder / "talks.py"
    file.write_text(_TALKS)
    rule = {"name": f"talks-{kind}", "group_wait": "0s"}
    deployment = bench.deploy("talks", entrypoint=f"{file}:flow", parameters={"rule": rule})
    run = bench.start(deployment)
    if kind == "ours":
        worker = bench.worker().ready()
        assert bench.ended(run)["state_name"] == "OK"
        worker.stop()  # which sends what is still to be sent
    else:
        # What Prefect's process worker does with a flow run.
        pending = {"state": {"type": "PENDING"}}
        bench.http.post(f"/flow_runs/{run}/set_state", json=pending).raise_for_status()
        command = [sys.executable, "-m", "prefect.engine"]
        environment = bench.environ(PREFECT__FLOW_RUN_ID=run)
        done = subprocess.run(
            command, env=environment, timeout=120, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert bench.run(run)["state_name"] == "OK"
    body = {"logs": {"flow_run_id": {"any_": [run]}}, "sort": "TIMESTAMP_ASC"}
    found = [line["message"] for line in bench.http.post("/logs/filter", json=body).json()]
    for line in ("by get_run_logger", "by print", "by logging"):
        assert found.count(line) == 1, found
