"""Event policies over HTTP: each is a rule, and so a Prefect deployment."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.api.on_prefect import deployments
from tests.api.seed_requests import REQUESTS, Asked
from tests.api.test_seed_requests import sent
from tests.prefect_server import PrefectServer

pytestmark = pytest.mark.prefect
POLICIES = "/api/v1/alerts/policies"
FAILED: dict[str, Any] = next(one.body for one in REQUESTS if one.path == POLICIES and one.body)
OF_POLICIES = [one for one in REQUESTS if one.path.startswith(POLICIES)]


def test_the_seeded_policy_becomes_a_deployment_and_comes_back(
    desk: httpx.Client,
    prefect_server: PrefectServer,
):
    answer = desk.post(POLICIES, json=FAILED)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert {name: made[name] for name in FAILED} == FAILED
    assert (made["id"], made["owner"]) == ("failed-login-alerts", "api")
    assert "no provider pagerduty-001" in made["notes"][0]
    deployed = deployments(prefect_server)["failed-login-alerts"]
    assert deployed["entrypoint"] == "flows.rules.event_policy"
    assert deployed["parameters"]["policy"]["rules"] == FAILED["rules"]
    assert deployed["parameters"]["rule"]["severity"] == "high"
    assert desk.get(f"{POLICIES}/failed-login-alerts").json()["rules"] == FAILED["rules"]


def test_a_change_gives_only_some_fields_of_a_policy(desk: httpx.Client):
    desk.post(POLICIES, json=FAILED)
    place = f"{POLICIES}/failed-login-alerts"
    tag = desk.get(place).headers["etag"]
    changed = desk.put(place, json={"severity": "critical", "enabled": False})
    assert changed.status_code == 200, changed.text
    assert changed.json()["severity"] == "critical"
    assert (changed.json()["enabled"], changed.json()["rules"]) == (False, FAILED["rules"])
    assert desk.put(place, json={"by": "user_id"}, headers={"If-Match": tag}).status_code == 412
    assert desk.get(place).json().get("by") is None


def test_policies_are_listed_by_page_and_by_switch(desk: httpx.Client):
    for letter in "abc":
        desk.post(POLICIES, json={**FAILED, "name": f"policy {letter}"})
    desk.put(f"{POLICIES}/policy-b", json={"enabled": False})
    first = desk.get(POLICIES, params={"limit": 2}).json()
    rest = desk.get(POLICIES, params={"limit": 2, "cursor": first["next_cursor"]}).json()
    # Prefect may have some of other tests, whose names come later.
    assert [one["id"] for one in first["items"] + rest["items"]][:3] == [
        "policy-a", "policy-b", "policy-c",
    ]  # fmt: skip
    assert rest["next_cursor"] is None
    off = desk.get(POLICIES, params={"enabled": False}).json()["items"]
    assert "policy-b" in [one["id"] for one in off]
    assert "policy-a" not in [one["id"] for one in off]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({**FAILED, "colour": "red"}, "colour"),
        ({**FAILED, "rules": []}, "rules"),
        ({**FAILED, "rules": [{"field": "a", "operator": "like", "value": 1}]}, "operator"),
        ({**FAILED, "message_template": "{{ $HOME }}"}, "{{"),
        ({"rules": FAILED["rules"]}, "name"),
    ],
)
def test_a_policy_that_cannot_be_used_is_refused_and_leaves_nothing(
    desk: httpx.Client,
    body: dict[str, Any],
    says: str,
):
    # Packs that other tests rolled out on the same Prefect server have policies of their own.
    before = desk.get(POLICIES).json()["items"]
    answer = desk.post(POLICIES, json=body)
    assert (answer.status_code, says in answer.text) == (422, True), answer.text
    assert desk.get(POLICIES).json()["items"] == before


def test_every_literal_request_about_policies_is_answered(desk: httpx.Client):
    made = ""
    for asked in OF_POLICIES:
        answer = sent(desk, Asked(*asked), policy_id=made)
        assert answer.status_code == asked.status, (asked.name, answer.text)
        if asked.status == 201:
            made = answer.json()["id"]
