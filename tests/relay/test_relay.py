"""The relay's turns, with the clock given and Prefect's port played by the test."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from sentinel.clock import FakeClock
from sentinel.errors import DatabaseUnreachable, PrefectUnreachable
from sentinel.notifications.channel import Channel, Message, Receipt
from sentinel.prefect_client.port import OutEvent
from sentinel.relay.loop import Relay
from sentinel.store import Store
from sentinel.store.escalations.armed import ARMED, armed_events
from sentinel.store.oncall.documents import OnCallDocuments
from tests.databases import both_databases
from tests.store.escalations.paged import Paged
from tests.world import World


class Server:
    """Prefect, as far as the relay asks it anything."""

    def __init__(self) -> None:
        self.up = True
        self.events: list[OutEvent] = []

    def healthy(self) -> bool:
        return self.up

    def publish(self, events: Sequence[OutEvent]) -> None:
        if not self.up:
            raise PrefectUnreachable("Prefect does not answer")
        self.events += events


class Channels:
    """Every channel; records the messages it is given."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def send(self, message: Message) -> Receipt:
        self.messages.append(message)
        return Receipt()

    def channel_of(self, _: str) -> Channel:
        return self


class Night:
    """A relay, its server, and the messages of its channels."""

    def __init__(self, store: Store, clock: FakeClock, **more: Any) -> None:
        self.store, self.clock = store, clock
        self.server, self.channels = Server(), Channels()
        self.relay = Relay(store, self.server, self.channels.channel_of, holder="one", **more)
        self.world = World(store, clock)

    def passes(self, seconds: float, step: float = 0.5) -> None:
        """Let time pass, with a turn of the relay every `step` seconds."""
        for _ in range(int(seconds / step)):
            self.clock.forward(seconds=step)
            self.relay.turn()

    def names(self) -> list[str]:
        return [event.event for event in self.server.events]


@pytest.fixture
def night(store: Store, clock: FakeClock) -> Night:
    return Night(store, clock)


@both_databases
def test_it_publishes_committed_events_once_and_in_order(night: Night):
    night.world.sees({"/": 95})
    night.passes(3)
    assert night.names()[:3] == [
        "sentinel.group.opened",
        "sentinel.alert.opened",
        "sentinel.wake.requested",
    ]
    assert len({event.id for event in night.server.events}) == len(night.server.events)
    assert night.store.outbox.backlog() == 0


@pytest.mark.slow
def test_events_wait_while_prefect_is_down_and_follow_when_it_is_back(night: Night):
    night.server.up = False
    night.world.sees({"/": 95})
    night.passes(5)
    assert night.store.outbox.backlog() > 0
    night.server.up = True
    night.passes(70)
    assert "sentinel.alert.opened" in night.names()
    night.store.wakes.serve(night.store.wakes.requested())  # else it is sent again and again
    night.passes(2)
    assert night.store.outbox.backlog() == 0


def test_it_sends_what_is_unclaimed_for_fifteen_seconds_and_logs_why(night: Night):
    night.server.up = False
    night.world.sees({"/": 95})
    night.passes(14)
    assert night.channels.messages == []
    night.passes(4)
    assert [message.reason for message in night.channels.messages] == ["first"]
    (entry,) = [row for row in night.store.log.page() if row.what == "relay.stood_by"]
    assert "Prefect is down" in entry.message


def test_it_tells_people_of_a_handoff_where_no_worker_does(night: Night):
    night.server.up = False
    handoff = (night.clock.now() + timedelta(seconds=60)).replace(second=0, microsecond=0)
    OnCallDocuments(night.store).apply(
        f"""
people:
  ann: {{notify: [{{receiver: default}}]}}
schedules:
  primary:
    handoff_notices: {{}}
    layers: [{{rotation: {{people: [ann], handoff: {handoff:%Y-%m-%dT%H:%M}}}}}]
""",
        actor="ann",
    )
    night.passes(160, step=10)
    (message,) = night.channels.messages
    assert (message.status, message.title) == ("notice", "You are on call for primary")


def test_it_does_not_say_that_prefect_is_down_when_only_no_worker_came(night: Night):
    night.world.sees({"/": 95})
    night.passes(18)
    (entry,) = [row for row in night.store.log.page() if row.what == "relay.stood_by"]
    assert "no worker has picked it up" in entry.message


def test_it_asks_for_no_run_once_nothing_is_due_where_no_worker_comes(night: Night):
    wake = "sentinel.wake.requested"
    night.world.sees({"/": 95})
    night.passes(40)  # after it is sent, it is decided on once more
    assert len(night.channels.messages) == 1
    asked = night.names().count(wake)
    assert asked >= 3  # again every five seconds, as long as it was due
    night.passes(30)
    assert night.names().count(wake) == asked

    # Nobody needs to be notified any more: the group ends before anybody has looked at it.
    night.world.rule = night.world.rule.model_copy(update={"name": "other"})
    night.world.sees({"/": 95})
    night.passes(2)
    night.world.sees({"/": 10})
    night.passes(8)
    asked = night.names().count(wake)
    night.passes(30)
    assert (night.names().count(wake), len(night.channels.messages)) == (asked, 1)


@both_databases
def test_only_the_holder_of_the_lease_works_and_another_takes_over(store: Store, clock: FakeClock):
    night = Night(store, clock)
    other = Relay(store, night.server, night.channels.channel_of, holder="two")
    assert night.relay.turn()
    assert not other.turn()
    clock.forward(seconds=11)  # the first one died
    assert other.turn()
    assert not night.relay.turn()


@both_databases
def test_a_channel_that_never_answers_holds_up_neither_the_events_nor_the_lease(
    store: Store, clock: FakeClock
):
    night = Night(store, clock)
    asked, answer, stop = threading.Event(), threading.Event(), threading.Event()

    class Silent:
        def send(self, message: Message) -> Receipt:
            asked.set()
            answer.wait(60)
            return Receipt()

    relay = Relay(store, night.server, lambda _: Silent(), holder="two")
    night.world.sees({"/": 95})
    clock.forward(seconds=20)
    running = threading.Thread(target=relay.run, args=(stop,))
    running.start()
    try:
        assert asked.wait(60)
        night.world.sees({"/": 95, "/data": 95})
        deadline = time.monotonic() + 60
        while night.names().count("sentinel.alert.opened") < 2:
            assert time.monotonic() < deadline, night.names()
            clock.forward(seconds=1)
            time.sleep(0.05)
        assert store.leases.holder("relay") == "two"
        assert not answer.is_set()
    finally:
        answer.set()
        stop.set()
        running.join(60)


def test_it_outlives_a_database_that_does_not_answer(
    night: Night, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def gone(*_: object) -> bool:
        raise DatabaseUnreachable("the database does not answer")

    monkeypatch.setattr(night.store.leases, "take", gone)
    night.passes(5)
    monkeypatch.undo()
    night.world.sees({"/": 95})
    night.passes(3)
    assert "sentinel.alert.opened" in night.names()
    said = [record for record in caplog.records if "cannot reach the database" in record.message]
    assert len(said) == 1


def test_a_duty_that_fails_does_not_stop_the_others_and_is_logged_once(
    night: Night, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def broken(*_: object) -> None:
        raise OperationalError("select", {}, Exception("disk full"))

    monkeypatch.setattr(night.relay.duties[0], "do", broken)
    night.server.up = False
    night.world.sees({"/": 95})
    night.passes(20)
    assert len(night.channels.messages) == 1
    said = [record for record in caplog.records if "publish events" in record.message]
    assert len(said) == 1


@pytest.mark.slow
def test_the_dead_mans_switch_is_pinged_only_while_the_relay_is_healthy(
    store: Store, clock: FakeClock
):
    pings: list[Any] = []
    night = Night(store, clock, ping=lambda: pings.append(clock.now()))
    night.passes(61)
    assert len(pings) == 2
    night.server.up = False
    night.world.sees({"/": 95})
    night.passes(120)
    assert len(pings) <= 3


@pytest.mark.slow
def test_the_dead_mans_switch_is_not_pinged_while_a_step_is_due_and_nobody_pages(
    store: Store, clock: FakeClock
):
    paged = Paged(store, clock)
    pings: list[None] = []
    relay = Relay(
        store, Server(), paged.recorder.channel_of, holder="one", ping=lambda: pings.append(None)
    )
    (alive,) = (one.do for one in relay.duties if one.name == "dead man's switch")
    paged.fires("/")
    paged.tells()
    alive(clock.now())
    assert len(pings) == 1
    clock.forward(minutes=2)
    alive(clock.now())
    assert len(pings) == 1
    paged.goes_on()
    paged.sends()
    alive(clock.now())
    assert len(pings) == 2


def test_one_shots_expire_without_prefect(store: Store, clock: FakeClock):
    night = Night(store, clock)
    night.server.up = False
    night.world = World(store, clock, resolve_after="5m", every=None)
    night.world.sees({"/": 95})
    night.passes(400, step=5)
    assert night.world.rows("SELECT resolution FROM alert") == [("expired",)]
    assert store.now() - clock.now() == timedelta(0)


def test_it_sums_settled_hours_up(night: Night):
    night.world.sees({"/": 95})
    night.clock.forward(hours=4)
    until = time.monotonic() + 60
    while not night.world.rows("SELECT at FROM tally_hour"):
        assert time.monotonic() < until, "the hour that the alert opened in is not summed up"
        night.passes(15, step=15)


def test_one_event_of_a_delay_stands_for_those_that_follow_within_seconds(
    store: Store, clock: FakeClock
):
    night = Night(store, clock)
    due = clock.now() + timedelta(seconds=70)
    for _ in range(3):
        with store.write() as connection:
            store.outbox.add(connection, armed_events([due], clock.now()))
        night.passes(1)
    assert night.names() == [ARMED]
    night.passes(3)
    with store.write() as connection:
        store.outbox.add(connection, armed_events([due], clock.now()))
    night.passes(1)
    assert [one.resource["prefect.resource.id"] for one in night.server.events] == [
        "sentinel.escalation.armed.60",
        "sentinel.escalation.armed.60",
    ]
