"""`sentinel telemetry …`."""

from __future__ import annotations

import json
import time

import pytest

from sentinel.clock import SystemClock
from sentinel.ingest.telemetry import TelemetryIntake
from sentinel.store.telemetry.client import TelemetryClient
from sentinel.up.home import TELEMETRY_PASSWORD
from tests.cli.shell import Run
from tests.telemetry.otlp import logs, spans
from tests.telemetry_engine import EngineProcess
from tests.world import World


def test_logs_are_backed_up_and_restored(
    run: Run,
    world: World,
    telemetry: TelemetryClient,
    telemetry_engine: EngineProcess,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = telemetry_engine.settings
    monkeypatch.setenv("SENTINEL_HOME", str(telemetry_engine.folder.parent))
    monkeypatch.setenv("SENTINEL_TELEMETRY_URL", settings.telemetry_url.get_secret_value())
    code, _, err = run("telemetry", "backup")
    assert (code, "not embedded here" in err) == (2, True), err
    (telemetry_engine.folder.parent / TELEMETRY_PASSWORD).write_text("writes\n")
    intake = TelemetryIntake(settings, SystemClock(), world.store.metrics)
    intake.take("acme", "logs", logs("one", at=time.time_ns()), "token")
    code, out, err = run("telemetry", "backup", "--json")
    assert code == 0, err
    made = json.loads(out)
    assert run("telemetry", "restore", made["file"])[0] == 4
    code, out, err = run("telemetry", "restore", made["file"], "--replace")
    assert (code, out) == (0, "Restored: the store has 1 logs and 0 spans.\n"), err


def test_the_status_shows_sizes_by_tenant_and_signal(
    run: Run,
    world: World,
    telemetry: TelemetryClient,
    telemetry_engine: EngineProcess,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = telemetry_engine.settings
    monkeypatch.setenv("SENTINEL_TELEMETRY_URL", settings.telemetry_url.get_secret_value())
    intake = TelemetryIntake(settings, SystemClock(), world.store.metrics)
    now = time.time_ns()
    intake.take("acme", "logs", logs("one", "two", "three", at=now), "a")
    intake.take("other", "logs", logs("one", at=now), "b")
    intake.take("acme", "traces", spans("GET", at=now), "c")
    code, out, err = run("telemetry", "status", "--json")
    assert code == 0, err
    found = json.loads(out)
    rows = {(one["tenant"], one["signal"]): one["rows"] for one in found["tenants"]}
    assert rows == {("acme", "logs"): 3, ("other", "logs"): 1, ("acme", "spans"): 1}
    total = next(one["bytes"] for one in found["tables"] if one["name"] == "logs")
    (acme,) = [
        one for one in found["tenants"] if (one["tenant"], one["signal"]) == ("acme", "logs")
    ]
    assert acme["bytes"] == total * 3 // 4
    assert set(found["used"]) == {"parts", "merge", "memory", "disk"}
    assert found["memory_limit"] > 0  # of the store, whatever this process was told
    code, out, err = run("telemetry", "status")
    assert code == 0, err
    assert "acme" in out
    assert "GB of the disk are free" in out
