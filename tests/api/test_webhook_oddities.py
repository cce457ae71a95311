"""Odd alerts of other systems: each is kept as far as it can be, and costs no other alert."""

from __future__ import annotations

import copy
from typing import Any

import httpx
import pytest

from tests.api.senders import ALERTMANAGER, BASE, GRAFANA, OLDER, sent, shown
from tests.databases import both_databases

LABELS = {"alertname": "Odd", "instance": "db1"}


def beside_a_good_one(**odd: Any) -> dict[str, Any]:
    """A message of Alertmanager whose second alert is odd."""
    body = copy.deepcopy(ALERTMANAGER)
    body["alerts"] = [body["alerts"][0], {"status": "firing", "labels": LABELS, **odd}]
    return body


def details_of(client: httpx.Client, title: str) -> dict[str, Any]:
    items = client.get(f"{BASE}/alerts").json()["items"]
    (found,) = [one["id"] for one in items if one["title"] == title]
    return client.get(f"{BASE}/alerts/{found}").json()


def noted(answer: dict[str, Any]) -> list[tuple[int, str]]:
    return [(one["index"], one["field"]) for one in answer["notes"]]


@pytest.mark.parametrize(
    "odd",
    [
        {"annotations": None},
        {"annotations": {"description": None}},
        {"startsAt": None, "endsAt": None},
        {"startsAt": "", "endsAt": "0001-01-01T00:00:00Z"},
        {"generatorURL": None, "fingerprint": None, "status": None},
        {"values": None},
        {"values": {"B": "NaN"}},
        {"values": {"B": None}},
    ],
    ids=str,
)
def test_null_is_absent(client: httpx.Client, odd: dict[str, Any]):
    answer = sent(client, "grafana", beside_a_good_one(**odd))
    assert (answer["alerts"], answer["changed"], answer["notes"]) == (2, 2, [])
    assert ("Odd", "medium", "open") in shown(client)


@both_databases
def test_a_number_is_its_text(client: httpx.Client):
    labels = {**LABELS, "port": 8080, "ratio": 1.5, "tls": True, "zone": None}
    sent(client, "prometheus", beside_a_good_one(labels=labels, annotations={"summary": 7}))
    kept = details_of(client, "7")["labels"]
    assert kept == {**LABELS, "port": "8080", "ratio": "1.5", "tls": "true"}


@both_databases
def test_labels_beyond_those_that_identify_are_cut_and_alerts_that_differ_stay_two(
    client: httpx.Client,
):
    many = {f"label_{n:02}": "x" for n in range(80)}
    body = beside_a_good_one(labels={**many, **LABELS})
    body["alerts"].append({"labels": {**many, **LABELS, "label_79": "y"}})
    answer = sent(client, "prometheus", body)
    assert answer["changed"] == 3
    assert [(one["index"], one["field"]) for one in answer["notes"]] == [
        (1, "labels"),
        (2, "labels"),
    ]
    assert len({one["id"] for one in client.get(f"{BASE}/alerts").json()["items"]}) == 3
    assert sent(client, "prometheus", body)["changed"] == 0  # the same alerts again


def test_a_text_that_is_too_long_is_cut_with_a_note(client: httpx.Client):
    annotations = {"summary": "s", "description": "x" * 20_000, **{str(n): "a" for n in range(99)}}
    answer = sent(client, "prometheus", beside_a_good_one(annotations=annotations))
    assert {one["field"] for one in answer["notes"]} == {"annotations", "annotations.description"}
    assert any("20,000" in one for one in details_of(client, "s")["details"]["notes"])


@pytest.mark.parametrize(
    ("odd", "field"),
    [
        ({"annotations": ["a"]}, "annotations"),
        ({"startsAt": "yesterday"}, "startsAt"),
        ({"endsAt": {"a": 1}}, "endsAt"),
        ({"values": 5}, "values"),
    ],
)
def test_a_field_that_cannot_be_read_is_left_out_with_a_note(
    client: httpx.Client, odd: dict[str, Any], field: str
):
    answer = sent(client, "grafana", beside_a_good_one(**odd))
    assert noted(answer) == [(1, field)]
    assert answer["changed"] == 2


@pytest.mark.parametrize("odd", [5, None, "text", [], {}, {"labels": {}}, {"labels": [1]}], ids=str)
@both_databases
def test_what_is_no_alert_is_named_and_the_others_are_taken(client: httpx.Client, odd: Any):
    body = copy.deepcopy(ALERTMANAGER)
    body["alerts"].insert(1, odd)
    answer = client.post(f"{BASE}/webhooks/prometheus", json=body)
    assert answer.status_code == 422
    error = answer.json()["error"]
    assert [one["index"] for one in error["errors"]] == [1]
    assert "the other 2 are stored" in error["message"]
    assert len(shown(client)) == 2


DEEP = "[" * 300 + "]" * 300
BIG = "99999999999999999999"


@pytest.mark.parametrize(
    "odd",
    [
        f'"labels": {{"alertname": "Odd", "tree": {DEEP}}}',
        f'"labels": {{"alertname": "Odd", "n": {BIG}, "ratio": NaN}}',
        f'"labels": {{"alertname": "Odd", "n": [{BIG}], "ratio": NaN}}',
        f'"labels": {{"alertname": "Odd"}}, "values": {{"B": NaN, "C": {BIG}}}',
        f'"labels": {{"alertname": "Odd"}}, "values": {{"B": {DEEP}}}',
        f'"labels": {{"alertname": "Odd"}}, "values": {{"B": {DEEP[50:-50]}}}',
        '"labels": {"alertname": "Odd"}, "values": {"\\ud800": 1, "B": NaN}',
        '"labels": {"alertname": "Odd", "\\ud800": ["\\ud800"]}, "values": {"B": NaN}',
        f'"labels": {{"alertname": "Odd"}}, "annotations": {{"a": {DEEP}, "b": {BIG}}}',
        f'"labels": {{"alertname": "Odd", "b": NaN}}, "startsAt": {BIG}, "endsAt": {DEEP}',
        f'"labels": {{"alertname": "Odd", "b": NaN}}, "generatorURL": {DEEP}, "status": ""',
    ],
    ids=range(11),
)
@both_databases
def test_what_json_holds_and_few_writers_take_costs_no_alert(client: httpx.Client, odd: str):
    good = '{"status": "firing", "labels": {"alertname": "Good"}}'
    body = f'{{"status": "firing", "alerts": [{good}, {{{odd}}}]}}'
    answer = client.post(f"{BASE}/webhooks/grafana", content=body.encode())
    assert answer.status_code == 200, answer.text
    assert (answer.json()["changed"], answer.json()["note"]) == (2, "")
    assert {title for title, _, _ in shown(client)} == {"Good", "Odd"}
    assert details_of(client, "Odd")["labels"]["alertname"] == "Odd"


def test_matches_that_cannot_be_written_cost_no_older_alert(client: httpx.Client):
    matches = f'[{{"metric": "Count", "value": 1, "tags": {{"tree": {DEEP}}}}}]'
    body = f'{{"ruleName": "Odd", "title": "Odd", "state": "alerting", "evalMatches": {matches}}}'
    answer = client.post(f"{BASE}/webhooks/grafana", content=body.encode())
    assert answer.status_code == 200, answer.text
    assert (answer.json()["changed"], answer.json()["note"]) == (1, "")


def test_a_number_of_alerts_left_out_that_nobody_has_is_capped(client: httpx.Client):
    answer = sent(client, "prometheus", {**ALERTMANAGER, "truncatedAlerts": 1e300})
    assert (answer["truncated"], answer["changed"]) == (10**9, 3)


def test_a_message_without_alerts_is_none(client: httpx.Client):
    assert sent(client, "prometheus", {**ALERTMANAGER, "alerts": None})["alerts"] == 0
    assert sent(client, "prometheus", {**ALERTMANAGER, "alerts": []})["alerts"] == 0


def test_nulls_in_grafanas_older_webhook_are_absent(client: httpx.Client):
    matches = [*OLDER["evalMatches"], {"metric": "Count", "value": None, "tags": None}]
    nulls = {"message": None, "imageUrl": None, "tags": {"severity": "high", "n": 5, "z": None}}
    answer = sent(client, "grafana", {**OLDER, **nulls, "evalMatches": matches})
    assert (answer["changed"], answer["samples"]) == (1, 1)
    assert shown(client) == [("[Alerting] Panel Title alert", "high", "open")]


def test_an_odd_number_costs_no_other_number(client: httpx.Client):
    good = {"metric": "load", "value": "0.5", "tags": {"cpu": 3}}
    answer = client.post(f"{BASE}/webhooks/grafana", json=[good, {"metric": "load"}, 7])
    assert answer.status_code == 422
    assert [one["index"] for one in answer.json()["error"]["errors"]] == [1, 2]
    found = client.get(f"{BASE}/metrics/samples", params={"name": "load"}).json()["series"]
    assert [(one["labels"], one["values"]) for one in found] == [({"cpu": "3"}, [0.5])]


def test_the_value_shown_is_the_measured_one_and_not_that_of_a_condition(client: httpx.Client):
    body = copy.deepcopy(GRAFANA)
    body["alerts"][0]["values"] = {"Threshold": 1, "cpu": 93.1}
    sent(client, "grafana", body)
    assert client.get(f"{BASE}/alerts").json()["items"][0]["value"] == 93.1
