"""`sentinel backup …`: what a person reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.shell import Run
from tests.world import World


def test_a_restore_says_what_it_lacks_and_how_to_start(
    run: Run, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("backup", "run", "backups")[0] == 0
    monkeypatch.setenv("SENTINEL_HOME", str(tmp_path / "new"))
    monkeypatch.delenv("SENTINEL_DATABASE_URL")
    code, out, err = run("backup", "restore", "backups")
    assert code == 0, err
    assert "The backup has no telemetry: there is no telemetry store." in out
    assert out.endswith("Start it: sentinel up --sqlite\n")
