"""`sentinel rule run` on a real Prefect server; the test says what a worker would say."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cli.shell import Run
from tests.prefect_server import PrefectServer
from tests.waiting import eventually

pytestmark = pytest.mark.prefect


class Rules:
    """Deployments that carry a rule, and their runs."""

    def __init__(self, server: PrefectServer) -> None:
        self.server = server

    def ask(self, path: str, body: dict[str, Any]) -> Any:
        answer = httpx.post(f"{self.server.url}{path}", json=body, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def deploy(self, name: str) -> str:
        flow = self.ask("/flows/", {"name": "disk_space"})["id"]
        body = {"name": name, "flow_id": flow, "parameters": {"rule": {"name": name}}}
        return self.ask("/deployments/", body)["id"]

    def runs(self, deployment: str) -> list[str]:
        body = {"flow_runs": {"deployment_id": {"any_": [deployment]}}}
        return [run["id"] for run in self.ask("/flow_runs/filter", body)]

    def becomes(self, run: str, kind: str, name: str, message: str = "") -> None:
        state = {"type": kind, "name": name, "message": message}
        self.ask(f"/flow_runs/{run}/set_state", {"state": state, "force": True})

    def started(self, name: str, *arguments: str, home: Path) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "sentinel.cli", "rule", "run", name, *arguments],
            env=self.server.environ(SENTINEL_HOME=str(home)),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


@pytest.fixture
def rules(prefect_server: PrefectServer, monkeypatch: pytest.MonkeyPatch, run: Run) -> Rules:
    monkeypatch.setenv("PREFECT_API_URL", prefect_server.url)
    return Rules(prefect_server)


@pytest.mark.slow
def test_a_run_is_followed_until_it_ends(rules: Rules, tmp_path: Path) -> None:
    deployment = rules.deploy("rule-run-follow")
    process = rules.started("rule-run-follow", home=tmp_path)
    (made,) = eventually(lambda: rules.runs(deployment), "the run is started")
    rules.becomes(made, "RUNNING", "Running")
    rules.becomes(made, "COMPLETED", "Firing", "1 of 2 series firing; live alerts: 1")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert out.splitlines()[-1].endswith("is Firing: 1 of 2 series firing; live alerts: 1")
    assert f"/runs/flow-run/{made}" in out


@pytest.mark.slow
def test_a_run_that_fails_is_exit_code_one(rules: Rules, tmp_path: Path) -> None:
    deployment = rules.deploy("rule-run-fails")
    process = rules.started("rule-run-fails", "--json", home=tmp_path)
    (made,) = eventually(lambda: rules.runs(deployment), "the run is started")
    rules.becomes(made, "FAILED", "Failed", "OSError: no such host")
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    said = json.loads(out)
    assert (said["state"], said["message"]) == ("Failed", "OSError: no such host")


def test_a_run_can_be_started_and_left_alone(rules: Rules, run: Run) -> None:
    deployment = rules.deploy("rule-run-start")
    code, out, _ = run("rule", "run", "rule-run-start", "--no-wait", "--json")
    assert code == 0
    assert [json.loads(out)["flow_run_id"]] == rules.runs(deployment)


def test_a_run_that_no_worker_takes_is_reported_with_its_address(rules: Rules, run: Run) -> None:
    rules.deploy("rule-run-late")
    code, _, err = run("rule", "run", "rule-run-late", "--within", "0s")
    assert code == 1
    assert "is still Scheduled after 0s" in err
    assert "worker" in err


def test_a_rule_that_is_not_deployed_is_not_found(rules: Rules, run: Run) -> None:
    code, _, err = run("rule", "run", "never-deployed")
    assert code == 3
    assert "'never-deployed'" in err
    assert "sentinel deploy" in err
