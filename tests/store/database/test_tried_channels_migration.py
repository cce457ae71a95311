"""Migration 0062: what took a message before, as far as deliveries say, is known to work."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import MetaData

from sentinel.clock import FakeClock
from sentinel.store import Store
from sentinel.store.database.engine import connect
from sentinel.store.notifications.channel_health import channel_states
from tests.store.older_schemas import filled, migrate_to

NOW = FakeClock().now()


@pytest.mark.slow
@pytest.mark.both_databases
def test_channels_that_took_a_message_are_not_untried(database_url: str):
    engine = connect(database_url)
    migrate_to(engine, "0061")
    tables = MetaData()
    tables.reflect(engine)
    health, delivery = tables.tables["channel_health"], tables.tables["delivery"]
    with engine.begin() as connection:
        for name, more in (
            ("was-down", {"failures": 0, "failed_at": NOW, "recovered_at": NOW}),
            ("down", {"failures": 1, "failed_at": NOW, "recovered_at": None}),
        ):
            values = filled(health, channel=f"sentinel-webhook/{name}", **more)
            connection.execute(health.insert().values(values))
        for number, (name, state) in enumerate(
            (("worked", "sent"), ("worked", "sent"), ("never", "failed"), ("down", "sent"))
        ):
            at = NOW - timedelta(minutes=number)
            values = filled(
                delivery, id=str(number), channel=f"sentinel-webhook/{name}", state=state,
                started_at=at,
            )  # fmt: skip
            connection.execute(delivery.insert().values(values))
    engine.dispose()
    store = Store(database_url, clock=FakeClock())
    store.migrate()
    names = ("was-down", "down", "worked", "never")
    states = channel_states(store, [f"sentinel-webhook/{name}" for name in names])
    store.close()
    assert {one.channel.rpartition("/")[2]: one.state for one in states} == {
        "inbox": "healthy", "was-down": "healthy", "down": "failing", "worked": "healthy",
        "never": "untried",
    }  # fmt: skip
