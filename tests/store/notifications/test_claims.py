"""Claims: a slow sender keeps its claim, and a late one does not disturb the next."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Connection, text

from sentinel.clock import FakeClock
from sentinel.engine import dispatcher
from sentinel.engine.dispatcher import DeliveryCount, notify_due
from sentinel.errors import DeliveryError
from sentinel.notifications.channel import Channel, Message, Receipt
from sentinel.store import Store, StoreOptions
from sentinel.store.notifications.deliveries import Outcome, ToSend, release_claims
from sentinel.store.notifications.message_limits import count_alone
from tests.databases import both_databases
from tests.engine.test_dispatcher import FIRST
from tests.waiting import eventually
from tests.world import World


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


class Slow:
    """Channels of which those named `…/slow` answer only when let go."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.sending, self.go = threading.Event(), threading.Event()

    def channel_of(self, reference: str) -> Channel:
        slow, usual = self, self._world.recorder.channel_of(reference)

        class One:
            def send(self, message: Message) -> Receipt:
                if reference.endswith("/slow"):
                    slow.sending.set()
                    assert slow.go.wait(60)
                return usual.send(message)

        return One()

    def start(self) -> threading.Thread:
        thread = threading.Thread(
            target=notify_due, args=(self._world.store, self.channel_of), kwargs={"by": "slow"}
        )
        thread.start()
        assert self.sending.wait(60)
        return thread


def test_a_late_success_leaves_the_newer_claim_in_place(store: Store, clock: FakeClock):
    world = World(store, clock, group_wait="30s")
    world.sees({"/": 95})
    clock.forward(seconds=30)
    (late,) = store.notification_log.claim("one")
    clock.forward(seconds=61)
    (mine,) = store.notification_log.claim("two")
    assert mine.message.id == late.message.id
    store.notification_log.finish([Outcome(sent=late)])
    assert store.notification_log.claim("three") == []  # the second one still sends
    store.notification_log.finish([Outcome(sent=mine)])
    assert world.tells() == DeliveryCount(0, 0, 0)
    states = [row[0] for row in world.rows("SELECT state FROM delivery ORDER BY id")]
    assert states == ["sent", "sent"]  # both went out, and the record says so


def test_a_late_failure_does_not_undo_a_notification(store: Store, clock: FakeClock):
    world = World(store, clock, group_wait="30s")
    world.sees({"/": 95})
    clock.forward(seconds=30)
    (late,) = store.notification_log.claim("one")
    clock.forward(seconds=61)
    assert world.said() == [FIRST]
    store.notification_log.finish([Outcome(sent=late, error="timed out")])
    assert world.said() == []
    assert world.reasons() == ["repeat_interval"]


def test_a_running_sender_keeps_its_claim_however_slow_the_channel(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(dispatcher, "_RENEW_SECONDS", 0.01)
    monkeypatch.setattr(dispatcher, "_CLAIM_SECONDS", 0.01)
    world = World(store, clock, group_wait="30s")
    store.receivers.set("default", ["sentinel-webhook/slow"])
    world.sees({"/": 95})
    clock.forward(seconds=30)
    slow = Slow(world)
    thread = slow.start()
    for _ in range(5):
        before = claimed_until(world)
        clock.forward(seconds=50)
        until(lambda before=before: claimed_until(world) > before)
    assert world.tells() == DeliveryCount(0, 0, 0)
    slow.go.set()
    thread.join(60)
    assert len(world.recorder.messages) == 1


def test_a_sender_does_not_send_twice_what_it_still_sends_when_the_clock_leaps(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
):
    """As after a laptop slept, before the sender can renew its claim."""
    monkeypatch.setattr(dispatcher, "_RENEW_SECONDS", 3600)
    monkeypatch.setattr(dispatcher, "_CLAIM_SECONDS", 0.01)
    world = World(store, clock, group_wait="30s")
    store.receivers.set("default", ["sentinel-webhook/slow"])
    world.sees({"/": 95})
    clock.forward(seconds=30)
    log = store.notification_log
    claim, claims = log.claim, list[int]()

    def counted(*args: Any, **more: Any) -> list[ToSend]:
        claimed = claim(*args, **more)
        claims.append(len(claimed))
        return claimed

    monkeypatch.setattr(log, "claim", counted)
    slow = Slow(world)
    thread = slow.start()
    clock.forward(minutes=1)
    looked = len(claims)
    until(lambda: len(claims) > looked + 2)
    slow.go.set()
    thread.join(60)
    assert sum(claims) == 1
    assert len(world.recorder.messages) == 1


def claimed_until(world: World) -> str:
    return str(world.rows("SELECT claimed_until FROM alert_group")[0][0])


def test_a_hanging_channel_delays_no_other_group(store: Store, clock: FakeClock):
    world = World(store, clock, group_wait="30s", receivers=["slow"])
    other = World(store, clock, group_wait="30s", name="other", receivers=["quick"])
    store.receivers.set("slow", ["sentinel-webhook/slow"])
    store.receivers.set("quick", ["inbox"])
    world.sees({"/": 95})
    other.sees({"/": 95})
    clock.forward(seconds=30)
    slow = Slow(world)
    thread = slow.start()
    done = "SELECT count(*) FROM delivery WHERE state = 'sent'"
    until(lambda: world.rows(done) == [(1,)])
    slow.go.set()
    thread.join(60)
    assert world.rows(done) == [(2,)]


def test_the_claims_of_a_sender_that_died_end_when_somebody_knows(store: Store, clock: FakeClock):
    world = World(store, clock, group_wait="0s", group_by=["mount"])
    world.sees({"/": 95, "/data": 95})
    first = store.notification_log.claim("run-1", limit=1)
    other = store.notification_log.claim("run-2", limit=1)
    assert store.notification_log.claim("run-3") == []
    assert release_claims(store, "run-1") == 1
    (again,) = store.notification_log.claim("run-3")
    assert again.message.id == first[0].message.id  # a repeat that a receiver can recognize
    assert release_claims(store, "run-1") == 0
    store.notification_log.finish([Outcome(sent=one) for one in (*other, again)])
    states = world.rows("SELECT by, state, error FROM delivery ORDER BY by")
    assert states == [
        ("run-1", "failed", "its sender died"), ("run-2", "sent", ""), ("run-3", "sent", ""),
    ]  # fmt: skip


@both_databases
@pytest.mark.parametrize("storm", [False, True])
def test_a_claim_takes_its_locks_in_one_order_in_a_storm_and_outside_of_one(
    store: Store, clock: FakeClock, storm: bool
):
    """Muting, counting, health: two claims would else wait for each other as a storm begins."""
    world = World(store, clock)
    if store.dialect == "sqlite":
        pytest.skip("SQLite lets writing transactions follow each other")
    world.sees({"/": 95})
    world.recorder.fails["inbox"] = DeliveryError("no answer")
    world.tells()
    world.clock.forward(minutes=5)
    store.options = StoreOptions(storm_alerts=1 if storm else 0)
    world.sees({"/": 95, "/home": 95})

    def advisory(connection: Connection) -> set[tuple[str, bool]]:
        query = "SELECT mode, granted FROM pg_locks WHERE locktype = 'advisory'"
        return {(row.mode, row.granted) for row in connection.execute(text(query))}

    with ThreadPoolExecutor(1) as pool:
        with store.write() as connection:
            count_alone(connection)
            claiming = pool.submit(store.notification_log.claim, "two")
            seen = eventually(
                lambda: {one for one in advisory(connection) if not one[1]}, "the claim waits"
            )
            assert seen == {("ExclusiveLock", False)}
            assert ("ShareLock", True) in advisory(connection)
            locked = "SELECT channel FROM channel_health FOR UPDATE NOWAIT"
            assert connection.execute(text(locked)).scalars().all() == ["inbox"]
        assert len(claiming.result(30)) == (0 if storm else 1)
