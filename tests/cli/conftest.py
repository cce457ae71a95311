"""The command line in a folder of its own, and a database with one alert."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

import pytest
import typer.main

from sentinel.cli import main
from sentinel.clock import FakeClock
from sentinel.settings import settings
from sentinel.store import Store
from tests.cli.shell import Run
from tests.world import World

# A process of a user runs one command; of several in one process, all after the first would spend
# most of their time on describing every command anew.
typer.main.get_command = cache(typer.main.get_command)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `sentinel`, in a folder of its own; gives exit code, output and errors."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SENTINEL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SENTINEL_USER", "ada")
    monkeypatch.delenv("PREFECT_API_URL", raising=False)

    def sentinel(*arguments: str) -> tuple[int, str, str]:
        settings.cache_clear()
        monkeypatch.setattr(sys, "argv", ["sentinel", *arguments])
        capsys.readouterr()
        code = main()
        out, err = capsys.readouterr()
        return code, out, err

    return sentinel


@pytest.fixture
def world(run: Run, migrated_url: str, monkeypatch: pytest.MonkeyPatch) -> World:
    """A database with one alert, on /data."""
    monkeypatch.setenv("SENTINEL_DATABASE_URL", migrated_url)
    clock = FakeClock()
    store = Store(migrated_url, clock=clock)
    world = World(store, clock)
    store.apply(world.evaluation({"/data": 97.0}))
    store.close()
    return world
