"""Logs and runs of a real Prefect server in the telemetry store, each once."""

from __future__ import annotations

from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from sentinel.clock import FakeClock
from sentinel.errors import TelemetryError
from sentinel.ingest.prefect_history import PrefectHistory
from sentinel.ingest.telemetry import TelemetryIntake
from sentinel.prefect_client.history import RunHistory
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.telemetry.client import TelemetryClient, telemetry_client
from sentinel.telemetry.prefect_runs import span_of, trace_of
from tests.prefect_server import PrefectServer


class Runs:
    """Flow runs of a server, made over its API as a worker makes them."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        self.flow = self._post("/flows/", {"name": f"etl-{uuid4().hex[:8]}"})

    def _post(self, path: str, body: Any) -> Any:
        answer = self._client.post(path, json=body)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def ended(self, state: str, tasks: int = 0) -> str:
        run = self._post("/flow_runs/", {"flow_id": self.flow["id"], "state": {"type": "PENDING"}})
        self._state(f"/flow_runs/{run['id']}", "RUNNING")
        for number in range(tasks):
            task = self._post("/task_runs/", {
                "flow_run_id": run["id"], "task_key": "load", "dynamic_key": str(number),
                "name": f"load-{number}", "state": {"type": "PENDING"},
            })  # fmt: skip
            self._state(f"/task_runs/{task['id']}", "RUNNING")
            self._state(f"/task_runs/{task['id']}", "COMPLETED")
        self._state(f"/flow_runs/{run['id']}", state)
        return run["id"]

    def _state(self, path: str, kind: str) -> None:
        self._post(f"{path}/set_state", {"state": {"type": kind}, "force": True})

    def says(self, run: str, *lines: str, at: datetime) -> None:
        self._post("/logs/", [
            {"name": "prefect.flow_runs", "level": 40, "message": line, "flow_run_id": run,
             "timestamp": (at + timedelta(milliseconds=number)).isoformat()}
            for number, line in enumerate(lines)
        ])  # fmt: skip


@pytest.fixture
def runs(prefect_server: PrefectServer) -> Generator[Runs]:
    with httpx.Client(base_url=prefect_server.url, timeout=30) as client:
        yield Runs(client)


@pytest.fixture
def api(prefect_server: PrefectServer) -> Generator[RunHistory]:
    with RunHistory(prefect_server.url, timeout=30) as api:
        yield api


@pytest.fixture
def store(migrated_sqlite: Path, clock: FakeClock) -> Generator[Store]:
    """A store to which these tests write nothing."""
    store = Store(f"sqlite:///{migrated_sqlite}", clock=clock)
    yield store
    store.close()


def history(api: RunHistory, store: Store, settings: Settings) -> PrefectHistory:
    """One that a new process makes."""
    intake = TelemetryIntake(settings, store.clock, store.metrics)
    return PrefectHistory(api, intake, telemetry_client(settings), "default")


def test_runs_are_traces_and_their_lines_are_found_from_them(
    api: RunHistory,
    runs: Runs,
    store: Store,
    clock: FakeClock,
    telemetry: TelemetryClient,
    telemetry_settings: Settings,
) -> None:
    began = datetime.now(UTC)
    failed = runs.ended("FAILED", tasks=2)
    runs.says(failed, "no such file", "", at=began)
    clock.set(datetime.now(UTC) + timedelta(minutes=1))
    copies = history(api, store, telemetry_settings)
    for _ in range(2):
        while copies.turn(clock.now()):
            pass
    trace = trace_of(failed)
    spans = telemetry.rows(
        "SELECT SpanId, ParentSpanId, SpanName, ServiceName, StatusCode, Duration FROM spans "
        "WHERE TraceId = {trace:String} ORDER BY SpanName", {"trace": trace},
    )  # fmt: skip
    assert [(one["SpanName"], one["ParentSpanId"]) for one in spans] == [
        (runs.flow["name"], ""), ("load-0", span_of(failed)), ("load-1", span_of(failed)),
    ]  # fmt: skip
    assert spans[0]["Duration"] >= spans[1]["Duration"] + spans[2]["Duration"] > 0
    assert {one["ServiceName"] for one in spans} == {runs.flow["name"]}
    assert [one["StatusCode"] for one in spans] == ["Error", "Ok", "Ok"]
    lines = telemetry.rows(
        "SELECT Body, SeverityText, ServiceName, SpanId FROM logs "
        "WHERE TraceId = {trace:String} ORDER BY Timestamp", {"trace": trace},
    )  # fmt: skip
    assert [one["Body"].strip() for one in lines] == ["no such file", ""]
    assert (lines[0]["SeverityText"], lines[0]["SpanId"]) == ("ERROR", span_of(failed))


def test_another_process_goes_on_where_one_ended_and_takes_what_came_late(
    api: RunHistory,
    runs: Runs,
    store: Store,
    clock: FakeClock,
    telemetry: TelemetryClient,
    telemetry_settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    began = datetime.now(UTC)
    one = runs.ended("COMPLETED", tasks=1)
    runs.says(one, *[f"line {number}" for number in range(450)], at=began)
    clock.set(datetime.now(UTC) + timedelta(minutes=1))

    class Killed(BaseException):
        """As `kill -9`."""

    original = TelemetryIntake.take

    def dies(self: TelemetryIntake, tenant: str, signal: Any, *given: Any, **more: Any) -> Any:
        done = original(self, tenant, signal, *given, **more)
        if signal == "traces":  # the spans of tasks are written, the root is not
            raise Killed
        return done

    with monkeypatch.context() as patch:
        patch.setattr(TelemetryIntake, "take", dies)
        with pytest.raises(Killed):
            history(api, store, telemetry_settings).turn(clock.now())
    runs.says(one, "late", at=began + timedelta(milliseconds=5))
    for _ in range(2):
        history(api, store, telemetry_settings).turn(clock.now())
    trace = {"trace": trace_of(one)}
    spans = "SELECT count() FROM spans WHERE TraceId = {trace:String}"
    assert telemetry.value(spans, trace) == 2
    number = "SELECT (count(), uniqExact(Body)) FROM logs WHERE TraceId = {trace:String}"
    assert telemetry.value(number, trace) == (451, 451)


def test_what_the_store_refuses_for_good_holds_up_nothing(
    api: RunHistory,
    runs: Runs,
    store: Store,
    clock: FakeClock,
    telemetry: TelemetryClient,
    telemetry_settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refused = list[str]()

    def refuses(_: TelemetryIntake, tenant: str, signal: str, *given: Any, **more: Any) -> Any:
        refused.append(signal)
        raise TelemetryError("the telemetry store refused it")

    run = runs.ended("COMPLETED")
    runs.says(run, "bad", at=datetime.now(UTC))
    clock.set(datetime.now(UTC) + timedelta(minutes=1))
    copies = history(api, store, telemetry_settings)
    with monkeypatch.context() as patch:
        patch.setattr(TelemetryIntake, "take", refuses)
        for _ in range(2):
            copies.turn(clock.now())
    assert sorted(set(refused)) == ["logs", "traces"]
    runs.says(run, "good", at=datetime.now(UTC))
    clock.set(clock.now() + timedelta(minutes=1))
    calls = len(refused)
    copies.turn(clock.now())
    assert len(refused) == calls
    where = "SELECT Body FROM logs WHERE TraceId = {trace:String}"
    said = [one["Body"] for one in telemetry.rows(where, {"trace": trace_of(run)})]
    assert said == ["good"]
