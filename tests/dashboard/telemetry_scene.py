"""A dashboard with a telemetry store of its own, and services that send to it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import msgspec
import pytest

from sentinel.api_usage.privacy import RequestPrivacy
from sentinel.api_usage.request_log import PostedRequest, request_rows
from sentinel.settings import Settings, settings
from sentinel.store.telemetry.client import TelemetryClient
from sentinel.store.telemetry.requests import insert_requests
from sentinel.store.telemetry.rows import insert_batch
from sentinel.telemetry.otlp_logs import logs_of
from sentinel.telemetry.otlp_spans import spans_of
from sentinel.telemetry.posted import posted_logs, posted_spans

__all__ = [
    "NOW", "SECOND", "sends_logs", "sends_requests", "sends_spans", "shop", "use_telemetry",
]  # fmt: skip

SECOND = 10**9
NOW = time.time_ns() // SECOND * SECOND - 60 * SECOND
"""A moment ago: rows expire by the store's own clock."""


def use_telemetry(monkeypatch: pytest.MonkeyPatch, named: Settings) -> None:
    """Let this process's dashboard read a store, and wait for it however long it takes."""
    monkeypatch.setenv("SENTINEL_TELEMETRY_URL", named.telemetry_url.get_secret_value())
    monkeypatch.setenv("SENTINEL_TELEMETRY_READ_URL", named.telemetry_read_url.get_secret_value())
    monkeypatch.setattr("dashboard.telemetry_panel.WAIT", 25.0)
    settings.cache_clear()


def sends_logs(
    client: TelemetryClient, lines: Sequence[Mapping[str, object]], tenant: str = "default"
) -> None:
    """A service sends log lines, without a time of their own in the last minutes."""
    given = [{"timestamp": (NOW - n * SECOND) / SECOND, **one} for n, one in enumerate(lines)]
    posted = posted_logs(given)
    assert not posted.errors
    arrived = time.time_ns()  # not `NOW`: times far after the arrival are moved to it
    batch = logs_of(posted.request, now=arrived, oldest=0)
    insert_batch(client, tenant, batch, f"{tenant} {arrived}", arrived)


def sends_spans(
    client: TelemetryClient, spans: Sequence[Mapping[str, object]], tenant: str = "default"
) -> None:
    """A service sends spans."""
    posted = posted_spans(spans, root=False)
    assert not posted.errors
    arrived = time.time_ns()
    batch = spans_of(posted.request, now=arrived, oldest=0)
    insert_batch(client, tenant, batch, f"{tenant} {arrived}", arrived)


def sends_requests(
    client: TelemetryClient, given: Sequence[Mapping[str, object]], tenant: str = "default"
) -> None:
    """An API sends its requests, a second apart."""
    rows = [
        msgspec.convert({"timestamp": NOW - n * SECOND, **one}, PostedRequest)
        for n, one in enumerate(given)
    ]
    arrived = time.time_ns()
    batch = request_rows(rows, RequestPrivacy(), now=arrived, oldest=0)
    insert_requests(client, tenant, batch, f"{tenant} {arrived}", arrived)


def shop(number: int, *, bad: bool = False) -> list[Mapping[str, object]]:
    """The spans of one trace: `shop` calls `pay`, which calls a database."""
    start = NOW - number * SECOND
    common = {"trace_id": f"{number + 1:032x}", "start_time": start}
    return [
        {**common, "span_id": f"{number + 1:016x}", "service": "shop", "operation": "GET /buy",
         "duration_ms": 100 * (number + 1), "kind": "server", "status_code": 500 if bad else 200},
        {**common, "span_id": f"{number + 101:016x}", "parent_span_id": f"{number + 1:016x}",
         "service": "pay", "operation": "charge", "duration_ms": 50, "kind": "server",
         "status": "error" if bad else "ok", "amount": number},
        {**common, "span_id": f"{number + 201:016x}", "parent_span_id": f"{number + 101:016x}",
         "service": "pay", "operation": "SELECT", "duration_ms": 5, "kind": "client",
         "db.system.name": "postgresql"},
    ]  # fmt: skip
