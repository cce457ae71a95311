"""OTLP over HTTP: real exporters, answers, what comes again, tenants, and a store that is away."""

from __future__ import annotations

import gzip
import logging
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from sentinel.access import Role
from sentinel.api.intake_queue import IntakeQueue
from sentinel.clock import FakeClock
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.access.keys import Keys
from sentinel.store.telemetry.client import TelemetryClient
from sentinel.telemetry import otlp_origin
from sentinel.telemetry.bounds import MOST_UNPACKED
from sentinel.up.ports import any_free
from tests.api.served import TOKEN, called, served
from tests.telemetry.otlp import TRACE, logs, request, spans
from tests.waiting import eventually

GZIP = {"Content-Encoding": "gzip"}
PROTOBUF = {"Content-Type": "application/x-protobuf"}
HOUR = 3_600 * 10**9
NPM = Path(__file__).parents[1] / "telemetry" / "npm"


def sdk(name: str) -> Any:
    return import_module(f"opentelemetry.{name}")


@pytest.fixture
def intake(app: FastAPI, clock: FakeClock, telemetry_settings: Settings) -> Generator[httpx.Client]:
    """A caller of an API that has a telemetry store."""
    clock.set(datetime.now(UTC))  # rows expire by the store's own clock
    before = app.state.settings
    names = ("telemetry_url", "telemetry_read_url")
    update = {name: getattr(telemetry_settings, name) for name in names}
    app.state.settings = before.model_copy(update=update)
    with called(app, Authorization=f"Bearer {TOKEN}") as client:
        yield client
    app.state.settings = before


def test_real_exporters_of_the_python_sdk(
    intake: httpx.Client, app: FastAPI, telemetry: TelemetryClient, store: Store
) -> None:
    resource = sdk("sdk.resources").Resource.create({"service.name": "shop"})
    headers = {"Authorization": f"Bearer {TOKEN}"}
    exporter = "exporter.otlp.proto.http"
    with served(app, lifespan="off") as url:
        traces = sdk("sdk.trace").TracerProvider(resource=resource)
        send = sdk(f"{exporter}.trace_exporter").OTLPSpanExporter(
            f"{url}/v1/traces", headers=headers
        )
        traces.add_span_processor(sdk("sdk.trace.export").BatchSpanProcessor(send))
        lines = sdk("sdk._logs").LoggerProvider(resource=resource)
        pack = sdk(f"{exporter}").Compression.Gzip
        send = sdk(f"{exporter}._log_exporter").OTLPLogExporter(
            f"{url}/v1/logs", headers=headers, compression=pack
        )
        lines.add_log_record_processor(sdk("sdk._logs.export").BatchLogRecordProcessor(send))
        send = sdk(f"{exporter}.metric_exporter").OTLPMetricExporter(
            f"{url}/v1/metrics", headers=headers
        )
        reader = sdk("sdk.metrics.export").PeriodicExportingMetricReader(send, 3_600_000)
        meters = sdk("sdk.metrics").MeterProvider([reader], resource=resource)
        with traces.get_tracer("t").start_as_current_span("buy") as span:
            span.set_attribute("items", 3)
            record = {"body": "sold 3 of 'ö'", "severity_number": sdk("_logs").SeverityNumber.WARN}
            lines.get_logger("l").emit(sdk("_logs").LogRecord(timestamp=time.time_ns(), **record))
            trace_id = f"{span.get_span_context().trace_id:032x}"
        meters.get_meter("m").create_counter("sold").add(3, {"kind": "tea"})
        for provider in (traces, lines, meters):
            provider.force_flush()
            provider.shutdown()
    assert telemetry.rows(
        "SELECT Tenant, ServiceName, SpanName, SpanKind, SpanAttributes, TraceId FROM spans"
    ) == [
        {"Tenant": "default", "ServiceName": "shop", "SpanName": "buy", "SpanKind": "Internal",
         "SpanAttributes": {"items": "3"}, "TraceId": trace_id},
    ]  # fmt: skip
    assert telemetry.rows("SELECT Body, SeverityNumber, TraceId FROM logs") == [
        {"Body": "sold 3 of 'ö'", "SeverityNumber": 13, "TraceId": trace_id}
    ]
    sold = store.metrics.reader("default").window(
        "sold", [], store.now(), store.now() + timedelta(minutes=5)
    )
    assert [dict(one) for one in sold.labels] == [{"kind": "tea", "service.name": "shop"}]


@pytest.mark.slow
def test_real_exporters_of_the_npm_sdk(
    intake: httpx.Client, app: FastAPI, telemetry: TelemetryClient, tmp_path: Path
) -> None:
    if not (shutil.which("node") and (npm := shutil.which("npm"))):
        pytest.skip("node and npm are not installed")
    for name in ("package.json", "send.mjs"):
        shutil.copy(NPM / name, tmp_path)
    command = [npm, "install", "--no-audit", "--no-fund", "--prefer-offline", "--ignore-scripts"]
    got = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    if got.returncode:
        pytest.skip(f"npm cannot install the exporters: {got.stderr[-200:]}")
    with served(app, lifespan="off") as url:
        names = {**os.environ, "SENTINEL_URL": url, "SENTINEL_TOKEN": TOKEN}
        sent = subprocess.run(
            ["node", "send.mjs"], cwd=tmp_path, env=names, capture_output=True, text=True,
            timeout=60, check=False,
        )  # fmt: skip
    assert sent.returncode == 0, sent.stderr
    assert telemetry.rows(
        "SELECT ServiceName, SpanName, SpanKind, SpanAttributes, TraceId FROM spans"
    ) == [
        {"ServiceName": "node-shop", "SpanName": "buy", "SpanKind": "Client",
         "SpanAttributes": {"items": "3"}, "TraceId": sent.stdout.strip()},
    ]  # fmt: skip
    assert telemetry.rows("SELECT ServiceName, Body, SeverityText, LogAttributes FROM logs") == [
        {"ServiceName": "node-shop", "Body": "sold out: 'ö'", "SeverityText": "ERROR",
         "LogAttributes": {"order.id": "9007199254740991", "price": "0.5", "tags": '["a","b"]'}},
    ]  # fmt: skip


def test_a_batch_that_comes_again_counts_once_and_what_is_rejected_is_counted(
    intake: httpx.Client, telemetry: TelemetryClient
) -> None:
    now = time.time_ns()
    body = logs("one", "two", at=now)
    body.resource_logs[0].scope_logs[0].log_records[1].time_unix_nano = now - 31 * 24 * HOUR
    sent = body.SerializeToString()
    packed = PROTOBUF | {"Content-Encoding": "gzip"}
    answers = [
        intake.post("/v1/logs", content=sent, headers=PROTOBUF),
        intake.post("/v1/logs", content=gzip.compress(sent, mtime=7), headers=packed),
    ]
    for answer in answers:
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "application/x-protobuf"
        assert b"1 older than they are kept" in answer.content
    assert telemetry.rows("SELECT Body, ServiceName FROM logs") == [
        {"Body": "one", "ServiceName": "api"}
    ]
    assert telemetry.rows("SELECT Tenant, Signal, Reason, Rows FROM refused") == [
        {"Tenant": "default", "Signal": "logs", "Reason": "too_old", "Rows": 1}
    ]
    # Without a time of their own, equal lines may have been said twice.
    untimed = logs("no time", at=0).SerializeToString()
    for _ in range(2):
        assert intake.post("/v1/logs", content=untimed, headers=PROTOBUF).status_code == 200
    assert telemetry.value("SELECT count() FROM logs WHERE Body = 'no time'") == 2
    # Metrics too: what is no sample is said and counted, the others are kept.
    made = request("metrics")
    points = made.resource_metrics.add().scope_metrics.add().metrics.add(name="depth").gauge
    points.data_points.add(as_double=1)
    points.data_points.add(as_double=float("nan"))
    answer = intake.post("/v1/metrics", content=made.SerializeToString(), headers=PROTOBUF)
    assert b"not finite" in answer.content
    counted = "SELECT sum(Rows) FROM refused WHERE Signal = 'metrics'"
    assert eventually(lambda: telemetry.value(counted), "the sample is counted") == 1


def test_a_key_writes_to_its_own_tenant_and_within_its_scopes(
    intake: httpx.Client, telemetry: TelemetryClient, store: Store
) -> None:
    keys = Keys(store)
    body = spans("a", "b", at=time.time_ns()).SerializeToString()

    def sent(
        name: str, signal: str = "traces", role: Role = Role.RESPONDER, asked: str = "", **made: Any
    ) -> int:
        key = keys.create(name, role, actor="ada", **made)
        headers = PROTOBUF | {"Authorization": f"Bearer {key.secret.text}"}
        given = {"tenant": asked} if asked else {}
        answer = intake.post(f"/v1/{signal}", content=body, headers=headers, params=given)
        return answer.status_code

    assert sent("one", tenants=["red"], scopes=["telemetry"]) == 200
    assert sent("two", tenants=["blue"]) == 200
    for signal in ("logs", "traces", "metrics"):
        assert sent(f"{signal}-scope", signal, scopes=["rules"]) == 403
        assert sent(f"{signal}-reads", signal, Role.VIEWER) == 403
        assert sent(f"{signal}-other", signal, tenants=["red"], asked="blue") == 403
        unknown = PROTOBUF | {"Authorization": "Bearer nobody"}
        assert intake.post(f"/v1/{signal}", content=body, headers=unknown).status_code == 401
    assert sent("three", scopes=["metrics"]) == 403
    # The same bytes of two tenants are two batches.
    assert telemetry.rows("SELECT Tenant, count() AS n FROM spans GROUP BY 1 ORDER BY 1") == [
        {"Tenant": "blue", "n": 2},
        {"Tenant": "red", "n": 2},
    ]
    assert telemetry.value("SELECT count() FROM trace_times WHERE TraceId = {t:String}",
                           {"t": TRACE.hex()}) == 2  # fmt: skip


@pytest.mark.parametrize("path", ["logs", "traces", "metrics"])
def test_what_is_no_batch_is_refused_for_good(client: httpx.Client, path: str) -> None:
    for content, kind, status in (
        (b"\xff", "application/x-protobuf", 400),
        (b"[", "application/json; charset=utf-8", 400),
        (b"{}", "text/plain", 415),
        (bytes(MOST_UNPACKED + 1), "application/x-protobuf", 413),
    ):
        answer = client.post(f"/v1/{path}", content=content, headers={"Content-Type": kind})
        assert answer.status_code == status
        assert "Retry-After" not in answer.headers
    refused = client.post(f"/v1/{path}", content=b"[", headers={"Content-Type": "application/json"})
    assert orjson.loads(refused.content)["code"] == 3
    assert client.post(f"/v1/{path}", headers={"Authorization": "Bearer x"}).status_code == 401


def test_a_store_that_is_away_and_a_full_queue_ask_to_come_again(
    client: httpx.Client, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = logs("x", at=time.time_ns()).SerializeToString()
    absent = client.post("/v1/logs", content=body, headers=PROTOBUF)
    assert (absent.status_code, absent.headers["Retry-After"]) == (503, "5")
    assert b"there is no telemetry store" in absent.content
    gone = SecretStr(f"http://a:b@127.0.0.1:{any_free()}")
    settings = app.state.settings.model_copy(update={"telemetry_url": gone})
    with monkeypatch.context() as patch:
        patch.setattr(app.state, "settings", settings)
        assert client.post("/v1/logs", content=body, headers=PROTOBUF).status_code == 503
        # Samples need no telemetry store.
        made = request("metrics")
        metrics = made.resource_metrics.add().scope_metrics.add().metrics
        metrics.add(name="depth").gauge.data_points.add(as_double=1)
        sent = made.SerializeToString()
        assert client.post("/v1/metrics", content=sent, headers=PROTOBUF).status_code == 200
    full = IntakeQueue(most=0)
    monkeypatch.setattr(app.state, "intake_queue", full)
    answer = client.post("/v1/logs", content=body, headers=PROTOBUF)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
    full.close()


def test_a_store_that_hangs_holds_up_nothing_else(
    client: httpx.Client, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as hangs,
        ThreadPoolExecutor(6) as senders,
        monkeypatch.context() as patch,
    ):
        url = SecretStr(f"http://a:b@127.0.0.1:{hangs.getsockname()[1]}")
        settings = app.state.settings.model_copy(update={"telemetry_url": url})
        patch.setattr(app.state, "settings", settings)
        body = logs("x", at=time.time_ns()).SerializeToString()
        line = {"message": "one"}
        sent = [
            senders.submit(client.post, "/v1/logs", content=body, headers=PROTOBUF),
            *(senders.submit(client.post, "/api/logs/ingest", json=line) for _ in range(5)),
        ]
        eventually(lambda: app.state.intake_queue.held == 6, "all wait")
        # One of them is refused, which is counted in the store, by and by.
        made = request("metrics")
        points = made.resource_metrics.add().scope_metrics.add().metrics.add(name="depth").gauge
        points.data_points.add(as_double=1)
        points.data_points.add(as_double=float("nan"))
        samples = made.SerializeToString()
        for _ in range(4):
            assert client.post("/v1/metrics", content=samples, headers=PROTOBUF).status_code == 200
        for path in ("alerts", "silences"):
            assert client.get(f"/api/v1/alerts/{path}").status_code == 200
        assert not any(one.done() for one in sent)
        hangs.close()
        assert [one.result().status_code for one in sent] == [503] * 6
        eventually(lambda: not app.state.intake_queue.held, "the queue is empty")


@pytest.mark.parametrize("path", ["/v1/logs", "/v1/metrics", "/api/logs/ingest"])
def test_without_the_libraries_what_to_install_is_said(
    client: httpx.Client, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [one for one in sys.modules if one.startswith("opentelemetry.proto.collector")]:
        monkeypatch.setitem(sys.modules, name, None)
    answer = client.post(path, json={"message": "one"})
    assert answer.status_code == 503
    assert "Retry-After" in answer.headers
    assert "install the extra `telemetry`" in answer.text


def test_programs_without_an_sdk_post_json(
    intake: httpx.Client, telemetry: TelemetryClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.now(UTC)
    trace = {"service_name": "shop", "operation_name": "GET /", "start_time": now.isoformat()}
    made = intake.post("/api/tracing/traces", json=trace)
    assert made.status_code == 201
    ids = made.json()
    child = {**trace, "trace_id": ids["trace_id"], "parent_span_id": ids["span_id"]}
    assert intake.post("/api/tracing/spans", json=child).status_code == 201
    found = telemetry.rows("SELECT TraceId, SpanId, ParentSpanId FROM spans ORDER BY ParentSpanId")
    assert [one["ParentSpanId"] for one in found] == ["", ids["span_id"]]
    assert {one["TraceId"] for one in found} == {ids["trace_id"]}
    no_trace = intake.post("/api/tracing/spans", json=trace)
    assert (no_trace.status_code, no_trace.json()["error"]["field"]) == (422, "trace_id")

    line = {"message": "one", "service_name": "shop", "level": "ERROR"}
    at = {**line, "message": "two", "timestamp": now.isoformat()}
    assert intake.post("/api/logs/ingest", json=line).json() == {"accepted": 1}
    assert intake.post("/api/logs/ingest", json=line).json() == {"accepted": 1}  # said twice
    odd: dict[str, Any] = {"message": "odd", "logs": []}  # a line with an attribute of that name
    assert intake.post("/api/logs/ingest", json=odd).json() == {"accepted": 1}
    for _ in range(2):  # sent again
        assert intake.post("/api/logs/ingest", json={"logs": [at]}).json() == {"accepted": 1}
    lines = b"\n".join(orjson.dumps({**at, "message": f"{n}"}) for n in range(3))
    assert intake.post("/api/logs/ingest", content=lines).json() == {"accepted": 3}
    packed = intake.post("/api/logs/ingest", content=gzip.compress(lines), headers=GZIP)
    assert packed.json() == {"accepted": 3}  # the same batch, which counts once
    some = intake.post("/api/logs/ingest", json=[{"level": "x"}, {**at, "message": "kept"}])
    assert some.status_code == 422
    assert "the other one is stored" in some.json()["error"]["message"]
    assert [one["index"] for one in some.json()["error"]["errors"]] == [0]
    old = {**at, "timestamp": "2020-01-01"}
    assert intake.post("/api/logs/ingest", json=old).status_code == 422
    found = telemetry.rows("SELECT Body, count() AS n FROM logs GROUP BY 1 ORDER BY 1")
    assert {one["Body"]: one["n"] for one in found} == {
        "0": 1, "1": 1, "2": 1, "kept": 1, "odd": 1, "one": 2, "two": 1
    }  # fmt: skip
    assert intake.post("/api/logs/ingest", content=b"{").status_code == 400
    assert intake.post("/api/logs/ingest", json=[at] * 10_001).status_code == 413
    for lines in (10_001, 1_000_002):
        many = intake.post("/api/logs/ingest", content=b"{}\n" * lines)
        assert many.status_code == 413, many.text
    monkeypatch.setattr(otlp_origin, "MOST_ATTRIBUTES", 1)
    large = {**at, "tags": {"a": 1, "b": 2}}
    assert intake.post("/api/logs/ingest", json=large).status_code == 413


def test_json_may_be_packed_and_a_line_that_is_none_is_named(client: httpx.Client) -> None:
    for path in ("logs/ingest", "tracing/traces", "tracing/spans"):
        for content, status, says in (
            (gzip.compress(b"[]x"), 400, "not JSON"),
            (b"{}", 400, "no gzip"),
            (gzip.compress(bytes(MOST_UNPACKED + 1)), 413, "unpacked"),
        ):
            answer = client.post(f"/api/{path}", content=content, headers=GZIP)
            assert (answer.status_code, says in answer.text) == (status, True), answer.text
    lines = b'{"message": "one"}\n\n{"message": }\n{"message": "three"}\n'
    answer = client.post("/api/logs/ingest", content=gzip.compress(lines), headers=GZIP)
    assert (answer.status_code, "line 3 is not JSON" in answer.text) == (400, True), answer.text


def test_records_are_named_in_no_log(
    client: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "sentinel"):
        client.post("/v1/logs", content=b"\xffpassword", headers=PROTOBUF)
    assert "password" not in caplog.text
