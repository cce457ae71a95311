"""Both databases, for real, and a clock that a test gives."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from sentinel.clock import FakeClock
from sentinel.store import Store
from sentinel.up.temporary import temporary_postgres

pytest_plugins = ["tests.prefect_server"]

# No test asserts on wall time: a machine that other work keeps busy is not a failing example.
hypothesis_settings.register_profile(
    "sentinel", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
hypothesis_settings.load_profile("sentinel")


@pytest.fixture(scope="session")
def postgres_url() -> Generator[str]:
    """A real PostgreSQL for the whole session; the URL of one of its databases."""
    with temporary_postgres() as server:
        yield server.address("sentinel")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[str]:
    """An empty database of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    with _database(request.getfixturevalue("postgres_url"), "template1") as url:
        yield url


@pytest.fixture(scope="session")
def migrated_postgres(postgres_url: str) -> Generator[str]:
    """The name of a migrated database, to be copied."""
    with _database(postgres_url, "template1") as url:
        _migrate(url)
        yield str(make_url(url).database)


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database file, to be copied."""
    path = tmp_path_factory.mktemp("migrated") / "sentinel.db"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def clock() -> FakeClock:
    """A clock that moves only when told."""
    return FakeClock()


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> Generator[Store]:
    """A migrated store on each database."""
    if request.param == "sqlite":
        path = tmp_path / "sentinel.db"
        shutil.copy(request.getfixturevalue("migrated_sqlite"), path)
        store = Store(f"sqlite:///{path}", clock=clock)
        yield store
        store.close()
        return
    base: str = request.getfixturevalue("postgres_url")
    with _database(base, request.getfixturevalue("migrated_postgres")) as url:
        store = Store(url, clock=clock)
        yield store
        store.close()


@contextmanager
def _database(base: str, template: str) -> Generator[str]:
    name = f"test_{secrets.token_hex(6)}"
    admin = create_engine(base, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
    yield make_url(base).set(database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


def _migrate(url: str) -> None:
    store = Store(url)
    store.migrate()
    store.close()
