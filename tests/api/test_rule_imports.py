"""Rules of Prometheus and ElastAlert are deployed over HTTP, and once more without a change."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from tests.api.on_prefect import deployments
from tests.api.served import TOKEN, served
from tests.cli.conftest import run  # noqa: F401 - a fixture  # pyright: ignore[reportUnusedImport]
from tests.cli.shell import Run
from tests.prefect_server import PrefectServer

PROMETHEUS = """
groups:
- name: node
  rules:
  - alert: HostDown
    expr: up == 0
    labels: {severity: page}
    annotations: {summary: "{{ $labels.instance }} is down"}
  - {record: 'a:b', expr: sum(up)}
"""
ELASTALERT = """
name: failed logins
type: frequency
num_events: 5
timeframe: {minutes: 5}
index: logs
filter: [{query_string: {query: 'action:login.failed'}}]
"""


@pytest.mark.prefect
@pytest.mark.parametrize(
    ("system", "text", "deployment", "rule"),
    [
        ("prometheus", PROMETHEUS, "prometheus-here-1m", "prometheus-node-host-down-page"),
        ("elastalert", ELASTALERT, "elastalert-here", "elastalert-failed-logins"),
    ],
)
def test_rules_of_other_systems_are_deployed_over_http(
    system: str,
    text: str,
    deployment: str,
    rule: str,
    on_prefect: FastAPI,
    prefect_server: PrefectServer,
    run: Run,  # noqa: F811 - the fixture
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    (tmp_path / "rules.yml").write_text(text)
    ask = ("import", system, "rules.yml", "--name", f"{system}-here", "--json")
    with served(on_prefect, lifespan="off") as url:
        monkeypatch.setenv("SENTINEL_URL", url)
        monkeypatch.setenv("SENTINEL_TOKEN", TOKEN)
        code, out, err = run(*ask, "--dry-run")
        assert code == 0, err
        assert [one["rule"] for one in json.loads(out)["loaded"]] == [rule]
        refused = [(one["group"], one["line"]) for one in json.loads(out)["refused"]]
        assert refused == ([("node", 9)] if system == "prometheus" else [])
        assert deployment not in deployments(prefect_server)
        try:
            assert json.loads(run(*ask)[1])["rollout"]["created"]
            assert json.loads(run(*ask)[1])["rollout"]["unchanged"]
            there = deployments(prefect_server)[deployment]
            kept = there["parameters"].get("members") or there["parameters"]["policies"]
            assert [one["name"] for one in kept] == [rule]
        finally:
            there = deployments(prefect_server).get(deployment)
            if there:
                httpx.delete(f"{prefect_server.url}/deployments/{there['id']}").raise_for_status()
