"""Both databases, for real, and a clock that a test gives."""

from __future__ import annotations

import gc
import os
import sys
import zoneinfo
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from sqlalchemy.engine import make_url

from sentinel.clock import FakeClock
from sentinel.store import Store
from sentinel.up.temporary import temporary_postgres
from tests.cheap_passwords import hashes_passwords_cheaply
from tests.databases import (
    BOTH,
    KeptPostgres,
    cheap_connections,
    database,
    databases_of,
    migrate,
    never_waits_for_disks,
    sqlite_copy,
)
from tests.shared_certificates import share_certificates
from tests.shared_engines import share_engines
from tests.shared_routes import share_routes

pytest_plugins = ["tests.prefect_server", "tests.telemetry_engine"]

# No test asserts on wall time: a machine that other work keeps busy is not a failing example.
hypothesis_settings.register_profile(
    "sentinel", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
hypothesis_settings.load_profile("sentinel")
# As the Makefile has it, for who runs pytest without it: what is compiled once is kept.
os.environ["PYTHONDONTWRITEBYTECODE"] = ""
sys.dont_write_bytecode = False
# Half of the processor time of collecting went into looking for garbage among what stays.
gc.disable()
# Prefect lists all time zones for every schedule that it reads: 8 ms where the machine's folder of
# them is walked, a quarter of one where only the package `tzdata` is asked.
zoneinfo.reset_tzpath(())
never_waits_for_disks()
share_engines()
share_certificates()
share_routes()
hashes_passwords_cheaply()
# Receivers of tests listen on this machine, which channels may not reach unless they are told.
os.environ["SENTINEL_ALLOWED_NETWORKS"] = "127.0.0.0/8"


@pytest.fixture(scope="session")
def postgres_url() -> Generator[str]:
    """A real PostgreSQL for the whole session; the URL of one of its databases."""
    with temporary_postgres(durable=False) as server:
        url = server.address("postgres")  # as the superuser, who may make databases
        cheap_connections(url)
        yield url


@pytest.fixture(params=BOTH)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[str]:
    """An empty database of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    with database(request.getfixturevalue("postgres_url")) as url:
        yield url


@pytest.fixture(scope="session")
def migrated_postgres(postgres_url: str) -> Generator[str]:
    """The name of a migrated database, to be copied."""
    with database(postgres_url) as url:
        migrate(url)
        yield str(make_url(url).database)


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database file, to be copied."""
    path = tmp_path_factory.mktemp("migrated") / "sentinel.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def clock() -> FakeClock:
    """A clock that moves only when told."""
    return FakeClock()


# First, since xdist reads the groups when its own hook is called: later ones would be of no effect.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long begins first, so that no process is left with it at the end."""
    for item in items:
        if group := _group(item):
            item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=_rank)


def _group(item: pytest.Item) -> str:
    """The group of tests that one process has, as they share what starts slowly; else empty."""
    if item.get_closest_marker("xdist_group"):
        return ""
    fixtures: list[str] = getattr(item, "fixturenames", [])
    if "telemetry_engine" in fixtures:
        return "telemetry"
    if item.get_closest_marker("browser"):
        return item.path.stem  # they share the browser
    quick = item.get_closest_marker("slow") is None
    # Or each process would start a Prefect server for them, in ten seconds.
    return "quick-on-prefect" if quick and "prefect_server" in fixtures else ""


def pytest_collection_finish() -> None:
    """What was collected stays until the end, and is no garbage that tests need look through."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)  # 700 objects, by default, are those of a few statements
    gc.enable()


def _rank(item: pytest.Item) -> int:
    group = item.get_closest_marker("xdist_group")
    if item.get_closest_marker("slow") is None:
        return 5 if group is None else 4
    if item.get_closest_marker("browser"):
        return 1
    if group is None:
        return 3
    # The whole product mostly waits: beside browsers, which do not, rather than all of it at once.
    return 0 if group.args == ("system",) else 2


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what uses a database on each kind of it."""
    if "migrated_url" in metafunc.fixturenames:
        metafunc.parametrize("migrated_url", databases_of(metafunc), indirect=True)


@pytest.fixture
def migrated_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a migrated database without a row; see `databases_of`."""
    if request.param == "sqlite":
        return sqlite_copy(request.getfixturevalue("migrated_sqlite"), tmp_path / "sentinel.db")
    return request.getfixturevalue("kept_postgres").emptied()


@pytest.fixture
def store(migrated_url: str, clock: FakeClock) -> Generator[Store]:
    """A migrated store on each database."""
    store = Store(migrated_url, clock=clock)
    yield store
    store.close()


@pytest.fixture(scope="session")
def kept_postgres(postgres_url: str, migrated_postgres: str) -> Generator[KeptPostgres]:
    """For `migrated_url`: one database for the whole session."""
    kept = KeptPostgres(postgres_url, migrated_postgres)
    yield kept
    kept.close()
