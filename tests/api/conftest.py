"""An API over a database of its own."""

from __future__ import annotations

from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from sentinel.api import create_app
from sentinel.api.answers import Answers
from sentinel.api.batches import Batches
from sentinel.api.issuer_keys import OutsideTokens, outside_tokens
from sentinel.clock import FakeClock
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.approvals.separation import Separation
from tests.api.document import document
from tests.api.matrix_scene import MatrixScene
from tests.api.outside_issuer import Issuer, Seconds, settings_of
from tests.api.served import TOKEN, Raised, called, caller, on_store, served
from tests.databases import sqlite_copy
from tests.prefect_server import PrefectServer
from tests.world import World


@pytest.fixture
def raised(store: Store, clock: FakeClock) -> Raised:
    """Raises alerts."""
    return World(store, clock).raises


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of an API that nothing outside reaches, with a Prefect that is not there."""
    return Settings.model_validate(
        {
            "home": tmp_path_factory.mktemp("api"),
            "api_token": TOKEN,
            "prefect_api_url": "http://127.0.0.1:9/api",
            "user": "robot",
        }
    )


@pytest.fixture(scope="session")
def application(settings: Settings, migrated_sqlite: Path) -> FastAPI:
    """The application, without the relay: made once, since that takes longer than most tests."""
    store = Store(f"sqlite:///{migrated_sqlite}")
    app = create_app(settings, store=store, relay=False)
    app.openapi_schema = document()  # two seconds: once in a process
    return app


@pytest.fixture(scope="session")
def matrix_scene(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> MatrixScene:
    """The tenants of the access matrix, made once: copy them as `migrated_url`."""
    return MatrixScene(migrated_sqlite, tmp_path_factory.mktemp("matrix"))


@pytest.fixture
def app(application: FastAPI, store: Store) -> Generator[FastAPI]:
    """The application over the store of the test."""
    with on_store(application, store):
        yield application


@pytest.fixture
def url(app: FastAPI) -> Generator[str]:
    """Where the application is served."""
    with served(app, lifespan="off") as url:
        yield url


@pytest.fixture
def client(app: FastAPI) -> Generator[httpx.Client]:
    """A caller on this machine that has the token."""
    with called(app, Authorization=f"Bearer {TOKEN}") as client:
        yield client


@pytest.fixture
def stranger(url: str) -> Generator[httpx.Client]:
    """A caller on this machine without a token."""
    with caller(url) as client:
        yield client


@pytest.fixture
def outsider(url: str) -> Generator[httpx.Client]:
    """A caller on another machine without a token."""
    with caller(url, X_Forwarded_For="192.0.2.7") as client:
        yield client


@pytest.fixture(scope="session")
def on_prefect(
    prefect_server: PrefectServer, migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory
) -> FastAPI:
    """The application, with a Prefect server that answers."""
    given = {
        "home": tmp_path_factory.mktemp("api-on-prefect"),
        "api_token": TOKEN,
        "prefect_api_url": prefect_server.url,
        "user": "robot",
    }
    store = Store(f"sqlite:///{migrated_sqlite}")
    return create_app(Settings.model_validate(given), store=store, relay=False)


@pytest.fixture
def database(migrated_sqlite: Path, tmp_path: Path) -> str:
    """A database on the machine's own clock, as a worker has it."""
    return sqlite_copy(migrated_sqlite, tmp_path / "sentinel.db")


@pytest.fixture
def desk(on_prefect: FastAPI, database: str) -> Generator[httpx.Client]:
    """A caller of the application over a database of its own; rules are deleted afterwards."""
    store = Store(database)
    on_prefect.state.store, on_prefect.state.answers = store, Answers(store)
    on_prefect.state.batches = Batches(store)
    with called(on_prefect, Authorization=f"Bearer {TOKEN}") as client:
        yield client
        Separation(store).switch(None, on=False, actor="tests")  # or deletions may wait
        for item in client.get("/api/v1/alerts/rules").json()["items"]:
            client.delete(f"/api/v1/alerts/rules/{item['name']}")
    on_prefect.state.answers.close()
    on_prefect.state.batches.close()
    store.close()


@pytest.fixture
def issuer() -> Generator[Issuer]:
    """An OIDC issuer that answers."""
    issuer = Issuer()
    yield issuer
    issuer.close()


@pytest.fixture
def seconds() -> Seconds:
    """Seconds by which keys and accounts of the issuer get old."""
    return Seconds()


@pytest.fixture
def outside(
    app: FastAPI, issuer: Issuer, store: Store, seconds: Seconds
) -> Generator[OutsideTokens]:
    """What recognizes tokens of the issuer, in the application."""
    made = outside_tokens(settings_of(issuer), store)
    assert made is not None
    outside = OutsideTokens(store, made._terms, monotonic=seconds)  # pyright: ignore[reportPrivateUsage] - the terms that the settings mean
    app.state.outside = outside
    yield outside
    app.state.outside = None
    outside.close()
    made.close()


@pytest.fixture
def telemetry_api(
    app: FastAPI, clock: FakeClock, telemetry_settings: Settings
) -> Generator[httpx.Client]:
    """A caller of an API that has a telemetry store."""
    clock.set(datetime.now(UTC))  # rows expire by the store's own clock
    before = app.state.settings
    names = ("telemetry_url", "telemetry_read_url")
    update = {name: getattr(telemetry_settings, name) for name in names}
    app.state.settings = before.model_copy(update=update)
    with called(app, Authorization=f"Bearer {TOKEN}") as client:
        yield client
    app.state.settings = before
