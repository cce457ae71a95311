"""The archive on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sentinel.store import Store
from tests.cli.shell import Run
from tests.world import World


def test_alerts_are_archived_found_restored_and_held(
    run: Run, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("archive", "search", "disk")[1] == "Nothing in the archive matches.\n"
    monkeypatch.setenv("SENTINEL_ARCHIVE_URL", str(tmp_path / "archive"))
    world.store = Store(str(world.store.engine.url), clock=world.clock)
    for _ in range(2):
        world.sees({"/data": 20})
    world.store.close()
    assert run("archive", "run")[1].startswith("Archived 1 alert ")
    (found,) = json.loads(run("archive", "search", "DATA", "--json")[1])["items"]
    assert found["archived"] is True
    assert found["title"] in run("archive", "search", "data", "--since", "2025-12-01")[1]
    assert run("archive", "search", "--since", "soon")[0] == 2
    assert len(json.loads(run("archive", "list", "--json")[1])["items"]) == 2
    assert "1 alert and 1 group" in run("archive", "verify")[1]
    run("archive", "hold", "default", "-m", "case 17")
    assert "case 17" in run("archive", "holds")[1]
    assert run("archive", "release", "default")[0] == 0
    assert run("archive", "release", "default")[0] == 3
    assert run("archive", "restore", found["id"])[1] == "Restored 1 alert for 30d.\n"
    assert found["title"] in run("alert", "show", found["id"])[1]
    assert run("archive", "restore", found["id"])[0] == 3
    for file in (tmp_path / "archive").rglob("*.parquet"):
        file.write_bytes(b"x")
    code, _, err = run("archive", "verify")
    assert (code, "is damaged" in err) == (1, True)
