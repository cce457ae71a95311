"""How fast requests become durable in the request log, and how fast usage is answered.

Batches of 10,000 requests as NDJSON are decoded, their addresses truncated, and written by three
senders to the embedded store with fsync, as `POST /api/v1/requests` does after the HTTP; the median
of `ROUNDS`, once both processes have loaded what they need. Then `PARTS` times `AT_ONCE` rows of
one day are added inside the store, or as many as `SECONDS` allow, and the slowest of the
dashboard's questions about all of them is timed, the best of three.
"""

from __future__ import annotations

import random
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from benchmarks.table import Row
from benchmarks.telemetry import embedded_store
from sentinel.api_usage.request_log import requests_of
from sentinel.clock import SystemClock
from sentinel.ingest.requests import RequestIntake
from sentinel.settings import Settings
from sentinel.store.telemetry.client import TelemetryClient, telemetry_client
from sentinel.store.telemetry.usage_answers import UsageAnswers, requests_found
from sentinel.telemetry.asked import Asked, ask
from sentinel.telemetry.query import REQUEST_FIELDS

__all__ = ["rows"]

BATCH, BATCHES, SENDERS = 10_000, 12, 3
ROUNDS = 3
SECONDS, AT_ONCE, PARTS = 300.0, 500_000, 100
ENDPOINTS = ("/orders/{id}", "/orders", "/search", "/users/{id}", "/cart", "/pay", "/health")


def rows() -> list[Row]:
    """Rows of the request log."""
    with tempfile.TemporaryDirectory() as folder, embedded_store(Path(folder)) as settings:
        _durable(settings, "warming", 3)
        durable = statistics.median(_durable(settings, str(one)) for one in range(ROUNDS))
        client = telemetry_client(settings, write=True)
        number = _filled(client)
        slowest, which = _slowest(client)
    print(f"request log: {number:,} rows; the slowest question: {which}")
    return [
        Row(name="request_log_per_second", value=durable, unit="rows/s", peer="asked",
            peer_value=50_000.0),
        Row(name="usage_question_slowest", value=1_000 * slowest,
            unit=f"ms over {number / 1e6:,.0f} M rows, less is better", peer="asked",
            peer_value=1_000.0),
    ]  # fmt: skip


def _body(seed: int) -> bytes:
    random.seed(seed)
    now = datetime.now(UTC).isoformat()
    return msgspec.json.Encoder().encode_lines([
        {
            "timestamp": now, "service": "shop", "consumer": f"user-{random.randrange(1_000)}",
            "key": f"k{random.randrange(1_200)}", "plan": "free", "method": "GET",
            "path": f"/orders/{random.randrange(10**6)}", "endpoint": random.choice(ENDPOINTS),
            "status": random.choice((200, 200, 200, 404, 500)), "response_bytes": 512,
            "duration_ms": random.lognormvariate(3, 1), "user_agent": "python-httpx/0.28",
            "address": f"203.0.{random.randrange(256)}.7",
        }
        for _ in range(BATCH)
    ])  # fmt: skip


def _durable(settings: Settings, name: str, batches: int = BATCHES) -> float:
    bodies = [_body(seed) for seed in range(batches)]
    intake = RequestIntake(settings, SystemClock())
    waiting = list(enumerate(bodies))

    def work() -> None:
        while True:
            try:
                number, body = waiting.pop()
            except IndexError:
                return
            found = requests_of(body)
            assert found is not None
            assert intake.take("acme", found, f"{name} {number}").kept == BATCH

    threads = [threading.Thread(target=work) for _ in range(SENDERS)]
    began = time.perf_counter()
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    return BATCH * batches / (time.perf_counter() - began)


def _filled(client: TelemetryClient) -> int:
    """Add rows of the last day inside the store until the time is up; return how many there are."""
    until = time.monotonic() + SECONDS
    part = 0
    names = ", ".join(f"'{one}'" for one in ENDPOINTS)
    while time.monotonic() < until and part < PARTS:
        client.command(
            "INSERT INTO requests (Tenant, Timestamp, ServiceName, Consumer, KeyId, Plan, Method, "
            "Endpoint, Path, Status, Duration, ResponseBytes, Address, Agent) SELECT 'acme', "
            f"now64(9) - toIntervalSecond({part * 86_000 // PARTS} + rand(1) % {86_000 // PARTS}), "
            "'shop', "
            "concat('user-', toString(rand(2) % 1000)), concat('k', toString(rand(2) % 1000)), "
            f"'free', 'GET', [{names}][rand(3) % {len(ENDPOINTS)} + 1], '/orders/17', "
            "[200, 200, 200, 404, 500][rand(4) % 5 + 1], "
            "toUInt64(exp(randNormal(3, 1)) * 1000000), 512, '203.0.113.0/24', 'httpx' "
            f"FROM numbers({AT_ONCE})"
        )
        part += 1
    return int(client.value("SELECT count() FROM requests"))


def _slowest(client: TelemetryClient) -> tuple[float, str]:
    answers = UsageAnswers(client, "acme")

    def asked(query: str = "") -> Asked:
        return ask(query, REQUEST_FIELDS, datetime.now(UTC), since="1d")

    questions: dict[str, Callable[[], object]] = {
        "over time": lambda: answers.usage(asked(), 60),
        "errors over time": lambda: answers.usage(asked("status:5xx"), 60),
        "by endpoint": lambda: answers.top(asked(), "endpoint", "requests", 20),
        "by consumer": lambda: answers.top(asked(), "consumer", "requests", 20),
        "rising consumers": lambda: answers.rising(asked(), "consumer", 50, 20),
        "endpoints": lambda: answers.endpoints(asked(), 14 * 86_400 * 10**9, (), 10),
        "one consumer": lambda: answers.consumer("user-7", asked(), 60),
        "newest rows": lambda: requests_found(client, "acme", asked("status:5xx"), 100, None),
    }
    found: list[tuple[float, str]] = []
    for name, question in questions.items():
        times: list[float] = []
        for _ in range(3):
            began = time.perf_counter()
            question()
            times.append(time.perf_counter() - began)
        found.append((min(times), name))
        print(f"  {name}: {1_000 * min(times):,.0f} ms")
    return max(found)


if __name__ == "__main__":
    for one in rows():
        print(one)
