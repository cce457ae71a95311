"""Opsgenie's alert API: what its senders and tools send, and what they are answered."""

from __future__ import annotations

from collections.abc import Generator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from sentinel.access import Role
from sentinel.clock import FakeClock
from sentinel.store import Store
from sentinel.store.access.keys import Keys
from tests.api.served import Raised, called
from tests.databases import both_databases

PLACE = "/opsgenie/v2/alerts"
# The body of "Create Alert" in https://docs.opsgenie.com/docs/alert-api, read on 2026-11-30.
SAMPLE: dict[str, Any] = {
    "message": "An example alert message",
    "alias": "Life is too short for no alias",
    "description": "Every alert needs a description",
    "responders": [
        {"id": "4513b7ea-3b91-438f-b7e4-e3e54af9147c", "type": "team"},
        {"name": "NOC", "type": "team"},
        {"username": "trinity@opsgenie.com", "type": "user"},
    ],
    "visibleTo": [{"name": "rocket_team", "type": "team"}],
    "actions": ["Restart", "AnExampleAction"],
    "tags": ["OverwriteQuietHours", "Critical"],
    "details": {"key1": "value1", "key2": "value2"},
    "entity": "An example entity",
    "priority": "P1",
}
ALIAS = SAMPLE["alias"]


@pytest.fixture
def sender(app: FastAPI, store: Store) -> Generator[httpx.Client]:
    """A sender that has a key of the tenant `shop`, in the header that Opsgenie's senders use."""
    key = Keys(store).create("checkout", Role.RESPONDER, actor="ada", tenants=["shop"])
    with called(app, Authorization=f"GenieKey {key.secret.text}") as client:
        yield client


def asked(sender: httpx.Client, path: str = "", body: Any = None) -> dict[str, Any]:
    """What came of a change, which is answered with 202."""
    answer = sender.post(f"{PLACE}{path}", json=body)
    assert answer.status_code == 202, answer.text
    taken = answer.json()
    assert taken["result"] == "Request will be processed"
    done: dict[str, Any] = sender.get(f"{PLACE}/requests/{taken['requestId']}").json()["data"]
    return done


def by_alias(sender: httpx.Client, alias: str = ALIAS) -> dict[str, Any]:
    found: dict[str, Any] = sender.get(
        f"{PLACE}/{alias}", params={"identifierType": "alias"}
    ).json()["data"]
    return found


@both_databases
def test_the_documented_alert_is_created_and_given_back_as_it_was_sent(sender: httpx.Client):
    done = asked(sender, body=SAMPLE)
    assert (done["isSuccess"], done["action"], done["status"]) == (True, "Create", "Created alert")
    shown = by_alias(sender)
    assert shown["id"] == done["alertId"]
    same = (
        "message", "alias", "description", "actions", "tags", "details", "entity", "priority",
    )  # fmt: skip
    assert {name: shown[name] for name in same} == {name: SAMPLE[name] for name in same}
    for given, back in zip(SAMPLE["responders"], shown["responders"], strict=True):
        assert given.items() <= back.items()
        assert back["id"], "the official client reads none without an id"
    assert (shown["status"], shown["acknowledged"], shown["count"]) == ("open", False, 1)
    assert shown["integration"]["name"] == "checkout"


@both_databases
def test_the_alias_identifies_while_the_alert_is_open(sender: httpx.Client, clock: FakeClock):
    first = asked(sender, body=SAMPLE)
    clock.forward(minutes=1)
    again = asked(sender, body={**SAMPLE, "message": "said otherwise", "priority": "P2"})
    assert again["alertId"] == first["alertId"]
    assert by_alias(sender)["count"] == 2
    clock.forward(minutes=1)
    asked(sender, f"/{first['alertId']}/close", {})
    assert by_alias(sender)["status"] == "closed"
    clock.forward(hours=1)
    assert asked(sender, body=SAMPLE)["alertId"] != first["alertId"]
    assert by_alias(sender)["status"] == "open"


def test_alerts_without_an_alias_are_alerts_of_their_own(sender: httpx.Client):
    ids = {asked(sender, body={"message": "disk full"})["alertId"] for _ in range(2)}
    assert len(ids) == 2


@both_databases
@pytest.mark.parametrize("kind", ["id", "tiny", "alias"])
def test_every_action_goes_by_each_kind_of_identifier(
    sender: httpx.Client, client: httpx.Client, clock: FakeClock, kind: str
):
    alert_id = asked(sender, body={**SAMPLE, "alias": "disk/of db#1"})["alertId"]
    shown = by_alias(sender, "disk%2Fof%20db%231")
    name = {"id": alert_id, "tiny": shown["tinyId"], "alias": "disk%2Fof%20db%231"}[kind]

    def done(step: str, **body: Any) -> dict[str, Any]:
        clock.forward(seconds=10)
        result = asked(sender, f"/{name}/{step}?identifierType={kind}", body)
        assert (result["isSuccess"], result["alertId"]) == (True, alert_id), result
        return client.get(f"/api/v1/alerts/alerts/{alert_id}").json()

    taken = done("acknowledge", user="Ada", note="looking")
    assert (taken["status"], taken["acknowledged_by"]) == ("acknowledged", "Ada via checkout")
    assert by_alias(sender, "disk%2Fof%20db%231")["report"]["acknowledgedBy"] == "Ada via checkout"
    assert done("unacknowledge")["status"] == "open"
    until = (clock.now() + timedelta(hours=2)).isoformat()
    assert done("snooze", endTime=until)["status"] == "suppressed"
    assert by_alias(sender, "disk%2Fof%20db%231")["snoozed"] is True
    assert done("notes", note="the disk is on its way")["timeline"][-1]["comment"]
    assert done("assign", owner={"username": "bob"})["assignee"] == "bob"
    assert done("close", note="replaced")["status"] == "resolved"
    listed = sender.get(f"{PLACE}/{name}/notes", params={"identifierType": kind}).json()["data"]
    assert [one["note"] for one in listed] == ["replaced", "the disk is on its way", "looking"]


@pytest.mark.parametrize("step", ["close", "acknowledge", "notes"])
def test_an_action_on_what_is_not_there_is_taken_and_its_status_says_so(
    sender: httpx.Client, step: str
):
    for path in (f"/{'0' * 32}/{step}", f"/nothing/{step}?identifierType=alias"):
        result = asked(sender, path, {"note": "done"})
        assert (result["isSuccess"], result["status"]) == (False, "Alert does not exist")
    assert sender.get(f"{PLACE}/{'0' * 32}").json()["message"] == "Alert does not exist"


def test_an_alert_is_seen_by_keys_of_its_tenant_alone(
    sender: httpx.Client, app: FastAPI, store: Store, raised: Raised
):
    alert_id = asked(sender, body=SAMPLE)["alertId"]
    (other,) = raised("/data")
    key = Keys(store).create("mail", Role.RESPONDER, actor="ada", tenants=["mail"])
    with called(app, Authorization=f"GenieKey {key.secret.text}") as stranger:
        assert stranger.get(f"{PLACE}/{alert_id}").status_code == 404
        assert stranger.get(PLACE).json()["data"] == []
        assert asked(stranger, f"/{alert_id}/close", {})["isSuccess"] is False
        assert asked(stranger, body=SAMPLE)["alertId"] != alert_id
        taken = sender.post(PLACE, json=SAMPLE).json()["requestId"]
        assert stranger.get(f"{PLACE}/requests/{taken}").status_code == 404
    assert [one["id"] for one in sender.get(PLACE).json()["data"]] == [alert_id]
    assert asked(sender, f"/{other}/close", {})["isSuccess"] is False


def test_who_created_an_alert_by_which_key_is_audited(sender: httpx.Client, client: httpx.Client):
    asked(sender, body={**SAMPLE, "user": "Ada"})
    (row,) = client.get("/api/v1/alerts/audit", params={"action": "alert.created"}).json()["items"]
    assert (row["actor"], row["tenant"], row["door"]) == ("Ada via checkout", "shop", "api")


@both_databases
def test_lists_are_searched_sorted_and_paged(sender: httpx.Client, clock: FakeClock):
    for number in range(5):
        clock.forward(minutes=1)
        tags = ["payments"] if number % 2 else []
        body = {"message": f"alert {number}", "alias": f"a{number}", "tags": tags}
        asked(sender, body={**body, "priority": f"P{number + 1}"})
    asked(sender, "/a4/close?identifierType=alias", {})

    def found(query: str, **more: Any) -> list[str]:
        answer = sender.get(PLACE, params={"query": query, **more})
        assert answer.status_code == 200, answer.text
        return [one["alias"] for one in answer.json()["data"]]

    assert found("") == ["a4", "a3", "a2", "a1", "a0"]
    assert found("status: open AND tag: payments") == ["a3", "a1"]
    assert found("priority: (P1 OR P5)") == ["a4", "a0"]
    assert found("alias: a2") == ["a2"]
    assert found("", sort="priority", order="asc") == ["a0", "a1", "a2", "a3", "a4"]
    assert found("", limit=2, offset=1) == ["a3", "a2"]
    paging = sender.get(PLACE, params={"limit": 2, "offset": 1}).json()["paging"]
    assert [one["alias"] for one in sender.get(paging["next"]).json()["data"]] == ["a1", "a0"]
    counted = sender.get(f"{PLACE}/count", params={"query": "status: open"}).json()
    assert counted["data"] == {"count": 4}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "message"),
        ({"message": ""}, "message"),
        ({"message": "x", "priority": "P9"}, "priority"),
        ({"message": "x", "tags": "a"}, "tags"),
        ([], "body"),
    ],
)
def test_a_body_that_is_wrong_is_refused_in_opsgenies_words(
    sender: httpx.Client, body: Any, field: str
):
    answer = sender.post(PLACE, json=body)
    said = answer.json()
    assert answer.status_code == 422
    assert said["message"] == "Request body is not processable. Please check the errors."
    assert list(said["errors"]) == [field]
    assert {"took", "requestId"} <= said.keys()
    assert sender.get(PLACE).json()["data"] == []


def test_what_is_not_allowed_is_refused_in_opsgenies_form(
    sender: httpx.Client, app: FastAPI, store: Store
):
    for header in ({}, {"Authorization": "GenieKey wrong"}):
        with called(app, **header) as stranger:
            answer = stranger.post(PLACE, json=SAMPLE)
        assert answer.status_code == 401
        assert set(answer.json()) == {"message", "took", "requestId"}
    key = Keys(store).create("reader", Role.VIEWER, actor="ada", tenants=["shop"])
    with called(app, Authorization=f"GenieKey {key.secret.text}") as reader:
        assert reader.get(PLACE).status_code == 200
        assert reader.post(PLACE, json=SAMPLE).status_code == 403
    assert sender.post(PLACE, content=b"{").status_code == 400
    past = {"endTime": "2020-01-01T00:00:00Z"}
    assert sender.post(f"{PLACE}/x/snooze", json=past).json()["errors"].keys() == {"endTime"}
    assert sender.get(PLACE, params={"query": "colour: red"}).status_code == 422
    said = {"identifierType": "alias", "user": "ann", "source": "ci"}
    kept = sender.delete(f"{PLACE}/x", params=said)
    assert (kept.status_code, "close it instead" in kept.json()["message"]) == (422, True)
    with called(app) as stranger:
        assert "GenieKey KEY" in stranger.get(PLACE).json()["message"]
