"""The packs that ship: whole, quiet, and told apart from `prefect.yaml`."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from sentinel.errors import PrefectUnreachable
from sentinel.lint.deployment_file import lint_files
from sentinel.prefect_client.client import PrefectApi
from sentinel.rollout.api import RolloutApi
from sentinel.rollout.apply import apply_plan, plan_rollout
from sentinel.rollout.files import pack_file, packs, read_files
from sentinel.rollout.flow_cache import FlowCache
from sentinel.rollout.shipped_packs import is_installed, shipped_pack, shipped_packs
from tests.prefect_server import ROOT, PrefectServer
from tests.waiting import eventually


def test_the_packs_are_valid_also_beside_the_default_rules():
    assert lint_files([ROOT / "prefect.yaml", *packs().values()]) == []


def test_each_is_in_the_how_to():
    page = (ROOT / "docs/how-to/roll-out-rules.md").read_text()
    assert [name for name in packs() if f"| `{name}` |" not in page] == []


def test_each_is_described_in_one_sentence_which_is_no_instruction():
    for pack in shipped_packs():
        assert pack.description.endswith("."), pack.name
        assert ". " not in pack.description, pack.name
        assert "sentinel deploy" not in pack.description, pack.name


def test_a_pack_is_installed_where_files_deployed_all_of_its_rules():
    pack = shipped_pack("machine")
    whole = [("file", one.name) for one in pack.rules]
    assert is_installed(pack, whole)
    assert not is_installed(pack, whole[1:])
    assert not is_installed(pack, [("ui", whole[0][1]), *whole[1:]])


def test_rules_that_need_configuration_are_off_or_need_a_secret():
    for entry in read_files(list(packs().values())):
        parameters: dict[str, Any] = entry.spec["parameters"]
        own = {name for name in parameters if name in ("services", "folders", "databases")}
        (schedule,) = entry.spec["schedules"]
        asks = "{secret:" in str(parameters)
        assert not own or asks or schedule.get("active") is False, entry.name


@pytest.fixture
def api(connected: PrefectServer) -> Generator[RolloutApi]:
    with RolloutApi(connected.url) as api:
        yield api


def facts() -> Any:
    from flows import flow_facts

    return flow_facts


def failed_run(api: PrefectApi, flow: str, deployment: str | None = None) -> datetime:
    """A run of `flow` that fails; when."""
    http = api._client  # pyright: ignore[reportPrivateUsage] - a run of a flow that nobody deployed
    id_ = http.post("/flows/", json={"name": flow}).raise_for_status().json()["id"]
    if deployment is None:
        made = http.post("/flow_runs/", json={"flow_id": id_, "state": {"type": "PENDING"}})
    else:
        made = http.post(f"/deployments/{deployment}/create_flow_run", json={})
    run = made.raise_for_status().json()["id"]
    before = datetime.now(UTC)
    for state in ("RUNNING", "FAILED"):
        body = {"state": {"type": state, "message": "no rows"}, "force": True}
        http.post(f"/flow_runs/{run}/set_state", json=body).raise_for_status()
    return before


@pytest.mark.slow
@pytest.mark.prefect
def test_a_run_that_fails_wakes_the_rule_at_once_and_its_own_failures_do_not(
    api: RolloutApi, tmp_path: Path
):
    entries = read_files([pack_file("prefect")])
    apply_plan(api, plan_rollout(api, entries, FlowCache(facts, tmp_path / "facts.json")))
    rule = api.deployment_named("prefect_runs", "prefect-runs")["id"]

    def woken() -> list[dict[str, Any]]:
        """Runs of the rule that an Automation made; the schedule's and ours are not."""
        with suppress(PrefectUnreachable):
            runs = api.asked("/flow_runs/filter", {"deployments": {"id": {"any_": [rule]}}})
            made = [run for run in runs if "AUTOMATION" in str(run["created_by"])]
            return sorted(made, key=lambda run: run["created"])
        return []

    def known(flow: str) -> list[dict[str, Any]]:
        """Events that say that a run of `flow` failed, once Prefect has them."""
        with suppress(PrefectUnreachable):
            body = {"filter": {"event": {"name": ["prefect.flow-run.Failed"]}}, "limit": 50}
            response = api._patiently("POST", "/events/filter", json=body)  # pyright: ignore[reportPrivateUsage] - as the API has it
            return [
                one
                for one in response.json()["events"]
                if f'"{flow}"' in str(one).replace("'", '"')
            ]
        return []

    failed_run(api, "prefect_runs", rule)
    eventually(lambda: known("prefect_runs"), "Prefect knows of the rule's own failure")
    before = failed_run(api, "somebodys-flow")
    first, second = eventually(lambda: (found := woken())[1:] and found, "both looks", 60)[:2]
    assert datetime.fromisoformat(first["created"]) >= before
    late = [datetime.fromisoformat(run["expected_start_time"]) for run in (first, second)]
    assert 8 <= (max(late) - min(late)).total_seconds() <= 12


@pytest.mark.parametrize("file", [ROOT / "prefect.yaml", *packs().values()], ids=lambda f: f.stem)
def test_no_shipped_automation_takes_text_of_users_into_a_template(file: Path):
    """Prefect escapes nothing in them, and sends nothing where one cannot be filled in."""
    for entry in yaml.safe_load(file.read_text())["deployments"]:
        assert "{{" not in json.dumps(entry.get("triggers") or [])
