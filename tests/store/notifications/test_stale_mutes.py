"""What mutes an alert ends at the moment at which another transaction mutes by it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import Connection, text

from sentinel.alerts.actions import Resolve
from sentinel.clock import FakeClock
from sentinel.store import Store
from sentinel.store.notifications import notification_log
from sentinel.store.notifications.matcher_silences import MatcherSilences
from sentinel.store.notifications.mutes import Mutes
from sentinel.store.notifications.routes import Routes
from tests.databases import both_databases
from tests.engine.test_dispatcher import FIRST
from tests.store.notifications.test_inhibition import ROUTES
from tests.waiting import eventually
from tests.world import World


@pytest.fixture
def world(store: Store, clock: FakeClock) -> World:
    Routes(store).apply(ROUTES, actor="ann")
    return World(store, clock, team="db")


@pytest.fixture
def host(world: World) -> World:
    return World(world.store, world.clock, name="host-down", team="db", receivers=[])


def waits_for_a_lock(store: Store) -> bool:
    """Whether a transaction waits for an advisory lock."""
    with store.read() as connection:
        query = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        return connection.execute(text(query)).scalar_one() > 0


def end_source(world: World) -> None:
    (source,) = world.rows("SELECT id FROM alert WHERE rule = 'host-down'")
    world.store.act([source[0]], Resolve(actor="ann"))


def end_rules(world: World) -> None:
    Routes(world.store).apply("route: {receiver: default}", actor="ann")


def end_silence(world: World) -> None:
    silences = MatcherSilences(world.store)
    (silence,) = world.rows("SELECT id FROM silence")
    silences.expire(silence[0], actor="ann")


@both_databases
@pytest.mark.parametrize("end", [end_source, end_rules, end_silence])
def test_a_claim_that_mutes_by_what_ends_meanwhile_does_not_mute_for_good(
    world: World, host: World, clock: FakeClock, monkeypatch: pytest.MonkeyPatch,
    end: Callable[[World], None],
):  # fmt: skip
    store = world.store
    if store.dialect == "sqlite":
        pytest.skip("SQLite lets writing transactions follow each other")
    if end is not end_silence:
        host.sees({"/": 95})
        host.tells()
    else:
        until = clock.now() + timedelta(days=1)
        MatcherSilences(store).create(['rule="disk"'], until, actor="ann")
    world.sees({"/": 95})

    class Overtaken(Mutes):
        """What mutes ends after it was read, and before the claim commits."""

        def refresh(self, group: object) -> int:
            seq = super().refresh(group)
            ending.append(pool.submit(end, world))
            eventually(lambda: waits_for_a_lock(store) or ending[0].done(), "the end waits")
            return seq

    ending: list[Future[None]] = []
    with ThreadPoolExecutor(1) as pool:
        monkeypatch.setattr(notification_log, "Mutes", Overtaken)
        assert store.notification_log.claim("one") == []
        monkeypatch.undo()
        ending[0].result(30)
    assert world.said() == [FIRST]


@both_databases
@pytest.mark.parametrize("by", ["source", "silence"])
def test_the_sweep_decides_again_where_what_mutes_is_over(
    world: World, host: World, clock: FakeClock, by: str
):
    store = world.store
    if by == "source":
        host.sees({"/": 95})
        host.tells()
    else:
        until = clock.now() + timedelta(days=1)
        MatcherSilences(store).create(['rule="disk"'], until, actor="ann")
    world.sees({"/": 95})
    assert world.said() == []
    store.sweep()
    assert world.said() == []
    assert store.notification_log.overdue(clock.now()) == 0
    with store.write() as connection:
        ends_unseen(connection, by)
    store.sweep()
    assert store.notification_log.overdue(clock.now()) == 1
    assert world.said() == [FIRST]
    store.sweep()
    assert store.notification_log.overdue(clock.now()) == 0


def ends_unseen(connection: Connection, by: str) -> None:
    """End what mutes as if nobody had looked for what it has muted."""
    if by == "source":
        connection.execute(text("DELETE FROM inhibition_source"))
    else:
        connection.execute(text("UPDATE silence SET ended_at = created_at, change = change + 1"))
