"""The store or intake is killed at any step: nothing acknowledged is lost, nothing counts twice."""

from __future__ import annotations

import resource
import sys
import threading
import time
from collections import Counter
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from sentinel.clock import SystemClock
from sentinel.errors import TelemetryUnavailable
from sentinel.ingest import telemetry as ingest
from sentinel.ingest.telemetry import TelemetryIntake
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.telemetry import rows
from sentinel.store.telemetry.client import TelemetryClient, telemetry_client
from tests.telemetry.otlp import logs, spans
from tests.telemetry_engine import EngineProcess
from tests.waiting import eventually

DAY = 24 * 3_600 * 10**9
ROWS, SENDERS = 200, 3


@pytest.fixture
def store(migrated_sqlite: Path) -> Generator[Store]:
    """A store to which these tests write nothing."""
    store = Store(f"sqlite:///{migrated_sqlite}")
    yield store
    store.close()


def intake_of(settings: Settings, store: Store) -> TelemetryIntake:
    return TelemetryIntake(settings, SystemClock(), store.metrics)


def over_two_days(name: str) -> Any:
    """Spans of two partitions, which are written one after the other, and one that is refused."""
    now = time.time_ns()
    made = spans(*[f"{name}-{number}" for number in range(ROWS)], at=now)
    some = made.resource_spans[0].scope_spans[0].spans
    for one in some[ROWS // 2 :]:
        one.start_time_unix_nano = now - DAY
    some[0].span_id = b""
    return made


class Killed(BaseException):
    """As `kill -9`: nothing of the process runs after it."""


@pytest.mark.parametrize("step", ["before", "rows", "all"])
def test_intake_that_dies_at_a_step_is_sent_the_batch_again(
    telemetry: TelemetryClient,
    telemetry_settings: Settings,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
) -> None:
    batch, intake = over_two_days(step), intake_of(telemetry_settings, store)

    def dies(*given: Any) -> None:
        if step == "all":
            original(*given)
        raise Killed

    place = {"before": (ingest, "insert_batch"), "rows": (rows, "insert_refused"),
             "all": (ingest, "insert_batch")}[step]  # fmt: skip
    original = getattr(*place)
    with monkeypatch.context() as patch:
        patch.setattr(*place, dies)
        with pytest.raises(Killed):
            intake.take("acme", "traces", batch, "token")
    # The next process, which knows nothing of it.
    again = intake_of(telemetry_settings, store).take("acme", "traces", batch, "token")
    assert (again.kept, again.refused) == (ROWS - 1, {"no_id": 1})
    assert telemetry.value("SELECT count() FROM spans") == ROWS - 1
    assert telemetry.value("SELECT count() FROM trace_times") == 1
    assert telemetry.value("SELECT sum(Rows) FROM refused") == 1


@pytest.mark.skipif(sys.platform != "linux", reason="prlimit is of Linux")
def test_rows_that_find_no_place_are_sent_again(
    telemetry_engine: EngineProcess,
    telemetry: TelemetryClient,
    telemetry_settings: Settings,
    store: Store,
) -> None:
    intake, batch = intake_of(telemetry_settings, store), logs("full", at=time.time_ns())
    telemetry_client(telemetry_settings, write=True, retain=True).prepare()
    pid = telemetry_engine.pid
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (1_000, before[1]))  # no file grows further
    try:
        for _ in range(2):
            with pytest.raises(TelemetryUnavailable, match="cannot do it now: File too large"):
                intake.take("acme", "logs", batch, "full")
        assert telemetry.value("SELECT count() FROM logs") == 0  # it can still be read
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
    for _ in range(2):
        assert intake.take("acme", "logs", batch, "full").kept == 1
    assert telemetry.value("SELECT count() FROM logs") == 1


@pytest.mark.slow
def test_the_store_is_killed_while_batches_are_written(
    telemetry_engine: EngineProcess,
    telemetry: TelemetryClient,
    telemetry_settings: Settings,
    store: Store,
) -> None:
    acknowledged: list[str] = []
    repeats: Counter[str] = Counter()
    stop = threading.Event()
    intake = intake_of(telemetry_settings, store)

    def send(sender: int) -> None:
        for number in range(10_000):
            name = f"{sender}-{number}"
            batch = over_two_days(name) if number % 2 else logs(*[name] * ROWS, at=time.time_ns())
            signal: Any = "traces" if number % 2 else "logs"
            while True:  # as an exporter does
                try:
                    intake.take("acme", signal, batch, name)
                except TelemetryUnavailable:
                    repeats[name] += 1
                    if stop.is_set() and repeats[name] > 600:
                        raise
                    time.sleep(0.05)
                else:
                    break
            acknowledged.append(name)
            if stop.is_set():
                return

    with ThreadPoolExecutor(SENDERS) as pool:
        senders = [pool.submit(send, number) for number in range(SENDERS)]
        try:
            for _ in range(2):
                enough = len(acknowledged) + 20
                eventually(lambda enough=enough: len(acknowledged) >= enough, "20 batches more", 60)
                telemetry_engine.kill()
                telemetry_engine.start()
        finally:
            stop.set()
        for sender in senders:
            sender.result(60)
    telemetry_engine.ready()
    assert repeats  # the store died while batches were on their way
    of_logs = {name for name in acknowledged if int(name.split("-")[1]) % 2 == 0}
    of_spans = set(acknowledged) - of_logs
    counted = telemetry.rows("SELECT Body AS name, count() AS n FROM logs GROUP BY 1")
    assert {one["name"]: one["n"] for one in counted} == dict.fromkeys(of_logs, ROWS)
    counted = telemetry.rows(
        "SELECT arrayStringConcat(arraySlice(splitByChar('-', SpanName), 1, 2), '-') AS name, "
        "count() AS n FROM spans GROUP BY 1"
    )
    assert {one["name"]: one["n"] for one in counted} == dict.fromkeys(of_spans, ROWS - 1)
    assert telemetry.value("SELECT count() FROM trace_times") == len(of_spans)
    assert telemetry.value("SELECT sum(Rows) FROM refused") == len(of_spans)
