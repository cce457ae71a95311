"""Search of logs and traces over HTTP, with the literal requests of the documents, and a store."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from sentinel.access import Role
from sentinel.clock import FakeClock
from sentinel.store import Store
from sentinel.store.access.keys import Keys
from sentinel.store.telemetry.client import TelemetryClient
from tests.api.seed_requests import NEEDS_TELEMETRY, REQUESTS
from tests.api.served import called
from tests.log_rates import BEATS, LAST, LATER, counted, noisy, one_burst

PARENT = "eee19b7ec3c1b174"
SEEDED = [
    one for one in REQUESTS
    if one.path.startswith(NEEDS_TELEMETRY)
]  # fmt: skip


def got(telemetry_api: httpx.Client, path: str, **params: Any) -> Any:
    answer = telemetry_api.get(path, params=params or None)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_literal_requests_and_what_they_find(
    telemetry_api: httpx.Client, app: FastAPI, clock: FakeClock
) -> None:
    now = clock.now()
    span = {"service_name": "my-service", "operation_name": "GET /api/users",
            "start_time": now.timestamp() - 1, "duration_ms": 250, "span_id": PARENT}  # fmt: skip
    trace_id = telemetry_api.post("/api/tracing/traces", json=span).json()["trace_id"]
    child = {"trace_id": trace_id, "parent_span_id": PARENT, "service_name": "db",
             "operation_name": "SELECT", "start_time": now.timestamp() - 0.9, "duration_ms": 100,
             "status": "error"}  # fmt: skip
    assert telemetry_api.post("/api/tracing/spans", json=child).status_code == 201
    lines = [
        {"message": "error: database connection refused", "service_name": "my-service",
         "level": "ERROR", "trace_id": trace_id},
        {"message": "slow", "service_name": "my-service", "level": "WARN"},
    ]  # fmt: skip
    assert telemetry_api.post("/api/logs/ingest", json=lines).status_code == 200
    clock.set(now + timedelta(seconds=1))

    literal = "/api/logs/search?query=error+database+connection&service_name=my-service&level=ERROR"
    found = got(telemetry_api, literal)
    assert [one["message"] for one in found["lines"]] == ["error: database connection refused"]
    assert (found["query"], found["from_words"]) == ("error database connection", False)
    plain = got(
        telemetry_api, "/api/logs/search", query="show me errors from my-service in last hour"
    )
    assert plain["query"] == "level:>=error service:*my-service* since:1h"
    assert (plain["lines"], plain["from_words"]) == (found["lines"], True)
    assert got(telemetry_api, "/api/logs/errors")["lines"] == found["lines"]
    (line,) = found["lines"]
    assert got(telemetry_api, f"/api/logs/lines/{line['id']}") == line
    assert got(telemetry_api, f"/api/logs/trace/{trace_id}")["lines"] == [line]
    counted = got(telemetry_api, "/api/logs/statistics")
    assert (counted["total_logs"], counted["error_rate"]) == (2, 0.5)
    parts = got(telemetry_api, "/api/logs/histogram", buckets=1)["parts"]
    assert [one["counts"] for one in parts] == [{"error": 1, "warn": 1}]
    values = got(telemetry_api, "/api/logs/facets", field="level")["values"]
    assert values == [{"value": "error", "count": 1}, {"value": "warn", "count": 1}]
    tail = got(telemetry_api, "/api/logs/tail", query="level:warn")
    assert [one["message"] for one in tail["lines"]] == ["slow"]
    again = got(telemetry_api, "/api/logs/tail", query="level:warn", cursor=tail["next_cursor"])
    assert again["lines"] == []

    trace = got(telemetry_api, f"/api/tracing/traces/{trace_id}")
    assert [(one["operation_name"], one["depth"], one["own_ms"]) for one in trace["spans"]] == [
        ("GET /api/users", 0, pytest.approx(150, abs=0.01)), ("SELECT", 1, pytest.approx(100))
    ]  # fmt: skip
    assert (trace["errors"], trace["services"], trace["cut"]) == (1, ["db", "my-service"], False)
    ids = {
        one["trace_id"]
        for one in got(telemetry_api, "/api/tracing/traces", status="error")["traces"]
    }
    assert ids == {trace_id}
    some = {"service_name": "my-service", "min_duration_ms": 249, "max_duration_ms": 251}
    assert len(got(telemetry_api, "/api/tracing/traces", **some)["traces"]) == 1
    assert got(telemetry_api, "/api/tracing/traces", min_duration_ms=251)["traces"] == []
    assert got(telemetry_api, "/api/tracing/slow-traces", threshold_ms=300)["traces"] == []
    (edge,) = got(telemetry_api, "/api/tracing/services/db/dependencies")["dependencies"]
    assert (edge["caller"], edge["callee"], edge["errors"]) == ("my-service", "db", 1)
    assert got(telemetry_api, "/api/tracing/dependencies")["dependencies"] == [edge]
    operations = got(telemetry_api, "/api/tracing/latency", service_name="db")["operations"]
    assert [(one["operation_name"], one["spans"]) for one in operations] == [("SELECT", 1)]
    assert got(telemetry_api, "/api/tracing/statistics")["all"]["errors"] == 1

    clock.set(now + timedelta(seconds=90))
    app.state.log_mining.turn(app.state.settings)
    patterns = got(telemetry_api, "/api/logs/patterns", service_name="my-service", since="1h")[
        "patterns"
    ]
    assert {(one["template"], one["state"], one["count"]) for one in patterns} == {
        (line["message"], "new", 1), ("slow", "new", 1)
    }  # fmt: skip
    assert got(telemetry_api, "/api/logs/patterns", state="vanished")["patterns"] == []
    (of_pattern,) = got(telemetry_api, "/api/logs/search", query=patterns[0]["query"])["lines"]
    assert of_pattern["message"] == patterns[0]["sample"]
    unknown = telemetry_api.get("/api/logs/search", params={"query": f"pattern:{0:016}"})
    assert (unknown.status_code, "there is no pattern 0000" in unknown.text) == (422, True)
    assert got(telemetry_api, "/api/logs/anomalies", season="1d")["anomalies"] == []
    for history, season in (("soon", "0s"), ("8d", "0s"), ("6d", "2d")):
        wrong = telemetry_api.get(
            "/api/logs/anomalies", params={"history": history, "season": season}
        )
        assert (wrong.status_code, "history: " in wrong.text) == (422, True)
    assert got(telemetry_api, "/api/logs/anomalies", history="6d", season="1d")["anomalies"] == []

    assert len(SEEDED) >= 15
    for asked in SEEDED:
        path = asked.path.replace("{trace_id}", trace_id).replace("{service_name}", "my-service")
        if asked.method == "GET":
            for address in (path, path.replace("/api/", "/api/v1/")):
                answer = telemetry_api.get(address)
                assert answer.status_code == asked.status, f"{address}: {answer.text}"
        elif asked.body is not None:
            moments = {"start_time": now.isoformat(), "end_time": now.isoformat()}  # as it has them
            answer = telemetry_api.post(path, json={**asked.body, **moments})
            assert answer.status_code == asked.status, f"{path}: {answer.text}"


def test_kept_anomalies_and_rates_are_those_of_the_tenant(
    telemetry_api: httpx.Client, app: FastAPI, clock: FakeClock, telemetry: TelemetryClient
) -> None:
    counted(telemetry, BEATS, one_burst)
    clock.set(datetime.fromtimestamp(LATER / 1e9, UTC))
    app.state.log_mining.turn(app.state.settings)
    some = {"tenant": "acme", "since": "1h"}
    found = got(telemetry_api, "/api/logs/anomalies", **some)
    (one,) = found["anomalies"]
    assert (found["saved"], one["count"], one["season_seconds"]) == (True, 400, 86_400)
    assert one["low"] <= 24 <= one["high"]
    assert got(telemetry_api, "/api/logs/anomalies", **some, service_name="mail")["anomalies"] == []
    now = got(telemetry_api, "/api/logs/anomalies", **some, season="1d", limit=1)
    assert (now["saved"], [again["timestamp"] for again in now["anomalies"]]) == (
        False, [one["timestamp"]]
    )  # fmt: skip
    rate = got(telemetry_api, f"/api/logs/patterns/{BEATS.upper()}/rate", **some)
    assert [part["count"] for part in rate["parts"]][-2:] == [400, noisy(LAST)]
    assert rate["pattern"]["query"] == f"pattern:{BEATS}"
    assert got(telemetry_api, "/api/logs/anomalies")["anomalies"] == []
    assert telemetry_api.get(f"/api/logs/patterns/{BEATS}/rate").status_code == 404


def test_pages_go_on_and_a_tenant_sees_its_own(
    telemetry_api: httpx.Client, app: FastAPI, store: Store
) -> None:
    now = time.time() - 60
    sent = [{"message": f"n{n}", "timestamp": now + n} for n in range(5)]
    assert telemetry_api.post("/api/logs/ingest?tenant=acme", json=sent).status_code == 200
    shown: list[str] = []
    cursor = None
    for _ in range(3):
        more = {"cursor": cursor} if cursor else {}
        page = got(telemetry_api, "/api/logs/search", tenant="acme", limit=2, **more)
        shown += [one["message"] for one in page["lines"]]
        cursor = page["next_cursor"]
    assert (shown, cursor) == (["n4", "n3", "n2", "n1", "n0"], None)
    key = (
        Keys(store)
        .create("k", Role.VIEWER, actor="ada", tenants=["other"], scopes=["telemetry:read"])
        .secret.text
    )
    with called(app, Authorization=f"Bearer {key}") as other:
        assert got(other, "/api/logs/search")["lines"] == []
        assert other.get("/api/logs/search", params={"tenant": "acme"}).status_code == 403
    assert telemetry_api.get(f"/api/logs/lines/{'0' * 32}").status_code == 404
    assert telemetry_api.get(f"/api/tracing/traces/{'0' * 32}").status_code == 404


@pytest.mark.parametrize(
    ("path", "params", "field", "message"),
    [
        ("logs/search", {"query": "disk servic:a"}, "query", "column 6"),
        ("logs/search", {"level": "loud"}, "level", "is no level"),
        ("logs/search", {"since": "soon"}, "since", "is no moment"),
        ("logs/search", {"since": "1h", "until": "2h"}, "since", "ends before it begins"),
        ("tracing/traces", {"query": "a)", "min_duration_ms": 5}, "query", "column 2"),
        ("tracing/traces", {"query": "level:error"}, "query", "there is no field level"),
    ],
)
def test_what_cannot_be_read_is_refused_without_a_store(
    client: httpx.Client, path: str, params: dict[str, Any], field: str, message: str
) -> None:
    answer = client.get(f"/api/{path}", params=params)
    assert answer.status_code == 422, answer.text
    assert answer.json()["error"]["field"] == field
    assert message in answer.json()["error"]["message"]


def test_without_a_store_the_answer_says_so(client: httpx.Client) -> None:
    answer = client.get("/api/logs/search")
    assert answer.status_code == 503
    assert "there is no telemetry store" in answer.json()["error"]["message"]
