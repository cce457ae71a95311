"""Alerts that a sender left out of its message are said, and datasource errors name their rule."""

from __future__ import annotations

import copy
from typing import Any

import httpx
import pytest

from sentinel.store import Store
from tests.api.senders import ALERTMANAGER, BASE, GRAFANA, sent, shown, with_status
from tests.databases import both_databases


@both_databases
def test_one_alert_of_the_same_group_says_how_many_are_missing(client: httpx.Client, store: Store):
    answer = sent(client, "prometheus", {**ALERTMANAGER, "truncatedAlerts": 1998})
    assert (answer["alerts"], answer["truncated"], answer["changed"]) == (2, 1998, 3)
    missing = "1,998 more alerts that are not in the message: ProbeFailure"
    assert (missing, "critical", "open") in shown(client)
    with store.read() as connection:
        groups = connection.exec_driver_sql("SELECT firing FROM alert_group").all()
    assert [row[0] for row in groups] == [3]
    fewer = sent(client, "prometheus", {**ALERTMANAGER, "truncatedAlerts": 3})
    assert fewer["changed"] == 0
    assert ("3 more alerts that are not in the message: ProbeFailure", "critical", "open") in shown(
        client
    )
    assert sent(client, "prometheus", ALERTMANAGER)["changed"] == 1
    assert [status for title, _, status in shown(client) if "more alerts" in title] == ["resolved"]


def test_a_message_that_is_whole_adds_nothing(client: httpx.Client, store: Store):
    answer = sent(client, "prometheus", ALERTMANAGER)
    assert (answer["alerts"], answer["truncated"]) == (2, 0)
    assert len(shown(client)) == 2
    assert store.rules.get("prometheus").seen == 2


def test_the_end_of_the_group_ends_it(client: httpx.Client):
    one: dict[str, Any] = {**ALERTMANAGER, "alerts": ALERTMANAGER["alerts"][:1]}
    sent(client, "prometheus", {**one, "truncatedAlerts": 5})
    sent(client, "prometheus", with_status(one, "resolved"))
    assert {status for _, _, status in shown(client)} == {"resolved"}


@pytest.mark.parametrize("fired_before", [True, False])
def test_a_truncated_message_that_is_resolved_says_nothing_more_fires(
    client: httpx.Client, fired_before: bool
):
    first = ALERTMANAGER["alerts"][:1]
    one: dict[str, Any] = {**ALERTMANAGER, "alerts": first, "truncatedAlerts": 5}
    if fired_before:
        sent(client, "prometheus", one)
        assert [status for _, _, status in shown(client)] == ["open", "open"]
    assert sent(client, "prometheus", with_status(one, "resolved"))["truncated"] == 5
    assert "open" not in {status for _, _, status in shown(client)}


def test_a_datasource_error_names_its_rule_and_says_what_failed(client: httpx.Client):
    body = copy.deepcopy(GRAFANA)
    alert = body["alerts"][0]
    alert["labels"] = {
        "alertname": "DatasourceError", "rulename": "High CPU", "datasource_uid": "PBFA97",
        "ref_id": "A", "grafana_folder": "prod",
    }  # fmt: skip
    alert["annotations"] = {
        "summary": "CPU is high",
        "Error": "failed to query: connection refused",
    }
    alert["values"] = None
    sent(client, "grafana", body)
    (item,) = client.get(f"{BASE}/alerts").json()["items"]
    assert item["title"] == "DatasourceError: High CPU"
    detail = client.get(f"{BASE}/alerts/{item['id']}").json()
    assert detail["description"] == "failed to query: connection refused"
