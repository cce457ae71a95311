"""Small things that senders write: older bodies and paths, NaN, odd spelling, other methods."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from sentinel import Reading
from sentinel.clock import FakeClock
from sentinel.store import Store
from tests.api.senders import ALERTMANAGER, BASE, sent, shown
from tests.world import World

NUMBER = {"metric": "cpu", "value": 93.5, "tags": {"host": "a"}}


@pytest.mark.parametrize("body", [{"alerts": [NUMBER]}, NUMBER, [NUMBER]], ids=["alerts", "", "[]"])
def test_metric_value_and_tags_are_a_sample_however_they_are_wrapped(
    client: httpx.Client, body: Any
):
    answer = sent(client, "grafana", body)
    assert (answer["alerts"], answer["samples"]) == (0, 1)
    found = client.get(f"{BASE}/metrics/samples", params={"name": "cpu"}).json()["series"]
    assert [(one["labels"], one["values"]) for one in found] == [({"host": "a"}, [93.5])]
    assert shown(client) == []


@pytest.mark.parametrize("path", [f"{BASE}/webhook", "/webhook"])
def test_the_paths_of_older_senders_are_taken(
    client: httpx.Client, stranger: httpx.Client, path: str
):
    assert client.post(f"{path}/grafana", json=NUMBER).json()["samples"] == 1
    assert client.post(f"{path}/prometheus", json=ALERTMANAGER).json()["changed"] == 2
    assert stranger.post(f"{path}/grafana", json=NUMBER).status_code == 401


def test_a_severity_is_kept_without_its_odd_spelling(
    client: httpx.Client, store: Store, clock: FakeClock
):
    labels = {"alertname": "Odd", "severity": "CRITICAL "}
    sent(client, "prometheus", {"alerts": [{"labels": labels}]})
    world = World(store, clock)
    evaluation = world.evaluation({})
    evaluation.observation.readings.append(Reading(firing=True, severity=" Warning"))
    store.apply(evaluation)
    severities = {one["severity"] for one in client.get(f"{BASE}/alerts").json()["items"]}
    assert severities == {"critical", "warning"}


@pytest.mark.parametrize(
    ("path", "near"),
    [
        (f"{BASE}/statistics?hour=1", "hours"),
        (f"{BASE}/alerts?stauts=open", "status"),
        (f"{BASE}/rules?x=1", ""),
        (f"{BASE}/metrics?tenants=a", "tenant"),
        ("/health?verbose=1", ""),
    ],
)
def test_an_unknown_query_parameter_is_an_error(client: httpx.Client, path: str, near: str):
    answer = client.get(path)
    assert answer.status_code == 422
    error = answer.json()["error"]
    name = path.split("?")[1].split("=")[0]
    assert error["field"] == name
    assert "unknown query parameter" in error["message"]
    assert (f"did you mean {near}?" in error["message"]) is bool(near)


def test_an_unknown_query_parameter_is_an_error_on_every_path(client: httpx.Client):
    paths: dict[str, dict[str, Any]] = client.get("/openapi.json").json()["paths"]
    for path, methods in paths.items():
        for method in methods:
            url = path.replace("{", "").replace("}", "")
            answer = client.request(method.upper(), url, params={"no_such_name": "1"})
            if method == "head":
                assert answer.status_code == 422, (method, path)
                continue
            error = answer.json()["error"]
            assert (answer.status_code, error["field"]) == (422, "no_such_name"), (method, path)


def test_a_known_name_is_not_refused_and_neither_are_strangers_told_of_it(
    client: httpx.Client, stranger: httpx.Client
):
    assert client.get(f"{BASE}/statistics?hours=1").status_code == 200
    assert client.get(f"{BASE}/alerts?status=open&status=acknowledged").status_code == 200
    assert stranger.get(f"{BASE}/statistics?no_such_name=1").status_code == 401


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
def test_a_job_may_ping_by_the_method_that_its_scheduler_has(client: httpx.Client, method: str):
    url = client.get(f"{BASE}/heartbeats/backup").json()["ping"]
    assert client.request(method, url).status_code == 200
    assert client.get(f"{BASE}/heartbeats/backup").json()["status"] == "ok"
    assert client.request(method, url + "x").status_code == 401


def errors(answer: httpx.Response) -> list[int]:
    assert answer.status_code == 422, answer.text
    return [one["index"] for one in answer.json()["error"]["errors"]]


def test_a_nan_costs_only_its_own_item(client: httpx.Client):
    batch = '[{"name": "n", "value": 1}, {"name": "n", "value": NaN}, {"name": "n", "value": 2}]'
    assert errors(client.post(f"{BASE}/metrics", content=batch)) == [1]
    found = client.get(f"{BASE}/metrics/samples", params={"name": "n"}).json()["series"]
    assert sum(len(one["values"]) for one in found) >= 1

    events = '{"events": [{"id": "a"}, {"id": "b", "v": -Infinity}, {"id": "c"}]}'
    answer = client.post("/api/v1/events", content=events)
    assert errors(answer) == [1]
    assert "the other 2 are stored" in answer.json()["error"]["message"]
    odd = '[{"name": "n", "value": 1}, {"name": "n", "value": 2, "timestamp": Infinity}]'
    error = client.post(f"{BASE}/metrics", content=odd).json()["error"]
    assert error["errors"][0]["field"] == "timestamp"
    assert "the other one is stored" in error["message"]

    numbers = '[{"metric": "m", "value": NaN}, {"metric": "m", "value": 3}]'
    assert errors(client.post(f"{BASE}/webhooks/grafana", content=numbers)) == [0]

    alerts = '{"alerts": [{"labels": {"alertname": "A"}, "values": {"B": NaN, "C": 5}}]}'
    answer = client.post(f"{BASE}/webhooks/grafana", content=alerts)
    assert answer.json()["changed"] == 1
    assert client.get(f"{BASE}/alerts").json()["items"][0]["value"] == 5


def test_brackets_without_end_beside_a_nan_are_no_json(client: httpx.Client):
    body = "[" * 50_000 + "NaN"
    for path in (f"{BASE}/metrics", "/api/v1/events", f"{BASE}/webhooks/grafana"):
        assert client.post(path, content=body).status_code == 400
