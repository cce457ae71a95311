"""The request log over HTTP: batches that count once, errors by place, one tenant's rows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
from fastapi import FastAPI

from sentinel.access import Role
from sentinel.clock import FakeClock
from sentinel.store import Store
from sentinel.store.access.keys import Keys
from tests.waiting import eventually

REQUESTS = "/api/v1/requests"


def found(api: httpx.Client, query: str = "", **params: Any) -> list[dict[str, Any]]:
    answer = api.get(REQUESTS, params={"query": query, **params})
    assert answer.status_code == 200, answer.text
    return answer.json()["requests"]


def test_batches_count_once_and_are_searched(
    telemetry_api: httpx.Client, clock: FakeClock, store: Store
) -> None:
    at = clock.now().isoformat()
    rows = [
        {"timestamp": at, "service": "shop", "consumer": "ann", "method": "GET",
         "path": "/orders/17?token=x", "status": 200, "duration_ms": 3, "address": "203.0.113.7"},
        {"timestamp": at, "service": "shop", "path": "/orders", "status": 500},
    ]  # fmt: skip
    lines = "\n".join(httpx.Request("POST", "http://x", json=one).content.decode() for one in rows)
    for _ in range(2):  # equal bodies whose requests have times are one batch
        answer = telemetry_api.post(REQUESTS, content=lines)
        assert (answer.status_code, answer.json()["accepted"]) == (200, 2), answer.text
    same_id = {"Idempotency-Key": "web-1 000042"}
    for body in ([{"status": 204}], [{"status": 204}, {"status": 205}]):  # one batch, by its id
        assert telemetry_api.post(REQUESTS, json=body, headers=same_id).status_code == 200
    clock.set(clock.now() + timedelta(seconds=1))
    assert sorted(one["status"] for one in found(telemetry_api)) == [200, 204, 500]
    (ann,) = found(telemetry_api, "consumer:ann")
    assert (ann["path"], ann["endpoint"]) == ("/orders/17", "/orders/{id}")
    assert ann["address"] == "203.0.113.0/24"
    page = telemetry_api.get(REQUESTS, params={"limit": 2}).json()
    assert len(page["requests"]) == 2
    assert len(found(telemetry_api, limit=2, cursor=page["next_cursor"])) == 1

    key = Keys(store).create("acme", Role.RESPONDER, actor="ann", tenants=["acme"])
    acme = {"Authorization": f"Bearer {key.secret.text}"}
    assert telemetry_api.get(REQUESTS, headers=acme).json()["requests"] == []
    late = {"timestamp": (clock.now() - timedelta(days=60)).isoformat(), "status": 200}
    answer = telemetry_api.post(REQUESTS, json=[late], params={"dropped": 5}, headers=acme)
    assert answer.json()["reasons"] == {"too_old": 1, "dropped": 5}
    assert answer.json()["rejected"] == 6


def test_invalid_requests_are_named_and_the_others_are_stored(telemetry_api: httpx.Client) -> None:
    rows = [{"status": 200}, {"status": "x"}, {"status": 201, "body": "secret"}]
    answer = telemetry_api.post(REQUESTS, json=rows)
    assert answer.status_code == 422
    error = answer.json()["error"]
    assert error["message"].startswith("2 of 3 requests are invalid; the other one is stored")
    assert [(one["index"], one["field"]) for one in error["errors"]] == [(1, "status"), (2, "body")]
    bad = telemetry_api.get(REQUESTS, params={"query": "status:bad"})
    assert (bad.status_code, bad.json()["error"]["field"]) == (422, "query")


def test_lines_of_access_logs_are_requests(telemetry_api: httpx.Client, clock: FakeClock) -> None:
    line = '203.0.113.7 - - [{}] "GET /orders/{} HTTP/1.1" 200 12 "-" "curl/8.5.0" 0.250\n'
    at = f"{clock.now():%d/%b/%Y:%H:%M:%S +0000}"
    body = line.format(at, 1) + "nonsense\n\n" + line.format(at, 2)
    params = {"format": "nginx", "service": "shop"}
    for _ in range(2):
        answer = telemetry_api.post(REQUESTS, content=body, params=params)
        assert answer.json() == {
            "accepted": 2, "rejected": 1, "reasons": {"invalid": 1},
            "errors": [{"line": 2, "message": "is not of the common or combined log format"}],
        }  # fmt: skip
    assert telemetry_api.post(REQUESTS, content=body, params=params | {"service": "pay"}).is_success
    clock.set(clock.now() + timedelta(seconds=1))
    assert len(found(telemetry_api, "service:pay")) == 2, "another service, other requests"
    (first, _) = found(telemetry_api, "service:shop endpoint:/orders/{id}")
    assert (first["duration_ms"], first["agent"]) == (250.0, "curl")
    wrong = telemetry_api.post(REQUESTS, content=body, params={"format": "iis"})
    assert wrong.status_code == 422


def test_what_is_no_batch_is_refused_and_without_a_store_it_says_when_to_come_again(
    client: httpx.Client, app: FastAPI
) -> None:
    assert client.post(REQUESTS, content=b"{").status_code == 400
    too_many = b'{"status":200}\n' * 50_001
    assert client.post(REQUESTS, content=too_many).status_code == 413
    as_lines = {"format": "nginx"}
    assert client.post(REQUESTS, content=b"x\n" * 50_001, params=as_lines).status_code == 413
    assert client.post(REQUESTS, content=b"x\n" * 50_000, params=as_lines).status_code == 503
    away = client.post(REQUESTS, json=[{"status": 200}])
    assert (away.status_code, away.headers["retry-after"]) == (503, "5")
    eventually(lambda: app.state.intake_queue.held == 0, "the thread has put the batch away")


def test_usage_is_answered_for_a_tenant(telemetry_api: httpx.Client, clock: FakeClock) -> None:
    at = (clock.now() - timedelta(minutes=5)).isoformat()
    rows = [
        {"timestamp": at, "consumer": "ann/1", "key": "k1", "method": "GET", "path": f"/o/{n}",
         "status": 500 if n == 3 else 200}
        for n in range(10)
    ]  # fmt: skip
    assert telemetry_api.post(REQUESTS, json=rows).status_code == 200

    def got(path: str, **params: Any) -> Any:
        answer = telemetry_api.get(f"/api/v1/usage{path}", params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    assert got("", since="1h")["total"]["error_rate"] == 0.1
    (group,) = got("/top", by="endpoint")["groups"]
    assert (group["value"], group["requests"], group["share"]) == ("GET /o/{id}", 10, 1.0)
    (rise,) = got("/rising", least=10)["rises"]
    assert (rise["value"], rise["before"]) == ("ann/1", 0)
    known = ["GET /o/{id}", "GET /never"]
    changes = got("/endpoints", known=known)["changes"]
    assert [(one["endpoint"], one["state"]) for one in changes] == [("GET /never", "dead")]
    (quota,) = got("/quotas", limit="100 per month quota by key")["quotas"]
    assert (quota["value"], quota["reached"]) == ("k1", None)
    assert got("/consumer", name="ann/1")["keys"][0]["value"] == "k1"
    for path, params in (
        ("/quotas", {"limit": "1/minute by key"}), ("/top", {"by": "body"}),
        ("/endpoints", {"history": "91d"}), ("", {"query": "level:error"}),
    ):  # fmt: skip
        wrong = telemetry_api.get(f"/api/v1/usage{path}", params=params)
        assert wrong.status_code in (400, 422), wrong.text


def test_requests_and_usage_are_sent_as_files(
    telemetry_api: httpx.Client, clock: FakeClock
) -> None:
    at = (clock.now() - timedelta(minutes=5)).isoformat()
    rows = [{"timestamp": at, "consumer": "ann", "path": f"/o/{n}", "status": 200} for n in "abc"]
    assert telemetry_api.post(REQUESTS, json=rows).status_code == 200
    for kind, media in (("csv", "text/csv"), ("ndjson", "application/x-ndjson"),
                        ("parquet", "application/vnd.apache.parquet")):  # fmt: skip
        for path in (f"{REQUESTS}/export", "/api/v1/usage/export"):
            answer = telemetry_api.get(path, params={"format": kind})
            assert answer.status_code == 200, answer.text
            assert answer.headers["content-type"].startswith(media)
            assert answer.headers["content-disposition"].endswith(f'.{kind}"')
            assert answer.content
    lines = telemetry_api.get(f"{REQUESTS}/export", params={"format": "ndjson"}).text.splitlines()
    assert len(lines) == 3
    wrong = telemetry_api.get(f"{REQUESTS}/export", params={"query": "level:error"})
    assert wrong.status_code == 422, wrong.text
