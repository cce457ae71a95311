"""A Prefect server that asks every client who it is: rules run there as anywhere."""

from __future__ import annotations

import secrets
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import get_client
from prefect.settings import (
    PREFECT_API_AUTH_STRING,
    PREFECT_API_KEY,
    PREFECT_API_URL,
    temporary_settings,
)
from prefect.settings.legacy import Setting

from flows.connections import prefect_api
from sentinel.engine.run_health import run_health
from sentinel.prefect_client.client import PrefectApi
from sentinel.worker.engine import LeanClient, credentials
from tests.prefect_server import PrefectServer, on_postgres
from tests.worker.conftest import Bench

# One group: each process of the suite that has one of these tests starts their server.
pytestmark = [pytest.mark.prefect, pytest.mark.slow, pytest.mark.xdist_group("secured-server")]

LOGIN = f"admin:{secrets.token_urlsafe(12)}"


@pytest.fixture(scope="module")
def secured(
    tmp_path_factory: pytest.TempPathFactory, postgres_url: str
) -> Generator[PrefectServer]:
    home = tmp_path_factory.mktemp("secured")
    with on_postgres(postgres_url, lambda database: PrefectServer(home, database, LOGIN)) as server:
        yield server


@pytest.fixture
def bench(secured: PrefectServer, tmp_path: Path, migrated_sqlite: Path) -> Generator[Bench]:
    bench = Bench(secured, tmp_path, migrated_sqlite)
    yield bench
    bench.end()


@pytest.fixture(scope="module")
def served(
    secured: PrefectServer, tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path
) -> Generator[Bench]:
    """A pool whose worker is warm, for the tests that neither stop it nor ask for a new pool."""
    bench = Bench(secured, tmp_path_factory.mktemp("served"), migrated_sqlite)
    bench.worker().ready()
    yield bench
    bench.end()


def test_a_rule_runs_and_its_alerts_are_stored(served: Bench):
    with PrefectApi(served.server.url) as nobody:
        assert not nobody.healthy()
    ended = served.ended(served.start(served.rule("full", when={"above": 0.0001})))
    assert ended["state_name"] == "Firing"
    assert served.store.alerts.counts().active > 0


def test_an_asynchronous_flow_runs(served: Bench):
    assert served.ended(served.start(served.deploy("gently")))["state_type"] == "COMPLETED"


def test_a_pool_whose_runs_all_die_is_seen_in_prefects_own_record(bench: Bench):
    api, pool = bench.server.api, bench.pool
    dies, fine = bench.deploy("exits_hard"), bench.deploy("fine")
    bench.worker().ready()
    assert run_health(api, pool, bench.store.now()).bad is None
    for _ in range(3):
        assert bench.ended(bench.start(dies))["state_type"] == "CRASHED"
    health = run_health(api, pool, bench.store.now())
    assert health.bad
    assert "all of the last 3 flow runs died" in health.says
    bench.ended(bench.start(fine))
    assert run_health(api, pool, bench.store.now()).bad is False


def test_runs_whose_flow_cannot_be_loaded_have_died_though_prefect_gives_them_a_start(
    bench: Bench,
):
    gone = bench.deploy("fine", entrypoint="flows.rules.no_such_check")
    bench.worker().ready()
    for _ in range(3):
        ended = bench.ended(bench.start(gone))
        assert (ended["state_type"], ended["run_count"]) == ("FAILED", 0)
    assert run_health(bench.server.api, bench.pool, bench.store.now()).bad


@pytest.mark.parametrize(
    ("settings", "header"),
    [
        ({PREFECT_API_AUTH_STRING: "a:b"}, "Basic YTpi"),
        ({PREFECT_API_KEY: "pnu_1"}, "Bearer pnu_1"),
        ({PREFECT_API_KEY: "pnu_1", PREFECT_API_AUTH_STRING: "a:b"}, "Basic YTpi"),
        ({}, None),
    ],
)
def test_the_process_of_a_flow_says_who_it_is_as_prefects_own_client_does(
    settings: dict[Setting, Any], header: str | None
):
    prefect_api.cache_clear()
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api", **settings}):
        api = prefect_api()
        lean = LeanClient(PREFECT_API_URL.value(), **credentials())
        own = get_client(sync_client=True)
        assert api is not None
        for client in (api, lean, own):
            assert client._client.headers.get("Authorization") == header  # pyright: ignore[reportPrivateUsage] - what it would send
    prefect_api.cache_clear()
