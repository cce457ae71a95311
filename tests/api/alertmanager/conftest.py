"""An API on this machine's time, for clients that have no other."""

from __future__ import annotations

from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI

from sentinel.ingest.alertmanager_intake import AlertmanagerIntake
from sentinel.store import Store
from tests.api.served import on_store, served
from tests.databases import sqlite_copy


class Ahead:
    """The machine's time, and more when the test says so."""

    def __init__(self) -> None:
        self.more = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.more


class Live:
    """The API over a socket, and its store.

    Args:
        url: where Alertmanager's API is
        store: on the time of `clock`
        clock: at the machine's time
    """

    def __init__(self, url: str, store: Store, clock: Ahead) -> None:
        self.url, self.store, self._clock = f"{url}/alertmanager", store, clock

    def ahead(self, **more: float) -> None:
        """Move the clock of the store, and no other."""
        self._clock.more += timedelta(**more)

    def alerts(self) -> list[tuple[str, str, str]]:
        """Name, status and resolution of each alert."""
        query = "SELECT labels, status, resolution FROM alert ORDER BY id"
        with self.store.read() as connection:
            rows = connection.exec_driver_sql(query).all()
        return [(labels.partition('"alertname":"')[2].partition('"')[0], *rest)
                for labels, *rest in rows]  # fmt: skip

    def settle(self) -> None:
        """Have what was posted applied, as the API's own thread does."""
        AlertmanagerIntake(self.store).settle("default")

    def timeline(self) -> list[str]:
        """The reason of each entry of every timeline."""
        with self.store.read() as connection:
            found = connection.exec_driver_sql("SELECT reason FROM timeline ORDER BY id")
            return list(found.scalars())


@pytest.fixture
def live(application: FastAPI, migrated_sqlite: Path, tmp_path: Path) -> Generator[Live]:
    """The application over a store on the machine's time; the test sweeps."""
    clock = Ahead()
    store = Store(sqlite_copy(migrated_sqlite, tmp_path / "live.db"), clock=clock)
    with on_store(application, store), served(application, lifespan="off") as url:
        yield Live(url, store, clock)
    store.close()
