"""PagerDuty's Events API, version 2: what its senders send, and what they are answered."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from sentinel.access import Role
from sentinel.clock import FakeClock
from sentinel.errors import DatabaseError
from sentinel.store import Store
from sentinel.store.access.keys import Keys
from tests.databases import both_databases

PLACE = "/pagerduty/v2"
# The examples of https://developer.pagerduty.com/docs/send-alert-event and
# …/send-change-event, read on 2026-11-30, without their keys.
TRIGGER: dict[str, Any] = {
    "payload": {
        "summary": "Example alert on host1.example.com",
        "timestamp": "2015-07-17T08:42:58.315+0000",
        "source": "monitoringtool:cloudvendor:central-region-dc-01:852559987:cluster/"
        "api-stats-prod-003",
        "severity": "info",
        "component": "postgres",
        "group": "prod-datapipe",
        "class": "deploy",
        "custom_details": {"ping time": "1500ms", "load avg": 0.75},
    },
    "dedup_key": "samplekeyhere",
    "images": [
        {
            "src": "https://www.pagerduty.com/wp-content/uploads/2016/05/pagerduty-logo-green.png",
            "href": "https://example.com/",
            "alt": "Example text",
        }
    ],
    "links": [{"href": "https://example.com/", "text": "Link text"}],
    "event_action": "trigger",
    "client": "Sample Monitoring Service",
    "client_url": "https://monitoring.example.com",
}
CHANGE: dict[str, Any] = {
    "payload": {
        "summary": "Build Success: Increase snapshot create timeout to 30 seconds",
        "timestamp": "2020-07-17T08:42:58.315+0000",
        "source": "acme-build-pipeline-tool-default-i-9999",
        "custom_details": {"build_state": "passed", "build_number": "2", "run_time": "1236s"},
    },
    "links": [{"href": "https://acme.pagerduty.dev/build/2", "text": "View more details in Acme!"}],
}


def key_of(store: Store, name: str = "checkout", tenant: str = "shop", role: Role = Role.RESPONDER):
    return Keys(store).create(name, role, actor="ada", tenants=[tenant]).secret.text


@pytest.fixture
def key(store: Store) -> str:
    """The key of the service `checkout`, whose tenant is `shop`."""
    return key_of(store)


def sent(client: httpx.Client, event: dict[str, Any], key: str, path: str = "enqueue"):
    # Senders have no header: that of the client of the tests is taken away.
    answer = client.post(
        f"{PLACE}/{path}", json={**event, "routing_key": key}, headers={"Authorization": ""}
    )
    assert answer.status_code == 202, answer.text
    return answer.json()


def alerts(client: httpx.Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/api/v1/alerts/alerts").json()["items"]
    return found


@both_databases
def test_the_documented_event_opens_an_alert_of_the_keys_service_and_tenant(
    client: httpx.Client, key: str
):
    assert sent(client, TRIGGER, key) == {
        "status": "success", "message": "Event processed", "dedup_key": "samplekeyhere",
    }  # fmt: skip
    (alert,) = alerts(client)
    payload = TRIGGER["payload"]
    assert (alert["rule"], alert["tenant"], alert["status"]) == ("pagerduty", "shop", "open")
    assert alert["labels"] == {"service": "checkout", "dedup_key": "samplekeyhere"}
    assert (alert["title"], alert["severity"]) == (payload["summary"], "info")
    assert alert["annotations"] == {
        "source": payload["source"], "component": "postgres", "group": "prod-datapipe",
        "class": "deploy", "client": "Sample Monitoring Service",
        "client_url": "https://monitoring.example.com", "link_1_url": "https://example.com/",
    }  # fmt: skip
    assert alert["details"]["custom_details"] == payload["custom_details"]
    assert alert["details"]["timestamp"] == "2015-07-17T08:42:58.315000Z"


@pytest.mark.parametrize(
    ("given", "ours"),
    [("critical", "critical"), ("error", "high"), ("warning", "warning"), ("info", "info")],
)
def test_each_severity_has_one_of_ours(client: httpx.Client, key: str, given: str, ours: str):
    sent(client, {**TRIGGER, "payload": {**TRIGGER["payload"], "severity": given}}, key)
    (alert,) = alerts(client)
    assert (alert["severity"], alert["details"]["severity"]) == (ours, given)


@both_databases
def test_events_of_one_dedup_key_are_one_alert_until_it_is_resolved(
    client: httpx.Client, clock: FakeClock, key: str
):
    def step(action: str) -> tuple[str, int]:
        clock.forward(minutes=1)
        event = TRIGGER if action == "trigger" else {"dedup_key": "samplekeyhere"}
        sent(client, {**event, "event_action": action}, key)
        return alerts(client)[0]["status"], len(alerts(client))

    assert step("trigger") == ("open", 1)
    assert step("trigger") == ("open", 1)
    assert alerts(client)[0]["occurrences"] == 2
    assert step("acknowledge") == ("acknowledged", 1)
    assert step("trigger") == ("acknowledged", 1)
    assert step("resolve") == ("resolved", 1)
    assert step("acknowledge") == ("resolved", 1)
    assert alerts(client)[0]["resolved_by"] == "checkout"
    clock.forward(hours=1)
    assert step("trigger") == ("open", 2)


def test_a_key_without_a_dedup_key_gets_one_and_another_service_does_not_share_it(
    client: httpx.Client, store: Store, key: str
):
    event = {name: value for name, value in TRIGGER.items() if name != "dedup_key"}
    first, second = (sent(client, event, key)["dedup_key"] for _ in range(2))
    assert first != second
    other = key_of(store, "mail")
    for action in ("acknowledge", "resolve"):
        sent(client, {"event_action": action, "dedup_key": first}, other)
    assert [one["status"] for one in alerts(client)] == ["open", "open"]


@both_databases
def test_a_change_is_an_event_that_is_kept_once(client: httpx.Client, key: str):
    for _ in range(2):
        answer = sent(client, CHANGE, key, "change/enqueue")
        assert answer == {"status": "success", "message": "Change event processed"}
    rows = client.get("/api/v1/events", params={"tenant": "shop"}).json()["items"]
    assert len(rows) == 1
    kept = json.dumps(rows[0])
    assert '"change"' in kept
    assert CHANGE["payload"]["summary"] in kept
    assert alerts(client) == []


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ({"event_action": "open"}, "event_action"),
        ({"event_action": "resolve"}, "dedup_key"),
        ({"event_action": "acknowledge", "dedup_key": "x" * 256}, "255"),
        ({"event_action": "trigger"}, "payload"),
        ({"event_action": "trigger", "payload": {"source": "a", "severity": "info"}}, "summary"),
        ({"event_action": "trigger", "payload": {"summary": "a", "severity": "info"}}, "source"),
        (
            {"event_action": "trigger", "payload": {"summary": "a", "source": "b"}},
            "payload.severity",
        ),
    ],
)
def test_an_event_that_is_wrong_is_refused_in_pagerdutys_words(
    client: httpx.Client, key: str, event: dict[str, Any], words: str
):
    answer = client.post(f"{PLACE}/enqueue", json={**event, "routing_key": key})
    said = answer.json()
    assert (answer.status_code, said["status"]) == (400, "invalid event")
    assert said["message"] == "Event object is invalid"
    assert words in said["errors"][0]
    assert alerts(client) == []


def test_only_a_key_that_may_is_taken(client: httpx.Client, store: Store):
    def status(body: Any, path: str = "enqueue") -> int:
        return client.post(f"{PLACE}/{path}", json=body).status_code

    for path in ("enqueue", "change/enqueue"):
        assert status(TRIGGER, path) == 400
        assert status({**TRIGGER, "routing_key": "x" * 32}, path) == 400
        reader = key_of(store, f"reader {path[:6]}", role=Role.VIEWER)
        assert status({**TRIGGER, "routing_key": reader}, path) == 403
        of_team = Keys(store).create(
            f"team {path[:6]}", Role.RESPONDER, actor="ada", tenants=["shop"], teams=["db"]
        )
        assert status({**TRIGGER, "routing_key": of_team.secret.text}, path) == 403
        own = {**TRIGGER, "routing_key": key_of(store, f"own {path[:6]}")}
        assert status(own, f"{path}?tenant=mail") == 403
    assert client.post(f"{PLACE}/enqueue", content=b"[").status_code == 400
    assert alerts(client) == []


def test_a_sender_that_is_too_fast_is_asked_to_wait(
    client: httpx.Client, key: str, monkeypatch: pytest.MonkeyPatch
):
    def full(*_: object, **__: object) -> None:
        raise DatabaseError("too many messages of pagerduty came at once")

    monkeypatch.setattr("sentinel.api.doors.pagerduty.post_alert", full)
    answer = client.post(f"{PLACE}/enqueue", json={**TRIGGER, "routing_key": key})
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "5")
    assert answer.json()["status"] == "throttle exceeded"
