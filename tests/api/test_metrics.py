"""Samples over HTTP, on both databases."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from sentinel.clock import FakeClock
from tests.databases import both_databases

METRICS = "/api/v1/alerts/metrics"


def sample(**more: Any) -> dict[str, Any]:
    return {"name": "cpu", "value": 42, "unit": "percent", "labels": {"host": "a"}, **more}


def read(client: httpx.Client, **query: Any) -> list[dict[str, Any]]:
    answer = client.get(f"{METRICS}/samples", params={"name": "cpu", **query})
    assert answer.status_code == 200, answer.text
    return answer.json()["series"]


@both_databases
def test_one_sample_is_kept_and_read_back(client: httpx.Client, clock: FakeClock):
    answer = client.post(METRICS, json=sample())
    assert (answer.status_code, answer.json()) == (200, {"accepted": 1})
    (series,) = read(client)
    assert (series["labels"], series["unit"], series["values"]) == ({"host": "a"}, "percent", [42])
    assert series["times"] == [clock.now().timestamp()]
    assert client.get(METRICS).json() == {"names": ["cpu"]}


@both_databases
def test_many_samples_with_moments_in_every_form(client: httpx.Client, clock: FakeClock):
    now = clock.now()
    forms: list[Any] = [
        (now - timedelta(seconds=50)).isoformat(),
        (now - timedelta(seconds=40)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        (now - timedelta(seconds=30)).replace(tzinfo=None).isoformat(),  # UTC, where none is named
        (now - timedelta(seconds=20)).timestamp(),
        int((now - timedelta(seconds=10)).timestamp() * 1000),
        None,
    ]
    body = [sample(value=n, timestamp=at) for n, at in enumerate(forms)]
    assert client.post(METRICS, json=body).json() == {"accepted": 6}
    assert client.post(METRICS, json=body).json() == {"accepted": 6}  # again changes nothing
    (series,) = read(client)
    assert series["values"] == [0, 1, 2, 3, 4, 5]
    ago = [round(now.timestamp() - at) for at in series["times"]]
    assert ago == [50, 40, 30, 20, 10, 0]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": "cpu"}, "value"),
        ({"value": 1}, "name"),
        (sample(value="high"), "value"),
        (sample(value=True), "value"),
        (sample(value=None), "value"),
        (sample(colour="red"), "colour"),
        (sample(labels={"host": ["a"]}), "labels"),
        (sample(labels={"host": "x" * 201}), "labels.host"),
        (sample(name=""), "name"),
        (sample(name="rule:disk"), "name"),
        (sample(timestamp="yesterday"), "timestamp"),
        (sample(timestamp="2099-01-01T00:00:00Z"), "timestamp"),
        (sample(timestamp="2001-01-01T00:00:00Z"), "timestamp"),
        (sample(timestamp=1e300), "timestamp"),
        (17, "body"),
    ],
)
def test_what_is_wrong_is_named_by_index_and_field_and_the_rest_is_kept(
    client: httpx.Client, wrong: Any, field: str
):
    answer = client.post(METRICS, json=[sample(labels={"host": "b"}), wrong, sample()])
    assert answer.status_code == 422
    error = answer.json()["error"]
    (one,) = error["errors"]
    assert (one["index"], one["field"].split("[")[0]) == (1, field)
    assert error["field"].startswith(f"1.{field}")
    assert error["message"].startswith("1 of 3 samples are invalid; the other 2 are stored.")
    assert [series["values"] for series in read(client)] == [[42], [42]]


def test_all_that_is_wrong_is_named_up_to_a_hundred(client: httpx.Client):
    answer = client.post(METRICS, json=[sample(name="")] * 150)
    error = answer.json()["error"]
    assert error["message"].startswith("150 of 150 samples are invalid. The first: 0.name")
    assert len(error["errors"]) == 100


@pytest.mark.parametrize("body", ["", "{", "[1,", "nothing"])
def test_a_body_that_is_not_json_is_rejected(client: httpx.Client, body: str):
    answer = client.post(METRICS, content=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_request")


def test_a_batch_has_bounds(client: httpx.Client):
    answer = client.post(METRICS, json=[{"name": "a", "value": 1}] * 10_001)
    assert answer.status_code == 413
    assert "10,001 samples in one request" in answer.json()["error"]["message"]


def test_tenants_are_apart_and_strangers_are_kept_out(client: httpx.Client, stranger: httpx.Client):
    client.post(METRICS, params={"tenant": "red"}, json=sample())
    assert client.get(METRICS, params={"tenant": "red"}).json() == {"names": ["cpu"]}
    assert client.get(METRICS).json() == {"names": []}
    assert client.post(METRICS, params={"tenant": "No Name"}, json=sample()).status_code == 422
    assert stranger.post(METRICS, json=sample()).status_code == 401
    assert stranger.get(METRICS).status_code == 401


@both_databases
def test_reading_takes_matchers_and_steps(client: httpx.Client, clock: FakeClock):
    clock.forward(seconds=30)
    client.post(METRICS, json=[sample(), sample(labels={"host": "b"}, value=1)])
    clock.forward(minutes=1)
    (series,) = read(client, match='host=~"b|c"', step=60)
    assert series["values"] == [1]
    for query in ({"step": 5}, {"match": "host"}, {"minutes": 0}):
        answer = client.get(f"{METRICS}/samples", params={"name": "cpu", **query})
        assert answer.status_code == 422, query
