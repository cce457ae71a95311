"""Backups of the embedded store."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sentinel.errors import ConfigurationError, Conflict, TelemetryError
from sentinel.store.telemetry import backup
from sentinel.store.telemetry.backup import backup_telemetry, restore_telemetry
from sentinel.store.telemetry.client import TelemetryClient
from tests.store.telemetry.test_client import spans
from tests.telemetry_engine import EngineProcess


def _meanwhile(client: TelemetryClient, arriving: Any) -> Callable[..., None]:
    """Spans that arrive while a backup is restored, and an end of the store's patience."""

    def exchange(*_: object) -> None:
        client.insert("spans", arriving, "four")
        raise TelemetryError("the disk is full")

    return exchange


def test_what_was_backed_up_is_restored_and_a_damaged_file_changes_nothing(
    telemetry: TelemetryClient,
    telemetry_engine: EngineProcess,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder, path = telemetry_engine.backups, tmp_path / "telemetry.tar"
    now = datetime.now(UTC)
    telemetry.insert("spans", spans(("a", now), ("b", now)), "one")
    size = backup_telemetry(telemetry, folder, path)
    assert size == path.stat().st_size
    assert path.stat().st_mode & 0o077 == 0
    assert not list(folder.iterdir())
    with pytest.raises(Conflict, match="exists"):
        backup_telemetry(telemetry, folder, path)
    telemetry.insert("spans", spans(("c", now)), "two")
    with pytest.raises(Conflict, match="3 in spans"):
        restore_telemetry(telemetry, folder, path)
    damaged = tmp_path / "damaged.tar"
    damaged.write_bytes(path.read_bytes()[: size // 2])
    for wrong in (damaged, tmp_path / "missing.tar"):
        with pytest.raises(ConfigurationError, match="cannot be re"):
            restore_telemetry(telemetry, folder, wrong, replace=True)
    with monkeypatch.context() as patch:
        patch.setattr(backup, "_exchange", _meanwhile(telemetry, spans(("e", now))))
        with pytest.raises(ConfigurationError, match="restored"):
            restore_telemetry(telemetry, folder, path, replace=True)
    assert telemetry.value("SELECT count() FROM spans") == 4  # also what came meanwhile
    assert telemetry.value("SELECT count() FROM trace_times") == 4
    assert restore_telemetry(telemetry, folder, path, replace=True) == {"logs": 0, "spans": 2}
    # It goes on as before: the view, and the tokens of batches after the restore.
    for _ in range(2):
        telemetry.insert("spans", spans(("d", now)), "three")
    assert telemetry.value("SELECT count() FROM spans") == 3
    assert telemetry.value("SELECT count() FROM trace_times") == 3
    assert not list(folder.iterdir())


def test_a_store_that_is_not_embedded_here_is_backed_up_by_its_owner(
    telemetry: TelemetryClient, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match="no embedded telemetry store"):
        backup_telemetry(telemetry, tmp_path / "none", tmp_path / "x.tar")
