"""What the dashboard's process does beside answering."""

from __future__ import annotations

import asyncio
import logging

import pytest

from sentinel.settings import settings
from sentinel.store import Store
from sentinel.store.log_levels import LogLevels


def test_it_follows_the_log_levels_that_people_set(
    migrated_url: str, monkeypatch: pytest.MonkeyPatch
):
    from dashboard import app

    logger = logging.getLogger("dashboard.pages")
    store = Store(migrated_url)
    LogLevels(store).set("dashboard", "DEBUG", actor="ada")
    store.close()
    monkeypatch.setenv("SENTINEL_DATABASE_URL", migrated_url)

    async def work() -> None:
        settings.cache_clear()
        async with asyncio.timeout(20), app.lifespan(app.app):
            while not logger.isEnabledFor(logging.DEBUG):
                await asyncio.sleep(0.01)

    try:
        asyncio.run(work())
    finally:
        settings.cache_clear()
    assert not logger.isEnabledFor(logging.DEBUG)
