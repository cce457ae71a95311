"""An API over each database."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from sentinel.api import create_app
from sentinel.clock import FakeClock
from sentinel.settings import Settings
from sentinel.store import Store
from tests.api.served import TOKEN, Raised, caller, served


@pytest.fixture
def raised(store: Store, clock: FakeClock) -> Raised:
    """Raises alerts."""
    return Raised(store, clock)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of an API that nothing outside reaches, with a Prefect that is not there."""
    return Settings.model_validate(
        {
            "home": tmp_path / "home",
            "api_token": TOKEN,
            "prefect_api_url": "http://127.0.0.1:9/api",
            "user": "robot",
        }
    )


@pytest.fixture
def app(store: Store, settings: Settings) -> FastAPI:
    """The application, without the relay, over the store of the test."""
    return create_app(settings, store=store, relay=False)


@pytest.fixture
def url(app: FastAPI) -> Generator[str]:
    """Where the application is served."""
    with served(app) as url:
        yield url


@pytest.fixture
def client(url: str) -> Generator[httpx.Client]:
    """A caller on this machine that has the token."""
    with caller(url, Authorization=f"Bearer {TOKEN}") as client:
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
