"""A server on another machine, and a laptop whose commands reach it."""

from __future__ import annotations

import sys
from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi import FastAPI

from sentinel.api import create_app
from sentinel.cli import main
from sentinel.clock import FakeClock
from sentinel.settings import Settings, settings
from sentinel.store import Store
from tests.api.served import TOKEN, on_store, served
from tests.client.running import Run
from tests.databases import sqlite_copy
from tests.world import World


@pytest.fixture
def world(migrated_sqlite: Path, tmp_path: Path) -> Generator[World]:
    """A rule on a database of another machine."""
    clock = FakeClock(datetime.now(UTC))
    store = Store(sqlite_copy(migrated_sqlite, tmp_path / "server.db"), clock=clock)
    yield World(store, clock)
    store.close()


@pytest.fixture(scope="session")
def application(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    """The API of that machine: made once, since that takes longer than most tests."""
    given = {"home": tmp_path_factory.mktemp("server"), "api_token": TOKEN,
             "prefect_api_url": "http://127.0.0.1:9/api"}  # fmt: skip
    store = Store(f"sqlite:///{migrated_sqlite}")
    return create_app(Settings.model_validate(given), store=store, relay=False)


@pytest.fixture
def url(application: FastAPI, world: World) -> Generator[str]:
    """Where its API is served."""
    with on_store(application, world.store), served(application, lifespan="off") as url:
        yield url


@pytest.fixture
def sentinel(
    url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Generator[Run]:
    """The command on a laptop that has no database."""
    monkeypatch.setenv("SENTINEL_HOME", str(tmp_path / "laptop"))
    monkeypatch.setenv("SENTINEL_URL", "")
    monkeypatch.setenv("SENTINEL_TOKEN", TOKEN)
    monkeypatch.delenv("SENTINEL_DATABASE_URL", raising=False)
    settings.cache_clear()

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["sentinel", *arguments])
        code = main()
        said = capsys.readouterr()
        return code, said.out, said.err

    yield run
    settings.cache_clear()
