"""A rule is run now over HTTP, and `sentinel --url … rule run` follows it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from sentinel.access import Role
from sentinel.api.known_keys import KnownKeys
from sentinel.cli.flow_runs import follow, start
from sentinel.errors import NotFound
from sentinel.store.access.keys import Keys
from sentinel.store.audit.queries import AuditFilter, page
from tests.api.served import TOKEN, served
from tests.prefect_server import PrefectServer

pytestmark = pytest.mark.prefect
RULES = "/api/v1/alerts/rules"


def made(desk: httpx.Client, name: str) -> str:
    """Makes a rule; gives the id of its deployment."""
    body = {"name": name, "trigger": "cpu_usage", "when": {"above": 95}}
    answer = desk.post(RULES, json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()["deployment"]["id"]


def ends(server: PrefectServer, run: str, message: str) -> None:
    """Says of a run what a worker would say."""
    state = {"type": "COMPLETED", "name": "Firing", "message": message}
    body: Mapping[str, Any] = {"state": state, "force": True}
    httpx.post(f"{server.url}/flow_runs/{run}/set_state", json=body).raise_for_status()


def test_a_rule_is_run_followed_and_recorded(
    desk: httpx.Client,
    on_prefect: FastAPI,
    prefect_server: PrefectServer,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
):
    deployment = made(desk, "run-now")
    made(desk, "run-another")
    once = {"Idempotency-Key": "run-now-1"}
    begun = desk.post(f"{RULES}/run-now/runs", headers=once)
    assert begun.status_code == 201, begun.text
    run = begun.json()
    assert begun.headers["location"] == f"{RULES}/run-now/runs/{run['flow_run_id']}"
    assert (run["rule"], run["type"]) == ("run-now", "SCHEDULED")
    assert prefect_server.api.flow_run(run["flow_run_id"])["deployment_id"] == deployment
    again = desk.post(f"{RULES}/run-now/runs", headers=once)
    assert again.json()["flow_run_id"] == run["flow_run_id"]
    ends(prefect_server, run["flow_run_id"], "1 of 2 series firing")
    now = desk.get(begun.headers["location"]).json()
    assert (now["state"], now["message"]) == ("Firing", "1 of 2 series firing")
    # The run of one rule is not shown by another, which its reader may see.
    assert desk.get(f"{RULES}/run-another/runs/{run['flow_run_id']}").status_code == 404
    assert desk.post(f"{RULES}/run-now/runs", params={"tenant": "acme"}).status_code == 404
    assert desk.post(f"{RULES}/never-made/runs").status_code == 404
    store = on_prefect.state.store
    keys = KnownKeys(store)
    monkeypatch.setattr(on_prefect.state, "keys", keys)
    for name, role, tenants, status in (
        ("viewer", Role.VIEWER, None, 403), ("responder", Role.RESPONDER, None, 403),
        ("elsewhere", Role.EDITOR, ["acme"], 404), ("editor", Role.EDITOR, ["default"], 201),
    ):  # fmt: skip
        key = Keys(store).create(name, role, actor="ada", tenants=tenants).secret.text
        headers = {"Authorization": f"Bearer {key}"}
        assert desk.post(f"{RULES}/run-now/runs", headers=headers).status_code == status
    keys.close()
    recorded = page(store, AuditFilter(actions=("rule.run",))).items
    assert [(one.actor, one.object_name, one.tenant) for one in recorded] == [
        ("editor", "run-now", "default"), ("robot", "run-now", "default")
    ]  # fmt: skip
    with served(on_prefect, lifespan="off") as url:
        monkeypatch.setenv("SENTINEL_HOME", str(tmp_path))
        monkeypatch.setenv("SENTINEL_URL", url)
        monkeypatch.setenv("SENTINEL_TOKEN", TOKEN)
        monkeypatch.setenv("SENTINEL_USER", "maria")
        said: list[str] = []
        started = start("run-now", report=said.append)
        ends(prefect_server, started.flow_run_id, "all is well")
        ended = follow(started, timedelta(minutes=1), report=said.append)
        assert (ended.type, ended.message) == ("COMPLETED", "all is well")
        assert said[-1] == f"{started.name} is Firing: all is well"
        with pytest.raises(NotFound):
            start("never-made")
