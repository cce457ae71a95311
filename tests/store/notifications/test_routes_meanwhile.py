"""Routes are applied at the moment at which an evaluation opens a group, in either order."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from sentinel.clock import FakeClock
from sentinel.store import Store
from sentinel.store.notifications import relabelled, routes
from sentinel.store.notifications.routes import Routes
from tests.engine.test_dispatcher import FIRST
from tests.store.notifications.test_inhibition import ROUTES
from tests.store.notifications.test_stale_mutes import waits_for_a_lock
from tests.waiting import eventually
from tests.world import World


@pytest.fixture
def store_of_many_writers(store: Store) -> Store:
    if store.dialect == "sqlite":
        pytest.skip("SQLite lets writing transactions follow each other")
    Routes(store).apply("route: {receiver: default}", actor="ann")
    return store


@pytest.mark.parametrize("first", ["the evaluation", "the routes"])
def test_a_source_that_opens_while_its_rule_is_applied_mutes(
    store_of_many_writers: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, first: str
):
    store = store_of_many_writers
    host = World(store, clock, name="host-down", team="db")
    world = World(store, clock, team="db")
    meanwhile: list[Future[Any]] = []

    def overtaken(real: Callable[..., bool], other: Callable[[], object]) -> Callable[..., bool]:
        """What a transaction does, and before it commits, another one is begun."""

        def work(*given: Any) -> bool:
            done = real(*given)
            if not meanwhile:
                meanwhile.append(pool.submit(other))
                eventually(lambda: waits_for_a_lock(store) or meanwhile[0].done(), "it waits")
            return done

        return work

    def opens() -> None:
        host.sees({"/": 95})

    def applies() -> None:
        Routes(store).apply(ROUTES, actor="ann")

    with ThreadPoolExecutor(1) as pool:
        if first == "the evaluation":
            keep = overtaken(relabelled.keep_sources, applies)
            monkeypatch.setattr(relabelled, "keep_sources", keep)
            opens()
        else:
            rebuild = overtaken(routes.rebuild_sources, opens)
            monkeypatch.setattr(routes, "rebuild_sources", rebuild)
            applies()
        monkeypatch.undo()
        meanwhile[0].result(60)
    # Its own group is whole: one, of which somebody is notified once.
    assert len(host.rows("SELECT group_id FROM group_member")) == 1
    assert host.said() == [FIRST]
    assert len(host.rows("SELECT 1 FROM inhibition_source")) == 1
    world.sees({"/": 95})
    assert world.said() == [], "what it mutes is muted"
