"""The middleware by a limit set that people change, with the database there and away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from sentinel.asgi.guarding import Guard
from sentinel.asgi.limit_source import StoredLimits
from sentinel.errors import ConfigurationError, DatabaseUnreachable
from sentinel.store import Store
from sentinel.store.api_usage import limit_sets
from sentinel.store.api_usage.limit_sets import HELD_SECONDS, LimitSets
from tests.asgi.test_middleware import asked, guarded


def test_the_middleware_limits_by_the_set_of_its_tenant(store: Store):
    LimitSets(store).save("shop", "1/minute", tenant="default", actor="ann")
    LimitSets(store).save("shop", "9/minute", tenant="acme", actor="ann")
    app = guarded(store, limits="set:shop")
    assert [one.status_code for one in asked(app, "/orders", "/orders")] == [200, 429]


def test_a_name_that_no_set_can_have_is_refused_at_once(store: Store):
    with pytest.raises(ConfigurationError, match="can be no limit set"):
        guarded(store, limits="set:a/b")


def _at_once(work: Callable[[], object]) -> None:
    work()


class Source:
    """A set as one process follows it; its thread works at once."""

    def __init__(self, store: Store) -> None:
        self.time = 0.0
        self.guard = Guard(store, patience=5)
        self.guard.in_background = _at_once
        self.source = StoredLimits(store, self.guard, "default", "shop", lambda: self.time)

    def amounts(self) -> list[int]:
        # The request that finds it due goes on by what is known; the next one sees the change.
        self.time += HELD_SECONDS
        asyncio.run(self.source.now())
        return [one.amount for one in asyncio.run(self.source.now()).limits]


def test_a_set_is_read_by_one_thread_at_a_time_while_the_database_hangs(store: Store):
    LimitSets(store).save("shop", "1/minute", tenant="default", actor="ann")
    source = Source(store)
    assert source.amounts() == [1]
    hung: list[Callable[[], object]] = []

    def hangs(work: Callable[[], object]) -> None:
        hung.append(work)

    source.guard.in_background = hangs
    for _ in range(5):
        source.amounts()
    assert len(hung) == 1
    hung[0]()
    source.amounts()
    assert len(hung) == 2


def test_a_change_counts_within_seconds_and_a_removed_set_limits_nothing(
    store: Store, caplog: pytest.LogCaptureFixture
):
    source, sets = Source(store), LimitSets(store)
    assert source.amounts() == []
    sets.save("shop", "1/minute", tenant="default", actor="ann")
    assert source.amounts() == [1]
    sets.save("shop", "2/minute; 3/hour", tenant="default", actor="ann")
    assert source.amounts() == [2, 3]
    sets.remove("default", "shop", actor="ann")
    assert source.amounts() == []
    assert "nothing is limited" in caplog.text


def test_the_last_known_limits_stay_while_the_database_is_away_or_ahead(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    source, sets = Source(store), LimitSets(store)
    sets.save("shop", "1/minute", tenant="default", actor="ann")
    assert source.amounts() == [1]

    def away(*_: Any) -> None:
        raise DatabaseUnreachable("the database is away")

    with monkeypatch.context() as patched:
        patched.setattr(limit_sets.LimitSets, "get", away)
        assert source.amounts() == [1]
    with store.write() as connection:
        connection.exec_driver_sql("UPDATE api_limit_set SET document = '1/minute by soul'")
    assert source.amounts() == [1]
    assert "last known limits stay" in caplog.text
    sets.save("shop", "4/minute", tenant="default", actor="ann")
    assert source.amounts() == [4]
