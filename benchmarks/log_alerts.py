"""How soon a log line that an event policy matches is an alert, while other lines come."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

import httpx

from benchmarks.api_load import p95
from benchmarks.table import Row
from sentinel.alerts.run_source import RunSource
from sentinel.event_policies.pack import Spec
from sentinel.store import Store
from sentinel.store.alerts.filter import AlertFilter
from sentinel.store.events.packs import roll_out

__all__ = ["intake_to_alert"]

ALERTS, LINES = 60, 2_000
_POLICIES = 20
_PROTOBUF = {"Content-Type": "application/x-protobuf"}


def intake_to_alert(client: httpx.Client, store: Store, other: Callable[[int], bytes]) -> Row:
    """Send one line that matches among 2,000, and wait for its alert, again and again.

    A second sender posts batches without a matching line all the while.

    Args:
        client: of the API, whose relay matches
        store: its database
        other: returns the body of such a batch by its number

    Returns:
        Seconds from the beginning of the request until the alert is committed, at P95.
    """
    policies: list[dict[str, Any]] = [
        {"name": f"Word {number}", "source": "log", "by": "trace_id",
         "rules": [{"field": "message", "operator": "contains", "value": f"unheard{number}of"}]}
        for number in range(_POLICIES)
    ]  # fmt: skip
    roll_out(store, Spec(rule={"name": "words"}, policies=policies, source=RunSource()))
    time.sleep(1.5)  # a change of policies holds within a second
    done = threading.Event()
    busy = threading.Thread(target=_keep_busy, args=(client, other, done))
    busy.start()
    took: list[float] = []
    try:
        for number in range(ALERTS):
            body = _body(number)
            began = time.perf_counter()
            answer = client.post("/v1/logs", content=body, headers=_PROTOBUF)
            answer.raise_for_status()
            while _count(store) <= number:
                if time.perf_counter() - began > 60:
                    raise AssertionError(f"line {number} became no alert in a minute")
                time.sleep(0.01)
            took.append(time.perf_counter() - began)
    finally:
        done.set()
        busy.join()
    return Row(
        name="log_line_to_alert_p95", value=p95(took), unit="s", peer="asked", peer_value=2.0,
    )  # fmt: skip


def _count(store: Store) -> int:
    return len(store.alerts.page(AlertFilter(rule="word-0"), limit=ALERTS + 1).items)


def _keep_busy(client: httpx.Client, other: Callable[[int], bytes], done: threading.Event) -> None:
    number = 0
    while not done.is_set():
        number += 1
        client.post("/v1/logs", content=other(number), headers=_PROTOBUF)


def _body(number: int) -> bytes:
    module: Any = import_module("opentelemetry.proto.collector.logs.v1.logs_service_pb2")
    made = module.ExportLogsServiceRequest()
    scope = made.resource_logs.add().scope_logs.add()
    now = time.time_ns()
    for one in range(LINES):
        record = scope.log_records.add(time_unix_nano=now + one, severity_number=17)
        record.trace_id = (number + 1).to_bytes(16, "big")
        record.body.string_value = f"request {one} of {number} failed" + " unheard0of" * (not one)
    return made.SerializeToString()
