"""What a confined key gets from figures, defaults and searches."""

from __future__ import annotations

import inspect
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from sentinel.access import Grant, Principal, Role
from sentinel.api import (
    events,
    heartbeats,
    inbox,
    metrics,
    posted_alerts,
    rules,
    statistics,
    webhooks,
)
from sentinel.clock import FakeClock
from sentinel.engine.dispatcher import notify_due
from sentinel.store import Store
from sentinel.store.access.keys import Keys
from tests.api.test_webhooks import ALERTMANAGER
from tests.databases import both_databases
from tests.world import World

BASE = "/api/v1/alerts"


def key(store: Store, name: str, *tenants: str, **more: Any) -> dict[str, str]:
    made = Keys(store).create(name, Role.EDITOR, actor="ada", tenants=tenants or None, **more)
    return {"Authorization": f"Bearer {made.secret.text}"}


def raised(store: Store, clock: FakeClock, tenant: str, *mounts: str, **rule: Any) -> list[str]:
    given: dict[str, Any] = {"name": f"disk-{tenant}", "tenant": tenant, "group_wait": "0s", **rule}
    return World(store, clock).raises(*mounts, **given)


@both_databases
def test_figures_count_what_is_in_scope(client: httpx.Client, store: Store, clock: FakeClock):
    raised(store, clock, "red", "/a", "/b", team="db")
    raised(store, clock, "red", "/c", name="web-red", team="web")
    raised(store, clock, "blue", "/d", "/e", "/f")
    World(store, clock).tells()
    for headers, alerts, evaluations in (
        (key(store, "red", "red"), 3, 2),
        (key(store, "blue", "blue"), 3, 1),
        (key(store, "both", "red", "blue"), 6, 3),
        (key(store, "team", "red", teams=["db"]), 2, 1),
        (key(store, "green", "green"), 0, 0),
        ({}, 6, 3),
    ):
        found = client.get(f"{BASE}/statistics", headers=headers).json()
        assert found["total_active_alerts"] == alerts
        assert found["unacknowledged_alerts"] == alerts
        assert found["system_stats"]["alerts_generated"] == alerts
        assert found["system_stats"]["rule_evaluations"] == evaluations
        sent = found["system_stats"]["notifications_sent"]
        assert sent == {3: 2 if evaluations == 2 else 1, 6: 3, 2: 1, 0: 0}[alerts]


@both_databases
def test_a_search_finds_nothing_of_others(client: httpx.Client, store: Store, clock: FakeClock):
    raised(store, clock, "red", "/shared")
    raised(store, clock, "blue", "/shared")
    headers = key(store, "red", "red")
    for query in (
        {"q": "shared"}, {"q": "shared", "tenant": "blue"}, {"q": "tenant:blue"},
        {"q": "shared OR tenant:blue"}, {"q": "-tenant:red"}, {"q": "mount:/shared"},
        {"order": "live"}, {"status": "open"}, {"tenant": "blue"},
    ):  # fmt: skip
        items = client.get(f"{BASE}/alerts", params=query, headers=headers).json()["items"]
        assert {one["tenant"] for one in items} <= {"red"}, query
    assert len(
        client.get(f"{BASE}/alerts", params={"q": "shared"}, headers=headers).json()["items"]
    )


@both_databases
def test_messages_about_groups_of_several_teams_are_for_those_who_reach_all_of_them(
    client: httpx.Client, store: Store, clock: FakeClock
):
    raised(store, clock, "red", "/a", team="db")
    raised(store, clock, "red", "/b", name="web-red", team="web")
    notify_due(store, lambda _: store.inbox, by="test")
    inbox = client.get(f"{BASE}/inbox").json()
    assert len(inbox["items"]) == 2
    team = client.get(f"{BASE}/inbox", headers=key(store, "db", "red", teams=["db"])).json()
    assert [one["title"] for one in team["items"]] == [
        one["title"] for one in inbox["items"] if "/a" in one["title"]
    ]
    assert team["unread"] == len(team["items"]) == 1


def test_what_a_key_of_one_tenant_sends_belongs_to_that_tenant(client: httpx.Client, store: Store):
    headers = key(store, "red", "red")
    for path, body in (
        (f"{BASE}/webhooks/prometheus", ALERTMANAGER),
        (f"{BASE}/metrics", {"name": "depth", "value": 1}),
        (f"{BASE}/heartbeats/nightly", None),
        (f"{BASE}/process-event", {"a": 1}),
        ("/api/v1/events", [{"a": 1}]),
    ):
        assert client.post(path, json=body, headers=headers).status_code == 200, path
    created = client.post(BASE, json={"alert_name": "down"}, headers=headers)
    assert created.json()["tenant"] == "red"
    assert {"depth", "heartbeat"} <= set(store.metrics.names("red"))
    assert store.metrics.names("default") == []
    assert (store.events.count("red"), store.events.count()) == (2, 0)
    assert {row.tenant for row in store.rules.list()} == {"red"}


def test_a_key_of_several_tenants_must_name_one(client: httpx.Client, store: Store):
    body = {"name": "depth", "value": 1}
    answer = client.post(f"{BASE}/metrics", json=body, headers=key(store, "two", "red", "blue"))
    assert answer.status_code == 422
    assert answer.json()["error"]["hint"] == "Name one of: blue, red."
    headers = key(store, "three", "red", "default")
    assert client.post(f"{BASE}/metrics", json=body, headers=headers).status_code == 200
    assert store.metrics.names("default") == ["depth"]


def test_a_tenant_that_a_key_does_not_reach_is_refused_by_name(client: httpx.Client, store: Store):
    answer = client.get(
        f"{BASE}/metrics", params={"tenant": "blue"}, headers=key(store, "red", "red")
    )
    assert answer.status_code == 403
    assert "'blue'" in answer.json()["error"]["message"]
    assert answer.json()["error"]["hint"] == "This key reaches: red."


def test_a_viewer_gets_no_address_that_sends_heartbeats(client: httpx.Client, store: Store):
    made = Keys(store).create("viewer", Role.VIEWER, actor="ada")
    headers = {"Authorization": f"Bearer {made.secret.text}"}
    assert client.get(f"{BASE}/heartbeats/nightly", headers=headers).json()["ping"] is None
    assert client.get(f"{BASE}/heartbeats/nightly").json()["ping"]


def test_an_alert_that_may_only_be_read_says_so(
    app: FastAPI,
    client: httpx.Client,
    store: Store,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
):
    (alert,) = raised(store, clock, "blue", "/a")
    both = Principal(
        name="ada", kind="person", role=Role.RESPONDER, tenants=frozenset({"red"}),
        further=(Grant(Role.VIEWER),),
    )  # fmt: skip

    async def recognized(_: str) -> Principal:
        return both

    monkeypatch.setattr(app.state.keys, "principal", recognized)
    headers = {"Authorization": "Bearer other"}
    assert client.get(f"{BASE}/alerts/{alert}", headers=headers).status_code == 200
    path = f"{BASE}/alerts/{alert}/actions"
    answer = client.post(path, json={"action": "acknowledge"}, headers=headers)
    assert answer.status_code == 403
    assert "may read alerts of the tenant 'blue'" in answer.json()["error"]["message"]


def test_routes_that_confine_themselves_reach_the_store_through_their_scope_alone():
    for module in (
        posted_alerts, events, heartbeats, inbox, metrics, rules, statistics, webhooks
    ):  # fmt: skip
        routers = [value for value in vars(module).values() if hasattr(value, "routes")]
        assert any(isinstance(route, APIRoute) for one in routers for route in one.routes)
        assert "state.store" not in inspect.getsource(module), module.__name__
