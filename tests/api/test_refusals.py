"""Requests that are refused leave a security event, and a flood of them a few."""

from __future__ import annotations

from collections.abc import Callable, Generator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from sentinel.access import Role
from sentinel.access.security_events import SECURITY_TENANT
from sentinel.clock import FakeClock
from sentinel.store import Store
from sentinel.store.access.keys import Keys
from sentinel.store.access.people import People
from sentinel.store.access.security_log import SecurityLog

PASSWORD = "seven green bicycles"
RULES = "/api/v1/alerts/rules"
Recorded = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def recorded(app: FastAPI, store: Store) -> Generator[Recorded]:
    """Gives the security events since it was asked last, as they are stored."""
    later: list[Callable[[], None]] = []
    security = SecurityLog(store, after=lambda _, do: later.append(do))
    app.state.security = security
    app.state.people.record_in(security)
    seen = 0

    def since() -> list[dict[str, Any]]:
        nonlocal seen
        security.store()
        blocks = store.events.newest(1000, SECURITY_TENANT)
        events = [event for block in blocks for event in block.events]
        new, seen = events[seen:], len(events)
        return new

    yield since
    app.state.security = None


def bearer(text: str, **more: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}", **more}


def test_a_refused_request_of_a_key_names_the_key_the_route_and_the_address(
    client: httpx.Client, store: Store, recorded: Recorded
):
    made = Keys(store).create("grafana", Role.VIEWER, actor="ada", tenants=["acme"])
    head = bearer(made.secret.text, **{"X-Forwarded-For": "192.0.2.7"})
    for _ in range(3):
        assert client.post(f"{RULES}", json={}, headers=head).status_code == 403
    (event,) = recorded()
    assert (event["action"], event["reason"], event["door"]) == (
        "access.refused", "forbidden", "api",
    )  # fmt: skip
    assert (event["who"], event["who_kind"]) == ("grafana", "key")
    assert (event["what"], event["address"], event["count"]) == (f"POST {RULES}", "192.0.2.7", 3)
    client.delete(f"{RULES}/disk-full", headers=head)
    assert [one["what"] for one in recorded()] == [f"DELETE {RULES}/{{name}}"]
    # A route that the key may call, about a tenant that it does not reach.
    answer = client.post(
        "/api/v1/alerts/process-event?tenant_id=default", json={"a": 1}, headers=head
    )
    assert answer.status_code == 403
    assert [one["who"] for one in recorded()] == ["grafana"]


def test_whom_a_key_says_it_acts_for_makes_its_refusals_no_others(
    client: httpx.Client, store: Store, recorded: Recorded
):
    made = Keys(store).create("grafana", Role.VIEWER, actor="ada")
    for number in range(3):
        head = bearer(made.secret.text, **{"X-Sentinel-User": f"maria via {number}"})
        assert client.post(RULES, json={}, headers=head).status_code == 403
    (event,) = recorded()
    assert (event["who"], event["subject"], event["count"]) == ("grafana", "grafana", 3)
    assert "maria" not in str(event)
    # The token of the instance names nobody at all.
    for name in ("maria", "lena"):
        client.post(
            f"/api/v1/events?tenant={SECURITY_TENANT}", json=[{"a": 1}],
            headers={"X-Sentinel-User": name},
        )  # fmt: skip
    (event,) = recorded()
    assert (event["who"], event["who_kind"], event["count"]) == (
        "the token of the instance", "token", 2,
    )  # fmt: skip


def test_a_wrong_key_is_recorded_without_what_was_sent(
    client: httpx.Client, store: Store, clock: FakeClock, recorded: Recorded
):
    made = Keys(store).create("old", Role.ADMIN, actor="ada", expires_in=timedelta(hours=1))
    clock.forward(hours=2)
    for text in ("no-key-at-all", "snt_aaaaaaaa_" + "b" * 43, made.secret.text):
        assert client.get(RULES, headers=bearer(text)).status_code == 401
    events = recorded()
    assert [(one.get("who"), one["subject"], one["count"]) for one in events] == [
        (None, "a wrong key", 2), ("old", "old", 1),
    ]  # fmt: skip
    said = str(events)
    assert "no-key-at-all" not in said
    assert "bbbb" not in said
    assert made.secret.text[13:] not in said


def test_a_wrong_key_of_a_heartbeat_is_recorded_without_the_key(
    client: httpx.Client, recorded: Recorded
):
    ping = client.get("/api/v1/alerts/heartbeats/api").json()["ping"]
    folder = ping.rsplit("/", 2)[0]
    assert client.get(f"{folder}/api/none-of-its-keys").status_code == 401
    (event,) = recorded()
    assert (event["reason"], event["what"]) == ("wrong_key", f"GET {folder}/{{job}}/{{key}}")
    assert "none-of-its" not in str(event)


def test_who_sends_no_credentials_or_only_asks_for_what_there_is_not_is_not_recorded(
    client: httpx.Client, store: Store, recorded: Recorded
):
    assert client.get(RULES, headers={"Authorization": ""}).status_code == 401
    assert client.get("/api/v1/alerts/alerts/nothing").status_code in (404, 422)
    assert recorded() == []


def test_a_failed_login_is_recorded_once_and_a_login_from_another_site_as_refused(
    client: httpx.Client, store: Store, recorded: Recorded
):
    People(store).create("maria", Role.VIEWER, password=PASSWORD, actor="ada")
    body = {"name": "maria", "password": "wrong"}
    client.post("/api/v1/alerts/login", json=body)
    (event,) = recorded()
    assert (event["action"], event["who"], event["failures"]) == ("login.failed", "maria", 1)
    assert event["address_failures"] == 1
    foreign = {"Sec-Fetch-Site": "cross-site"}
    assert client.post("/api/v1/alerts/login", json=body, headers=foreign).status_code == 403
    assert [one["reason"] for one in recorded()] == ["other_site"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/v1/events", [{"action": "login.failed"}]),
        ("/api/v1/events", {"action": "login.failed"}),
        ("/api/v1/alerts/process-event", {"action": "login.failed"}),
    ],
)
@pytest.mark.parametrize("confined", [False, True])
def test_nobody_sends_events_that_pass_for_sentinels_own(
    client: httpx.Client, store: Store, recorded: Recorded, path: str, body: Any, confined: bool
):
    query, headers = "", {}
    if confined:  # a key that reaches nothing but that tenant need not name it
        key = Keys(store).create("audit", Role.ADMIN, actor="ada", tenants=[SECURITY_TENANT])
        headers = bearer(key.secret.text)
    else:
        query = f"?{'tenant_id' if 'process' in path else 'tenant'}={SECURITY_TENANT}"
    answer = client.post(path + query, json=body, headers=headers)
    assert answer.status_code == 403
    assert "only Sentinel itself" in answer.json()["error"]["message"]
    assert [one["reason"] for one in recorded()] == ["forbidden"]
