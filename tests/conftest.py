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
from sqlalchemy import URL, Connection, NullPool, create_engine, text
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
    store = Store(request.getfixturevalue("kept_postgres").emptied(), clock=clock)
    yield store
    store.close()


class KeptPostgres:
    """One migrated database that test after test gets, empty and under a name of its own.

    A copy for each would cost a third of a second. By the new name, whoever still serves an earlier
    test does not find it.
    """

    def __init__(self, base: str, name: str) -> None:
        self._base = make_url(base)
        self._name = name

    def emptied(self) -> str:
        """Its URL, with the schema and no row."""
        name = f"test_{secrets.token_hex(6)}"
        with _admin(self._base) as connection:
            connection.execute(
                text("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                     " WHERE datname = :name"),
                {"name": self._name},
            )  # fmt: skip
            connection.execute(text(f"ALTER DATABASE {self._name} RENAME TO {name}"))
        self._name = name
        url = self._base.set(database=name)
        with _admin(url) as connection:
            # Without the checks of foreign keys the order does not matter.
            connection.execute(text("SET session_replication_role = replica"))
            tables = connection.scalars(
                text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
                     " AND tablename <> 'alembic_version'")
            )  # fmt: skip
            for table in tables.all():
                connection.execute(text(f'DELETE FROM "{table}"'))
            for sequence in connection.scalars(text("SELECT sequencename FROM pg_sequences")).all():
                connection.execute(text(f'ALTER SEQUENCE "{sequence}" RESTART'))
        return url.render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def kept_postgres(postgres_url: str, migrated_postgres: str) -> KeptPostgres:
    """For `store`: one database for the whole session."""
    name = f"test_{secrets.token_hex(6)}"
    with _admin(make_url(postgres_url)) as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {migrated_postgres}"))
    return KeptPostgres(postgres_url, name)


@contextmanager
def _admin(url: URL) -> Generator[Connection]:
    engine = create_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@contextmanager
def _database(base: str, template: str) -> Generator[str]:
    name = f"test_{secrets.token_hex(6)}"
    with _admin(make_url(base)) as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
    yield make_url(base).set(database=name).render_as_string(hide_password=False)
    with _admin(make_url(base)) as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


def _migrate(url: str) -> None:
    store = Store(url)
    store.migrate()
    store.close()
