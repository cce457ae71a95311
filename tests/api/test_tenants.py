"""Whatever comes in for one tenant is seen by that tenant alone, through every door."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from sentinel import Rule
from sentinel.alerts.run_source import RunSource
from sentinel.checks.context import Context
from sentinel.clock import FakeClock
from sentinel.errors import ConfigurationError
from sentinel.store import Store
from sentinel.store.events.matching import PackMatcher
from sentinel.tenant import checked_tenant
from tests.api.test_webhooks import ALERTMANAGER, GRAFANA
from tests.databases import both_databases
from triggers.metric_threshold import metric_threshold

BASE = "/api/v1/alerts"
POLICY: dict[str, Any] = {
    "name": "logins",
    "rules": [{"field": "action", "operator": "eq", "value": "login"}],
    "by": "user",
    "throttle_minutes": 60,
}


def alerts(client: httpx.Client, tenant: str) -> list[dict[str, str]]:
    answer = client.get(f"{BASE}/alerts", params={"tenant": tenant})
    assert answer.status_code == 200, answer.text
    return [one["labels"] for one in answer.json()["items"]]


def rules(client: httpx.Client, tenant: str) -> set[str]:
    answer = client.get(f"{BASE}/rules", params={"tenant": tenant})
    assert answer.status_code == 200, answer.text
    return {one["name"] for one in answer.json()["items"]}


def rolled_out(store: Store, tenant: str) -> None:
    """The same pack for this tenant."""
    rule = Rule(name="audit", tenant=tenant)
    store.event_port(rule, RunSource(deployment_id=f"d-{tenant}")).match([POLICY], alone=False)


@both_databases
def test_events_ids_policies_throttles_and_alerts_are_of_one_tenant(
    client: httpx.Client, store: Store
):
    for tenant in ("red", "blue"):
        rolled_out(store, tenant)
    event = {"id": "e-1", "action": "login", "user": "eve"}
    for tenant in ("red", "red", "blue"):
        answer = client.post(f"{BASE}/process-event", params={"tenant_id": tenant}, json=event)
        assert answer.status_code == 200, answer.text
    client.post("/api/v1/events", params={"tenant": "red"}, json=[{**event, "id": 2, "user": "x"}])
    for tenant in ("red", "blue"):
        PackMatcher(store).step(tenant, "audit")
    # The id counted once for each of them, and one's throttle hid nothing of the other's.
    assert (store.events.count("red"), store.events.count("blue")) == (2, 1)
    assert sorted(one["user"] for one in alerts(client, "red")) == ["eve", "x"]
    assert [one["user"] for one in alerts(client, "blue")] == ["eve"]
    assert rules(client, "red") == {"audit", "logins"}
    assert alerts(client, "green") == []
    assert rules(client, "green") == set()


def test_a_policy_never_reads_the_events_of_another_tenant(client: httpx.Client, store: Store):
    rolled_out(store, "red")
    client.post(
        f"{BASE}/process-event", params={"tenant_id": "blue"}, json={"action": "login", "user": "b"}
    )
    assert PackMatcher(store).step("red", "audit").events == 0
    assert alerts(client, "red") == alerts(client, "blue") == []


@both_databases
def test_samples_are_read_by_checks_of_their_tenant_alone(
    client: httpx.Client, store: Store, clock: FakeClock
):
    for tenant, value in (("red", 99), ("blue", 1)):
        sample = {"name": "load", "value": value, "labels": {"host": "a"}}
        client.post(f"{BASE}/metrics", params={"tenant": tenant}, json=sample)
    for tenant, seen in (("red", [99.0]), ("blue", [1.0]), ("green", [])):
        ctx = Context(clock=clock, metrics=store.metrics.reader(tenant))
        found = metric_threshold.check(ctx=ctx, metric="load")
        values = [] if found.table is None else [float(one) for one in found.table.values]
        assert values == seen


@both_databases
def test_other_systems_alerts_and_their_rules_are_of_the_tenant_they_were_sent_for(
    client: httpx.Client,
):
    for sender, body, tenant in (("prometheus", ALERTMANAGER, "red"), ("grafana", GRAFANA, "blue")):
        answer = client.post(f"{BASE}/webhooks/{sender}", params={"tenant": tenant}, json=body)
        assert answer.status_code == 200, answer.text
    assert {one["alertname"] for one in alerts(client, "red")} == {"ProbeFailure"}
    assert {one["alertname"] for one in alerts(client, "blue")} == {"High memory usage"}
    assert (rules(client, "red"), rules(client, "blue")) == ({"prometheus"}, {"grafana"})


def test_a_heartbeat_counts_for_its_tenant_alone(client: httpx.Client):
    client.post(f"{BASE}/heartbeats/nightly", params={"tenant": "red"})
    heard = {
        tenant: client.get(f"{BASE}/heartbeats/nightly", params={"tenant": tenant}).json()
        for tenant in ("red", "blue")
    }
    assert heard["red"] != heard["blue"]
    pings = {tenant: one["ping"].partition("?")[0] for tenant, one in heard.items()}
    assert pings["red"] != pings["blue"]
    # The address that pings for one is of no use for the other.
    stranger = client.get(pings["red"], params={"tenant": "blue"}, headers={"Authorization": ""})
    assert stranger.status_code == 401


@pytest.mark.parametrize("name", ["acme-", "-acme", "acme.", "Acme", "a b", "x" * 101, "acme\n"])
def test_a_name_that_no_rule_may_have_is_refused_at_every_door(client: httpx.Client, name: str):
    with pytest.raises(ValidationError):
        Rule.model_validate({"name": "disk", "tenant": name})
    with pytest.raises(ConfigurationError):
        checked_tenant(name)
    alerts = "/api/v1/alerts"
    message = {"alerts": [{"status": "firing", "labels": {"alertname": "Down"}}]}
    sample = {"name": "depth", "value": 1}
    for method, path, body in (
        ("GET", f"{alerts}/alerts", None),
        ("GET", f"{alerts}/rules", None),
        ("GET", f"{alerts}/metrics", None),
        ("GET", f"{alerts}/metrics/samples", None),
        ("POST", f"{alerts}/metrics", sample),
        ("GET", f"{alerts}/heartbeats/backup", None),
        ("POST", f"{alerts}/heartbeats/backup", None),
        ("POST", "/api/v1/events", [{"a": 1}]),
        ("POST", f"{alerts}/webhooks/prometheus", message),
        ("POST", f"{alerts}/webhooks/grafana", message),
    ):
        answer = client.request(method, path, params={"tenant": name, "name": "a"}, json=body)
        assert answer.status_code == 422, path
    answer = client.post(f"{alerts}/process-event", params={"tenant_id": name}, json={"a": 1})
    assert answer.status_code == 422


@pytest.mark.parametrize("name", ["a", "acme-corp", "0", "a.b_c-d", "x" * 100])
def test_a_name_that_a_rule_may_have_is_taken_at_every_door(client: httpx.Client, name: str):
    assert Rule.model_validate({"name": "disk", "tenant": name}).tenant == checked_tenant(name)
    for path in ("alerts", "rules", "metrics", "heartbeats/backup"):
        assert client.get(f"/api/v1/alerts/{path}", params={"tenant": name}).status_code == 200
