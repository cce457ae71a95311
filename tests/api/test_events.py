"""Events over HTTP, on both databases."""

from __future__ import annotations

from typing import Any

import httpx
import orjson
import pytest

from sentinel.store import Store
from tests.databases import both_databases

ONE = "/api/v1/alerts/process-event"
MANY = "/api/v1/events"


@both_databases
def test_one_event_is_kept_for_the_tenant_that_is_named(client: httpx.Client, store: Store):
    for accepted in (1, 0):
        answer = client.post(ONE, params={"tenant_id": "acme"}, json={"id": "e1", "action": "x"})
        assert (answer.status_code, answer.json()) == (
            200,
            {"accepted": accepted, "duplicates": 1 - accepted},
        )
    assert (store.events.count("acme"), store.events.count()) == (1, 0)


@pytest.mark.parametrize(
    "body",
    [
        b'[{"id":1},{"id":2},{"id":1}]',
        b'{"events":[{"id":1},{"id":2},{"id":1}]}',
        b'{"id":1}\n{"id":2}\n{"id":1}\n',
    ],
)
def test_many_events_come_in_every_form(client: httpx.Client, body: bytes):
    answer = client.post(MANY, content=body)
    assert (answer.status_code, answer.json()) == (200, {"accepted": 2, "duplicates": 1})


@both_databases
def test_what_is_wrong_is_named_and_the_rest_is_kept(client: httpx.Client, store: Store):
    answer = client.post(MANY, content=b'{"a":1}\n{broken\n7\n{"id":[]}\n')
    assert answer.status_code == 422
    error = answer.json()["error"]
    assert [(one["index"], one["field"]) for one in error["errors"]] == [
        (1, "event"), (2, "event"), (3, "id"),
    ]  # fmt: skip
    assert error["message"].startswith(
        "3 of 4 events are invalid; the other one is stored. The first:"
    )
    assert "line 2 is not JSON" in error["message"]
    assert store.events.count() == 1


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        (ONE, b"", 400, "nothing in it"),
        (ONE, b"{", 400, "not JSON"),
        (ONE, b"7", 422, "an event is a JSON object, not int"),
        (ONE, b'[{"a":1},{"a":2}]', 422, "2 events were sent"),
        (ONE, b'[{"a":1}]', 422, "a list was sent, but this path accepts one, as a JSON object"),
        (MANY, b'"text"', 422, "an event is a JSON object, not str"),
        (MANY, orjson.dumps([{}] * 10_001), 413, "10,001 events in one request"),
    ],
)
def test_an_invalid_body_is_rejected_with_its_reason(
    client: httpx.Client, store: Store, path: str, body: bytes, status: int, said: str
):
    answer = client.post(path, content=body)
    assert answer.status_code == status
    error: dict[str, Any] = answer.json()["error"]
    assert said in error["message"]
    assert error["request_id"]
    assert store.events.count() == 0


def test_events_need_the_token_and_a_usable_tenant(client: httpx.Client, stranger: httpx.Client):
    for path in (ONE, MANY):
        assert stranger.post(path, json={"a": 1}).status_code == 401
    assert client.post(MANY, params={"tenant": "No Tenant"}, json={}).status_code == 422
    assert client.post(ONE, params={"tenant_id": "../x"}, json={}).status_code == 422
