"""OTLP over gRPC: real exporters, and the answers of HTTP as gRPC has them."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from fastapi import FastAPI
from pydantic import SecretStr

from sentinel.access import Role
from sentinel.api import otlp_grpc
from sentinel.api.intake_queue import IntakeQueue
from sentinel.api.otlp_grpc import GrpcStandby, OtlpGrpc, otlp_grpc_of
from sentinel.errors import ConfigurationError
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.access.keys import Keys
from sentinel.store.telemetry.client import TelemetryClient
from sentinel.telemetry.bounds import MOST_UNPACKED
from tests.api.served import TOKEN
from tests.blocks.smtp_server import certificate
from tests.telemetry.otlp import logs, request, spans

grpc: Any = import_module("grpc")
SERVICE = "/opentelemetry.proto.collector.{}.v1.{}Service/Export"
HOUR = 3_600 * 10**9


def sdk(name: str) -> Any:
    return import_module(f"opentelemetry.{name}")


@contextmanager
def listening(app: FastAPI, tls: tuple[bytes, bytes] | None = None) -> Generator[int]:
    """A server on a free port, on an event loop of its own."""
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        thread = threading.Thread(target=loop.run_forever, daemon=True)
        thread.start()

        def run(work: Callable[[], Any]) -> Any:
            return asyncio.run_coroutine_threadsafe(work(), loop).result(20)

        server = OtlpGrpc(app)
        try:
            yield run(lambda: server.start("127.0.0.1", 0, tls))
        finally:
            run(server.close)
            loop.call_soon_threadsafe(loop.stop)
            thread.join(20)


def sent(port: int, signal: str, body: bytes, key: str = TOKEN, **more: str) -> tuple[bytes, Any]:
    """The answer to a call, or the error that ended it."""
    path = SERVICE.format(signal, signal.capitalize())
    metadata = [("authorization", f"Bearer {key}")]
    metadata += [(name.replace("_", "-"), value) for name, value in more.items()]
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        try:
            return channel.unary_unary(path)(body, metadata=metadata, timeout=20), None
        except grpc.RpcError as error:
            return b"", error


def after(error: Any) -> list[int]:
    """The seconds after which to come again, in the two places where exporters look for them."""
    details: Any = import_module("google.rpc.error_details_pb2")
    status: Any = import_module("google.rpc.status_pb2")
    trailing = dict(error.trailing_metadata())
    retries = [details.RetryInfo() for _ in range(2)]
    whole = status.Status.FromString(trailing["grpc-status-details-bin"])
    assert (whole.code, whole.message) == (error.code().value[0], error.details())
    assert whole.details[0].Unpack(retries[0])
    retries[1].ParseFromString(trailing["google.rpc.retryinfo-bin"])
    return [one.retry_delay.seconds for one in retries]


def test_real_exporters_of_the_python_sdk(
    telemetry_api: httpx.Client, app: FastAPI, telemetry: TelemetryClient, store: Store
) -> None:
    resource = sdk("sdk.resources").Resource.create({"service.name": "shop"})
    exporter, more = "exporter.otlp.proto.grpc", {"headers": {"authorization": f"Bearer {TOKEN}"}}
    with listening(app) as port:
        more |= {"endpoint": f"http://127.0.0.1:{port}", "insecure": True}
        traces = sdk("sdk.trace").TracerProvider(resource=resource)
        send = sdk(f"{exporter}.trace_exporter").OTLPSpanExporter(**more)
        traces.add_span_processor(sdk("sdk.trace.export").BatchSpanProcessor(send))
        lines = sdk("sdk._logs").LoggerProvider(resource=resource)
        send = sdk(f"{exporter}._log_exporter").OTLPLogExporter(
            **more, compression=grpc.Compression.Gzip
        )
        lines.add_log_record_processor(sdk("sdk._logs.export").BatchLogRecordProcessor(send))
        send = sdk(f"{exporter}.metric_exporter").OTLPMetricExporter(**more)
        reader = sdk("sdk.metrics.export").PeriodicExportingMetricReader(send, 3_600_000)
        meters = sdk("sdk.metrics").MeterProvider([reader], resource=resource)
        with traces.get_tracer("t").start_as_current_span("buy") as span:
            record = {"body": "sold 3 of 'ö'", "timestamp": time.time_ns()}
            lines.get_logger("l").emit(sdk("_logs").LogRecord(**record))
            trace_id = f"{span.get_span_context().trace_id:032x}"
        meters.get_meter("m").create_counter("sold").add(3, {"kind": "tea"})
        for provider in (traces, lines, meters):
            provider.force_flush()
            provider.shutdown()
    assert telemetry.rows("SELECT ServiceName, SpanName, TraceId FROM spans") == [
        {"ServiceName": "shop", "SpanName": "buy", "TraceId": trace_id}
    ]
    assert telemetry.rows("SELECT Body, TraceId FROM logs") == [
        {"Body": "sold 3 of 'ö'", "TraceId": trace_id}
    ]
    assert "sold" in store.metrics.names("default")


def test_answers_are_those_of_http(
    telemetry_api: httpx.Client, app: FastAPI, telemetry: TelemetryClient, store: Store,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    now = time.time_ns()
    made = logs("one", "two", at=now)
    made.resource_logs[0].scope_logs[0].log_records[1].time_unix_nano = now - 31 * 24 * HOUR
    body = made.SerializeToString()
    red = Keys(store).create("red", Role.RESPONDER, actor="ada", tenants=["red"]).secret.text
    code = grpc.StatusCode
    with listening(app) as port:
        for key in (TOKEN, red, red):  # the last is the same batch again, which counts once
            answer, error = sent(port, "logs", body, key)
            assert error is None
            assert b"1 older than they are kept" in answer
        assert telemetry.rows("SELECT Tenant, count() AS n FROM logs GROUP BY 1 ORDER BY 1") == [
            {"Tenant": "default", "n": 1},
            {"Tenant": "red", "n": 1},
        ]
        whole = spans("a", at=now).SerializeToString()
        assert sent(port, "trace", whole, sentinel_tenant="blue") == (b"", None)
        assert telemetry.value("SELECT any(Tenant) FROM spans") == "blue"
        for key, asked, expected in (
            ("nobody", {}, code.UNAUTHENTICATED),
            (red, {"sentinel_tenant": "blue"}, code.PERMISSION_DENIED),
        ):
            assert sent(port, "trace", whole, key, **asked)[1].code() == expected
        _, error = sent(port, "logs", b"\xff")
        assert error.code() == code.INVALID_ARGUMENT
        assert "no protobuf message" in error.details()
        _, error = sent(port, "logs", bytes(MOST_UNPACKED + 1))  # which gRPC itself refuses
        assert error.code() == code.RESOURCE_EXHAUSTED
        full = IntakeQueue(most=0)
        with monkeypatch.context() as patch:
            patch.setattr(app.state, "intake_queue", full)
            _, error = sent(port, "logs", body)
            assert (error.code(), after(error)) == (code.RESOURCE_EXHAUSTED, [1, 1])
        full.close()
        with monkeypatch.context() as patch:
            nowhere = {"telemetry_url": SecretStr("")}
            absent = app.state.settings.model_copy(update=nowhere)
            patch.setattr(app.state, "settings", absent)
            _, error = sent(port, "logs", body)
            assert (error.code(), after(error)) == (code.UNAVAILABLE, [5, 5])
            assert "there is no telemetry store" in error.details()
            points = request("metrics")  # which need no telemetry store
            points.resource_metrics.add().scope_metrics.add().metrics.add(name="depth")
            assert sent(port, "metrics", points.SerializeToString()) == (b"", None)


def test_it_listens_where_a_port_is_set_alone(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def asked(**given: Any) -> object:
        return await otlp_grpc_of(app, Settings(**given))

    assert asyncio.run(asked()) is None

    def absent(name: str) -> Any:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(otlp_grpc, "import_module", absent)
    with pytest.raises(ConfigurationError, match="libraries of gRPC are not installed"):
        asyncio.run(asked(otlp_grpc_port=4317))


def test_another_process_takes_the_port_when_the_first_one_ends(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(otlp_grpc, "_AGAIN_SECONDS", 0.02)
    tries: list[int] = []
    starts = OtlpGrpc.start

    async def counted(server: OtlpGrpc, host: str, port: int, tls: Any = None) -> int:
        tries.append(port)
        return await starts(server, host, port, tls)

    monkeypatch.setattr(OtlpGrpc, "start", counted)

    async def processes() -> None:
        first = OtlpGrpc(app)
        port = await first.start("127.0.0.1", 0)
        second = await otlp_grpc_of(app, Settings(otlp_grpc_port=port))
        third = await otlp_grpc_of(app, Settings(otlp_grpc_port=port))
        assert isinstance(second, GrpcStandby)
        assert isinstance(third, GrpcStandby)
        assert f"cannot be taken at port {port}" in caplog.text
        await third.close()  # while it waits
        await asyncio.sleep(0.1)
        assert len(tries) == 3, "no server of gRPC is made while the port is taken"
        await first.close()
        _, error = await asyncio.to_thread(answered, port)
        await second.close()
        assert error.code() == grpc.StatusCode.UNAUTHENTICATED

    def answered(port: int) -> Any:
        deadline = time.monotonic() + 20
        while True:
            found = sent(port, "logs", b"", key="none")
            refused = found[1].code() == grpc.StatusCode.UNAVAILABLE
            if not refused or time.monotonic() > deadline:
                return found

    asyncio.run(processes())


def test_it_answers_by_the_certificate_of_the_api(app: FastAPI, tmp_path: Path) -> None:
    certificate(tmp_path)
    key = tmp_path / "key.pem"
    made = serialization.load_pem_private_key(key.read_bytes(), None)
    key.write_bytes(made.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"of the key"),
    ))  # fmt: skip
    settings = Settings(
        tls_certificate=tmp_path / "cert.pem", tls_key=key, tls_key_password=SecretStr("of the key")
    )
    tls = otlp_grpc.tls_of(settings)
    roots = grpc.ssl_channel_credentials((tmp_path / "cert.pem").read_bytes())
    with (
        listening(app, tls) as port,
        grpc.secure_channel(f"localhost:{port}", roots) as channel,
        pytest.raises(grpc.RpcError) as refused,
    ):
        channel.unary_unary(SERVICE.format("logs", "Logs"))(b"", timeout=20)
    assert refused.value.code() == grpc.StatusCode.UNAUTHENTICATED
    wrong = settings.model_copy(update={"tls_key": tmp_path / "absent.pem"})
    with pytest.raises(ConfigurationError, match="cannot be used for gRPC"):
        otlp_grpc.tls_of(wrong)
