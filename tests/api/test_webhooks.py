"""Webhooks of Alertmanager and Grafana, from the request to the alert, on both databases."""

from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from sentinel.clock import FakeClock
from sentinel.store import Store
from tests.api.senders import ALERTMANAGER, BASE, GRAFANA, OLDER, sent, shown, with_status
from tests.databases import both_databases


@both_databases
def test_alerts_of_an_alertmanager_open_stay_and_resolve(client: httpx.Client, clock: FakeClock):
    first = sent(client, "prometheus", ALERTMANAGER)
    assert first == {
        "alerts": 2,
        "changed": 2,
        "late": 0,
        "samples": 0,
        "truncated": 0,
        "note": "",
        "notes": [],
    }
    assert shown(client) == [
        ("Probe failed: one", "critical", "open"),
        ("Probe failed: two", "critical", "open"),
    ]
    clock.forward(hours=4)
    assert sent(client, "prometheus", ALERTMANAGER)["changed"] == 0  # its repeat
    clock.forward(minutes=1)
    assert sent(client, "prometheus", with_status(ALERTMANAGER, "resolved"))["changed"] == 1
    statuses = [one["status"] for one in client.get(f"{BASE}/alerts").json()["items"]]
    assert sorted(statuses) == ["open", "resolved"]


def test_an_alert_keeps_who_it_is_and_where_it_came_from(client: httpx.Client):
    sent(client, "prometheus", ALERTMANAGER)
    item = client.get(f"{BASE}/alerts").json()["items"][0]
    detail = client.get(f"{BASE}/alerts/{item['id']}").json()
    assert detail["rule"] == "prometheus"
    assert detail["labels"]["job"] == "http_checks"
    assert detail["details"]["generator_url"].startswith("http://prometheus.example.org")
    assert detail["details"]["annotations"]["description"] == "Down for 5m."


@both_databases
def test_messages_that_come_at_once_are_all_taken(client: httpx.Client, url: str):
    def one(number: int) -> dict[str, Any]:
        body = copy.deepcopy(ALERTMANAGER)
        body["alerts"] = body["alerts"][:1]
        body["alerts"][0]["labels"]["instance"] = f"host-{number}"
        return sent(client, "prometheus", body)

    with ThreadPoolExecutor(4) as pool:
        assert [done["changed"] for done in pool.map(one, range(12))] == [1] * 12
    assert len(shown(client)) == 12


def test_a_word_of_severity_that_is_not_ours_leaves_the_rules_own(client: httpx.Client):
    body = copy.deepcopy(ALERTMANAGER)
    body["alerts"][0]["labels"]["severity"] = "page"
    sent(client, "prometheus", body)
    assert {severity for _, severity, _ in shown(client)} == {"critical", "medium"}


@both_databases
def test_a_label_that_is_too_long_still_makes_an_alert_of_its_own(client: httpx.Client):
    body = copy.deepcopy(ALERTMANAGER)
    for number, alert in enumerate(body["alerts"]):
        alert["labels"]["instance"] = "x" * 500 + str(number)
    assert sent(client, "prometheus", body)["changed"] == 2


def test_a_disabled_sender_is_reported(client: httpx.Client, store: Store):
    sent(client, "prometheus", ALERTMANAGER)
    store.rules.disable("prometheus", actor="maria")
    answer = client.post(f"{BASE}/webhooks/prometheus", json=ALERTMANAGER)
    # Alertmanager tries again at 5xx; at 200 it would believe that it delivered them.
    assert answer.status_code == 503
    assert "sentinel rule enable prometheus" in answer.json()["error"]["hint"]
    store.rules.enable("prometheus", actor="maria")
    assert sent(client, "prometheus", ALERTMANAGER)["changed"] == 2


def test_grafanas_alerts_open_with_their_value_and_resolve(client: httpx.Client, clock: FakeClock):
    assert sent(client, "grafana", GRAFANA)["changed"] == 1
    item = client.get(f"{BASE}/alerts").json()["items"][0]
    assert item["title"] == "This alert was triggered for zone us-1"
    assert item["value"] == pytest.approx(44.239, abs=0.001)
    assert item["labels"]["team"] == "blue"
    clock.forward(minutes=5)
    sent(client, "grafana", with_status(GRAFANA, "resolved"))
    assert [status for _, _, status in shown(client)] == ["resolved"]


@both_databases
def test_grafanas_older_webhook_is_an_alert_and_its_numbers_are_samples(
    client: httpx.Client, clock: FakeClock
):
    done = sent(client, "grafana", OLDER)
    assert (done["changed"], done["samples"]) == (1, 1)
    assert shown(client) == [("[Alerting] Panel Title alert", "medium", "open")]
    answer = client.get(f"{BASE}/metrics/samples", params={"name": "Count"}).json()
    assert answer["series"][0]["labels"] == {"host": "a"}
    assert answer["series"][0]["values"] == [1]
    clock.forward(minutes=5)
    # A panel without data says nothing about the alert; one that is well does.
    nothing = {**OLDER, "state": "no_data", "evalMatches": None}
    assert sent(client, "grafana", nothing)["changed"] == 0
    assert [status for _, _, status in shown(client)] == ["open"]
    sent(client, "grafana", {**OLDER, "state": "ok", "evalMatches": []})
    assert [status for _, _, status in shown(client)] == ["resolved"]


def test_metric_value_and_tags_are_samples(client: httpx.Client):
    one = {"metric": "temperature", "value": 21.5, "tags": {"room": "north"}}
    assert sent(client, "grafana", one)["samples"] == 1
    assert sent(client, "grafana", [one, {**one, "tags": None}])["samples"] == 2
    answer = client.get(f"{BASE}/metrics/samples", params={"name": "temperature"}).json()
    assert sorted(len(series["labels"]) for series in answer["series"]) == [0, 1]


@pytest.mark.parametrize(
    ("sender", "body", "field"),
    [
        ("prometheus", {}, "body"),
        ("prometheus", [], "body"),
        ("prometheus", {"alerts": {}}, "alerts"),
        ("prometheus", {"alerts": [{"labels": None}]}, "0.labels"),
        ("prometheus", {"alerts": [{"labels": {"a": "b"}, "status": "odd"}]}, "0.status"),
        ("grafana", {}, "body"),
        ("grafana", {"metric": "a", "value": "x"}, "value"),
        ("grafana", {"metric": "a"}, "0.value"),
        ("grafana", [{"metric": "", "value": 1}], "0.name"),
    ],
)
def test_what_is_no_such_message_is_explained(
    client: httpx.Client, sender: str, body: Any, field: str
):
    answer = client.post(f"{BASE}/webhooks/{sender}", json=body)
    assert answer.status_code == 422
    assert answer.json()["error"]["field"] == field


def test_strangers_are_kept_out(stranger: httpx.Client):
    for sender in ("prometheus", "grafana"):
        assert stranger.post(f"{BASE}/webhooks/{sender}", json=ALERTMANAGER).status_code == 401
