"""Alerts that programs create, and the steps in the addresses of other systems."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from sentinel.clock import FakeClock
from sentinel.store import Store
from tests.api.served import Raised
from tests.databases import both_databases

PLACES = ("/api/v1/alerts", "/api/alerts")
ALERT: dict[str, Any] = {
    "service_name": "shop",
    "alert_name": "high_latency",
    "alert_type": "threshold",
    "severity": "warning",
    "title": "High latency detected",
    "description": "P95 latency exceeded 1000ms",
    "current_value": 1250.0,
    "threshold_value": 1000.0,
}


@both_databases
@pytest.mark.parametrize("place", PLACES)
def test_a_created_alert_is_open_with_all_that_was_said(client: httpx.Client, place: str):
    answer = client.post(place, json={**ALERT, "labels": {"region": "eu"}, "team": "web"})
    assert answer.status_code == 201
    made = answer.json()
    assert (made["rule"], made["status"], made["severity"]) == ("api", "open", "warning")
    assert (made["title"], made["description"]) == (ALERT["title"], ALERT["description"])
    assert (made["value"], made["team"]) == (1250.0, "web")
    assert made["labels"] == {"alertname": "high_latency", "service": "shop", "region": "eu"}
    assert made["details"] == {"alert_type": "threshold", "threshold_value": 1000.0}
    assert client.get(f"/api/v1/alerts/alerts/{made['id']}").json()["title"] == ALERT["title"]


@both_databases
def test_the_same_alert_again_counts_and_opens_no_second_one(
    client: httpx.Client, clock: FakeClock
):
    first = client.post("/api/alerts", json=ALERT)
    clock.forward(minutes=1)
    again = client.post("/api/alerts", json={**ALERT, "current_value": 1300})
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["id"] == first.json()["id"]
    assert (again.json()["occurrences"], again.json()["value"]) == (2, 1300)
    other = client.post("/api/alerts", json={**ALERT, "service_name": "mail"})
    assert other.status_code == 201
    assert other.json()["id"] != first.json()["id"]


@both_databases
def test_an_alert_that_is_created_after_it_was_resolved_is_open_again(
    client: httpx.Client, clock: FakeClock
):
    made = client.post("/api/alerts", json=ALERT).json()["id"]
    clock.forward(seconds=5)
    assert client.post(f"/api/alerts/{made}/resolve").json()["alert"]["status"] == "resolved"
    clock.forward(seconds=5)  # within the time in which a check would not fire again
    answer = client.post("/api/alerts", json=ALERT)
    assert (answer.status_code, answer.json()["status"]) == (201, "open")


@both_databases
def test_who_created_an_alert_is_audited_once_and_repetitions_are_not(
    client: httpx.Client, clock: FakeClock
):
    head = {"X-Sentinel-User": "ada"}
    made = client.post("/api/alerts", json={**ALERT, "team": "web"}, headers=head).json()
    clock.forward(seconds=30)
    client.post("/api/alerts", json=ALERT, headers={"X-Sentinel-User": "bob"})
    clock.forward(seconds=30)
    client.post(f"/api/alerts/{made['id']}/resolve")
    clock.forward(minutes=30)
    other = client.post("/api/alerts", json=ALERT, headers={"X-Sentinel-User": "eve"}).json()
    listed = client.get("/api/v1/alerts/audit", params={"action": "alert.created"}).json()
    assert [(row["actor"], row["object_id"], row["door"]) for row in listed["items"]] == [
        ("eve", other["id"], "api"), ("ada", made["id"], "api"),
    ]  # fmt: skip
    first = listed["items"][-1]
    assert first["object_name"] == ALERT["title"]
    assert first["before"] is None
    assert first["after"] == {
        "severity": "warning", "labels": made["labels"], "team": "web", "status": "open",
    }  # fmt: skip


def test_an_alert_is_not_created_where_its_audit_row_cannot_be_written(
    client: httpx.Client, store: Store, monkeypatch: pytest.MonkeyPatch
):
    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("no row")

    monkeypatch.setattr(store.audit, "add", refuse)
    assert client.post("/api/alerts", json=ALERT).status_code == 500
    assert client.get("/api/v1/alerts/alerts").json()["items"] == []


def test_a_created_alert_stays_open_although_nobody_repeats_it(
    client: httpx.Client, clock: FakeClock, store: Store
):
    made = client.post("/api/alerts", json=ALERT).json()["id"]
    clock.forward(days=3)
    store.sweep()
    assert client.get(f"/api/v1/alerts/alerts/{made}").json()["status"] == "open"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"alert_name": "x", "priority": 1}, "priority"),
        ({"title": "x"}, "alert_name"),
        ({"alert_name": " "}, "alert_name"),
        ({"alert_name": "x", "severity": "loud"}, "severity"),
        ({"alert_name": "x", "labels": {"alertname": "y"}}, "labels.alertname"),
    ],
)
def test_what_is_not_understood_is_refused_by_name_and_nothing_is_stored(
    client: httpx.Client, body: dict[str, Any], field: str
):
    answer = client.post("/api/alerts", json=body)
    assert answer.status_code == 422
    assert answer.json()["error"]["field"] == field
    assert client.get("/api/alerts/active").json()["items"] == []


def test_a_disabled_rule_refuses_what_is_created(client: httpx.Client, store: Store):
    client.post("/api/alerts", json=ALERT)
    store.rules.disable("api", actor="maria")
    answer = client.post("/api/alerts", json={**ALERT, "service_name": "mail"})
    assert answer.status_code == 409
    assert "sentinel rule enable api" in answer.json()["error"]["hint"]


@pytest.mark.parametrize("place", [*PLACES, "/api/v1/alerts/alerts"])
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_person_acknowledges_and_resolves(
    client: httpx.Client, raised: Raised, place: str, method: str
):
    (one,) = raised("/data")
    said = {"note": "looking into it"}
    taken = client.request(method, f"{place}/{one}/acknowledge", json=said).json()
    assert (taken["alert"]["status"], taken["alert"]["acknowledge_comment"]) == (
        "acknowledged", "looking into it",
    )  # fmt: skip
    assert client.request(method, f"{place}/{one}/acknowledge").json()["reason"] == "unchanged"
    ended = client.request(method, f"{place}/{one}/resolve").json()
    assert (ended["alert"]["status"], ended["reason"]) == ("resolved", "resolved_manually")


def test_a_silence_is_an_hour_unless_it_says_how_long(client: httpx.Client, raised: Raised):
    one, other = raised("/data", "/home")
    client.post(f"/api/alerts/{one}/silence")
    client.post(f"/api/alerts/{other}/silence", json={"duration_minutes": 5, "reason": "a drill"})
    shown = {each: client.get(f"/api/v1/alerts/alerts/{each}").json() for each in (one, other)}
    assert [each["status"] for each in shown.values()] == ["suppressed"] * 2
    assert shown[other]["suppress_reason"] == "a drill"
    assert shown[one]["suppressed_until"] > shown[other]["suppressed_until"]


@pytest.mark.parametrize("name", ["acknowledge", "resolve", "silence"])
def test_a_step_refuses_unknown_fields_an_unknown_alert_and_an_older_version(
    client: httpx.Client, raised: Raised, name: str
):
    (one,) = raised("/data")
    wrong = client.post(f"/api/alerts/{one}/{name}", json={"by": "maria"})
    assert (wrong.status_code, wrong.json()["error"]["field"]) == (422, "by")
    assert client.post(f"/api/alerts/{'0' * 32}/{name}").status_code == 404
    stale = client.post(f"/api/alerts/{one}/{name}", json={"expected_version": 99})
    assert stale.status_code == 409
    assert client.get("/api/alerts/active").json()["items"][0]["status"] == "open"


def test_active_lists_what_is_not_resolved_the_most_urgent_first(
    client: httpx.Client, raised: Raised
):
    raised("/data")
    client.post("/api/alerts", json={**ALERT, "severity": "critical"})
    gone = client.post("/api/alerts", json={**ALERT, "service_name": "mail"}).json()["id"]
    client.post(f"/api/alerts/{gone}/resolve")
    items = client.get("/api/alerts/active").json()["items"]
    assert [one["rank"] for one in items] == [5, 3]
    only = client.get("/api/alerts/active", params={"severity": "critical", "limit": 1}).json()
    assert [one["title"] for one in only["items"]] == [ALERT["title"]]
    assert client.get("/api/alerts/active", params={"severtiy": "low"}).status_code == 422


def test_statistics_take_the_other_name_of_their_period(client: httpx.Client):
    for place in PLACES:
        answer = client.get(f"{place}/statistics", params={"time_range_hours": 6})
        assert answer.json()["hours"] == 6


def test_health_among_the_alerts_needs_the_token(client: httpx.Client, stranger: httpx.Client):
    assert set(client.get("/api/v1/alerts/health").json()["components"]) == {
        "database", "schema", "relay", "prefect",
    }  # fmt: skip
    assert stranger.get("/api/v1/alerts/health").status_code == 401
    assert stranger.get("/suite-info").json()["health"] == "/health"


def test_other_machines_read_without_a_key_what_sentinel_is(outsider: httpx.Client):
    answer = outsider.get("/suite-info")
    assert answer.status_code == 200
    said = answer.json()
    assert (said["name"], said["ready"], said["metrics"]) == ("sentinel", "/ready", "/metrics")
    assert "incident_management" in said["capabilities"]
    assert set(said) == {
        "name", "version", "description", "capabilities", "documentation", "health", "ready",
        "metrics", "dashboard",
    }  # fmt: skip
    assert outsider.get("/health").status_code == 401


def test_the_dashboards_old_address_leads_to_the_dashboard(client: httpx.Client):
    answer = client.get("/admin/alerts/dashboard")
    assert answer.headers["location"].startswith("http://127.0.0.1:8501")
