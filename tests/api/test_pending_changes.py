"""Over HTTP, a change to a critical rule is answered by 202 until a second person approves it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from sentinel.access import Role
from sentinel.api.known_keys import KnownKeys
from sentinel.client.calls import Call, read
from sentinel.client.models import Rule
from sentinel.clock import FakeClock
from sentinel.errors import DatabaseUnreachable, PrefectUnreachable, RuleError
from sentinel.rollout.made_rules import MadeRules
from sentinel.rules.approval import ChangeWaits
from sentinel.store import Store
from sentinel.store.access.keys import Keys
from sentinel.store.access.people import People
from sentinel.store.approvals.pending_changes import PendingChanges
from sentinel.store.approvals.separation import Separation
from sentinel.store.audit.queries import AuditFilter, page
from sentinel.store.rules.rules import Rules
from tests.api.on_prefect import deployments
from tests.prefect_server import PrefectServer
from tests.world import World

RULES, PENDING = "/api/v1/alerts/rules", "/api/v1/alerts/pending-changes"
CPU = {"name": "Critical CPU", "threshold_value": 85, "comparison_operator": ">",
       "severity": "critical", "trigger": "cpu_usage"}  # fmt: skip


def key_of(store: Store, person: str, role: Role = Role.EDITOR, **more: Any) -> Mapping[str, str]:
    """The header of a key that a person with an account made."""
    People(store).create(person, role, password="seven green bicycles", actor="root")
    secret = Keys(store).create(f"key of {person}", role, actor=person, **more).secret
    return {"Authorization": f"Bearer {secret.text}"}


def test_a_switch_waits_and_is_decided_by_a_second_person(
    app: FastAPI, client: httpx.Client, store: Store, clock: FakeClock
):
    World(store, clock, severity="critical", team="db").sees({"/": 99})
    Separation(store).switch("default", on=True, actor="root")
    maria, bob = key_of(store, "maria"), key_of(store, "bob")
    body = {"reason": "noisy"}
    answer = client.post(f"{RULES}/disk/disable", json=body, headers=maria)
    assert answer.status_code == 202, answer.text
    assert "waits for the approval of a second person" in answer.json()["message"]
    asked = answer.json()["pending_change"]
    place = answer.headers["location"]
    assert place == f"{PENDING}/{asked['id']}"
    assert asked["differences"] == [{"field": "enabled", "before": True, "after": False}]
    assert (asked["asked_by"], asked["asked_as"]) == ("maria", "key of maria")
    assert client.get(place).json() == asked
    assert client.get(f"{RULES}/disk").json()["enabled"] is True
    same = client.patch(f"{RULES}/disk", json={"enabled": False}, headers=maria)
    assert (same.status_code, same.json()["pending_change"]["id"]) == (202, asked["id"])
    refused = client.post(f"{place}/approve", headers=maria)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "conflict")
    assert client.post(f"{place}/approve").status_code == 403, "the token is no person"
    done = client.post(f"{place}/approve", json={"comment": "agreed"}, headers=bob)
    assert (done.status_code, done.json()["status"], done.json()["decided_by"]) == (
        200, "applied", "bob",
    )  # fmt: skip
    assert client.get(f"{RULES}/disk").json()["enabled"] is False
    assert client.get(PENDING).json()["items"] == []
    other = client.post(f"{RULES}/disk/enable", headers=maria).json()["pending_change"]
    rejected = client.post(f"{PENDING}/{other['id']}/reject", headers=bob).json()
    assert rejected["status"] == "rejected"
    kept = client.get(PENDING, params={"status": "all", "rule": "disk"}).json()["items"]
    assert [one["status"] for one in kept] == ["rejected", "applied"]


@pytest.mark.prefect
def test_a_change_of_a_deployment_waits_is_made_and_is_undone_where_prefect_refuses(
    desk: httpx.Client,
    on_prefect: FastAPI,
    prefect_server: PrefectServer,
    monkeypatch: pytest.MonkeyPatch,
):
    store: Store = on_prefect.state.store
    on_prefect.state.keys = KnownKeys(store)
    assert desk.post(RULES, json=CPU).status_code == 201
    place = f"{RULES}/critical-cpu"
    Separation(store).switch(None, on=True, actor="root")
    maria, bob = key_of(store, "maria"), key_of(store, "bob")

    def above() -> float:
        return deployments(prefect_server)["critical-cpu"]["parameters"]["rule"]["when"]["above"]

    asked = desk.put(place, json={"threshold_value": 90, "enabled": False}, headers=maria)
    assert asked.status_code == 202, asked.text
    change = asked.json()["pending_change"]
    assert [one["field"] for one in change["differences"]] == ["enabled", "rule.when.above"]
    assert above() == 85
    assert desk.get(place).json()["enabled"] is True

    def refuses(self: MadeRules, *_: Any, **__: Any) -> None:
        raise RuleError("Prefect rejected it")

    with monkeypatch.context() as broken:
        broken.setattr(MadeRules, "apply_change", refuses)
        failed = desk.post(f"{PENDING}/{change['id']}/approve", headers=bob)
    assert (failed.status_code, "Prefect rejected it" in failed.text) == (422, True)
    assert desk.get(f"{PENDING}/{change['id']}").json()["status"] == "waiting"
    newest = page(store, limit=1).items[0]
    assert (newest.action, newest.note) == ("rule.changed", "not done: Prefect rejected it")

    apply_change = MadeRules.apply_change

    def loses_the_answer(self: MadeRules, *arguments: Any, **more: Any) -> None:
        apply_change(self, *arguments, **more)
        raise PrefectUnreachable("the answer was lost")

    with monkeypatch.context() as broken:
        broken.setattr(MadeRules, "apply_change", loses_the_answer)
        lost = desk.post(f"{PENDING}/{change['id']}/approve", headers=bob)
    assert (lost.status_code, above()) == (503, 90), lost.text
    assert desk.get(f"{PENDING}/{change['id']}").json()["status"] == "approved"
    done = desk.post(f"{PENDING}/{change['id']}/approve", headers=bob)
    assert (done.status_code, done.json()["status"]) == (200, "applied"), done.text
    assert above() == 90
    notes = [one.note for one in page(store, AuditFilter(actions=("rule.changed",))).items]
    assert notes == ["", "not done: Prefect rejected it", ""], "what may be done is not denied"
    shown = desk.get(place).json()
    assert (shown["enabled"], shown["given"]["threshold_value"]) == (False, 90)
    rows = {one.action: one for one in page(store).items}
    assert rows["rule.changed"].after is not None
    assert rows["rule.changed"].after["approved_by"] == "bob"
    assert rows["rule.change_approved"].actor == "key of bob"

    stale = desk.patch(place, json={"threshold_value": 95}, headers=maria).json()["pending_change"]
    Separation(store).switch(None, on=False, actor="root")
    assert desk.patch(place, json={"threshold_value": 70, "severity": "high"}).status_code == 200
    Separation(store).switch(None, on=True, actor="root")
    late = desk.post(f"{PENDING}/{stale['id']}/approve", headers=bob)
    assert late.status_code == 409
    message = late.json()["error"]["message"]
    assert message.endswith('rule.severity: "critical" → "high"; rule.when.above: 90.0 → 70.0')
    assert above() == 70
    assert desk.patch(place, json={"severity": "critical"}).status_code == 200

    gone = desk.delete(place, headers=maria)
    assert gone.status_code == 202
    with pytest.raises(ChangeWaits, match="deleting the rule"):
        read(Call[Rule](None, "DELETE", place), gone)
    assert "critical-cpu" in deployments(prefect_server)
    deletion = gone.json()["pending_change"]["id"]

    def fails(self: Rules, *_: Any, **__: Any) -> None:
        raise DatabaseUnreachable("the database is gone")

    with monkeypatch.context() as broken:
        broken.setattr(Rules, "retire", fails)
        assert desk.post(f"{PENDING}/{deletion}/approve", headers=bob).status_code >= 500
    assert "critical-cpu" not in deployments(prefect_server)
    assert store.rules.get("critical-cpu")
    assert desk.get(f"{PENDING}/{deletion}").json()["status"] == "approved"
    PendingChanges(store).give_back(deletion, "an older version", [])
    assert desk.post(f"{PENDING}/{deletion}/approve", headers=bob).json()["status"] == "applied"
    assert "critical-cpu" not in deployments(prefect_server)
    assert desk.get(place).status_code == 404
