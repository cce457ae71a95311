"""A rule is compared with its file over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from sentinel.api.shown_rules import rollout_here
from sentinel.client import Client, rule_drift
from sentinel.rollout import drift
from sentinel.rollout.apply import apply_plan, plan_rollout
from sentinel.rollout.diff import Difference
from sentinel.rollout.drift import drift_shown
from sentinel.rollout.files import Entry, read_files
from sentinel.rollout.plan import Live, Step
from tests.api.served import TOKEN, served
from tests.prefect_server import PrefectServer

RULES = "/api/v1/alerts/rules"


@pytest.mark.prefect
def test_an_edit_in_prefect_is_shown_beside_the_file(
    desk: httpx.Client,
    on_prefect: FastAPI,
    prefect_server: PrefectServer,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
):
    body = {"name": "drifts-here", "trigger": "cpu_usage", "when": {"above": 95}}
    made = desk.post(RULES, json=body)
    assert made.status_code == 201, made.text
    file = tmp_path / "prefect.yaml"
    file.write_text(desk.get(f"{RULES}/drifts-here/prefect.yaml").text)
    request: Any = SimpleNamespace(app=on_prefect)
    monkeypatch.setattr(drift, "rules_file", lambda: None)
    with served(on_prefect, lifespan="off") as url, Client(url, TOKEN) as sentinel:
        none = sentinel.do(rule_drift.drift("drifts-here"))
        assert (none.file, none.differences) == (None, [])  # no file has it
        monkeypatch.setattr(drift, "rules_file", lambda: file)
        before = sentinel.do(rule_drift.drift("drifts-here"))
        assert before.file is not None
        assert before.file.endswith("/prefect.yaml")
        assert "over HTTP" in before.refused[0]  # it belongs to the API, not to the file
        assert desk.delete(f"{RULES}/drifts-here").status_code == 204
        with rollout_here(request) as (api, cache):
            apply_plan(api, plan_rollout(api, read_files([file]), cache))
        there = desk.get(f"{RULES}/drifts-here").json()["deployment"]["id"]
        place = f"{prefect_server.url}/deployments/{there}"
        try:
            same = sentinel.do(rule_drift.drift("drifts-here"))
            assert (same.edited, same.differences, same.refused) == (False, [], [])
            httpx.patch(place, json={"description": "Mine."}).raise_for_status()
            after = sentinel.do(rule_drift.drift("drifts-here"))
        finally:
            httpx.delete(place)
    assert after.edited
    assert [(one.place, one.there) for one in after.differences] == [("description", "Mine.")]
    assert desk.get(f"{RULES}/unknown/drift").status_code == 404


def of_a_file(differences: Sequence[Difference], spec: dict[str, Any], tenant: str) -> Step:
    deployment = {"parameters": {"rule": {"tenant": tenant}}, "id": "1", "name": "disk"}
    entry = Entry(file="f", origin="p/f", place=1, name="disk", spec=spec, whole={})
    live = Live(flow="disk_space", deployment=deployment)
    return Step(kind="changed", name="disk", entry=entry, live=live, differences=differences)


def test_values_that_may_hold_secrets_are_left_out():
    found = [
        Difference(place="rule.severity", there="low", here="high"),
        Difference(place="job_variables", there={}, here={"env": {"PASSWORD": "p"}}),
    ]
    severity, variables = drift_shown("disk", "acme", of_a_file(found, {}, "acme")).differences
    assert (severity.there, severity.here, severity.hidden) == ("low", "high", False)
    assert (variables.there, variables.here, variables.hidden) == (None, None, True)
    named = {"parameters": {"url": "{{ prefect.blocks.secret.feed }}"}}
    url = [Difference(place="url", there=None, here="https://user:password@db")]
    assert drift_shown("disk", "acme", of_a_file(url, named, "acme")).differences[0].hidden


def test_a_rule_of_another_tenant_with_that_name_is_not_compared():
    found = [Difference(place="rule.severity", there="low", here="high")]
    shown = drift_shown("disk", "acme", of_a_file(found, {}, "blue"))
    assert (shown.file, shown.differences) == (None, ())
