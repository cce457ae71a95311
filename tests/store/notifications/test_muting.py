"""Suppressed alerts inside a group that is otherwise notified."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from sentinel.alerts.actions import Acknowledge, Suppress, Unsuppress
from sentinel.clock import FakeClock
from sentinel.store import Store
from tests.engine.test_dispatcher import FIRST
from tests.world import World

NEWS = ("firing", "new_firing")


def mute(world: World, mount: str, until: datetime) -> None:
    """Suppress the alert of one mount."""
    ids = world.rows("SELECT id FROM alert WHERE title = :what", what=f"mount={mount}")
    world.store.act([row[0] for row in ids], Suppress(actor="ann", until=until))


def names(world: World) -> list[list[str]]:
    """The mounts that each message names, in the order of the alphabet."""
    said = [
        sorted(alert.labels["mount"] for alert in one.alerts) for _, one in world.recorder.messages
    ]
    world.recorder.messages.clear()
    return said


@pytest.fixture
def told(store: Store, clock: FakeClock) -> World:
    """`/` and `/data` fire and were told; `/data` was then suppressed for an hour and is over."""
    world = World(store, clock, group_wait="30s", annotations={"summary": "mount={mount}"})
    world.sees({"/": 95, "/data": 95})
    clock.forward(seconds=30)
    assert world.said() == [FIRST]
    mute(world, "/data", clock.now() + timedelta(hours=1))
    world.sees({"/": 95, "/data": 20})
    clock.forward(minutes=5)
    assert world.said() == [("firing", "partly_resolved")]
    return world


def test_a_suppression_of_what_a_channel_knows_ends_without_news(store: Store, clock: FakeClock):
    world = World(store, clock, annotations={"summary": "mount={mount}"})
    world.sees({"/": 95, "/data": 95})
    assert world.said() == [FIRST]
    until = clock.now() + timedelta(hours=1)
    mute(world, "/data", until)
    world.sees({"/": 95, "/data": 95, "/new": 95})
    clock.forward(minutes=5)
    assert world.said() == [NEWS]
    clock.set(until)
    assert (world.said(), world.reasons()) == ([], ["repeat_interval"])
    clock.forward(hours=4)
    assert world.said() == [("firing", "repeat")]


def test_the_end_of_what_was_suppressed_all_the_time_is_not_notified(
    store: Store, clock: FakeClock
):
    world = World(store, clock, group_wait="30s", annotations={"summary": "mount={mount}"})
    world.sees({"/": 95, "/data": 95})
    mute(world, "/data", clock.now() + timedelta(hours=1))
    clock.forward(seconds=30)
    world.tells()
    assert names(world) == [["/"]]
    world.sees({"/": 95, "/data": 20})
    clock.forward(minutes=5)
    assert (world.said(), world.reasons()) == ([], ["repeat_interval"])


def test_a_suppressed_alert_is_notified_when_its_suppression_ends(told: World, clock: FakeClock):
    told.sees({"/": 95, "/data": 95})
    clock.forward(minutes=10)
    assert told.said() == []
    due = told.store.notification_log.next_due()
    assert due is not None
    clock.set(due)
    assert due - clock.now() == timedelta(0)
    assert told.said() == [NEWS]
    assert told.said() == []


def test_an_alert_unsuppressed_by_hand_is_notified_as_after_expiry(told: World, clock: FakeClock):
    told.sees({"/": 95, "/data": 95})
    told.sees({"/": 95, "/data": 95, "/home": 95})
    clock.forward(minutes=5)
    told.tells()
    assert names(told) == [["/", "/home"]]
    ids = told.rows("SELECT id FROM alert WHERE title = 'mount=/data'")
    clock.forward(seconds=1)
    told.store.act([row[0] for row in ids], Unsuppress(actor="ann"))
    clock.forward(minutes=5)
    assert told.said() == [NEWS]
    assert told.said() == []


def test_another_notification_meanwhile_does_not_replace_it(told: World, clock: FakeClock):
    told.sees({"/": 95, "/data": 95})
    told.sees({"/": 95, "/data": 95, "/home": 95})
    clock.forward(minutes=5)
    told.tells()
    assert names(told) == [["/", "/home"]]
    clock.forward(hours=1)
    assert told.said() == [NEWS]


def test_a_change_right_after_the_suppression_does_not_replace_it(told: World, clock: FakeClock):
    told.sees({"/": 95, "/data": 95})
    told.sees({"/": 95, "/data": 95, "/home": 95})
    clock.forward(minutes=5)
    told.tells()
    clock.forward(hours=1)
    told.sees({"/": 95, "/data": 95, "/home": 20})
    told.recorder.messages.clear()
    assert told.said() == [NEWS]


def test_the_end_of_each_of_several_suppressions_is_notified(store: Store, clock: FakeClock):
    world = World(store, clock, group_wait="30s", annotations={"summary": "mount={mount}"})
    world.sees({"/": 95, "/data": 95})
    first, second = clock.now() + timedelta(hours=1), clock.now() + timedelta(hours=2)
    mute(world, "/", first)
    mute(world, "/data", second)
    clock.forward(seconds=30)
    assert world.said() == []
    clock.set(first)
    world.tells()
    assert names(world) == [["/"]]
    clock.set(second)
    world.tells()
    assert names(world) == [["/", "/data"]]


def test_the_severity_of_a_suppressed_alert_is_not_notified(store: Store, clock: FakeClock):
    world = World(store, clock, group_wait="30s", annotations={"summary": "mount={mount}"},
        when={"levels": {"high": 90, "critical": 98}},
    )  # fmt: skip
    world.sees({"/": 95, "/data": 95})
    mute(world, "/data", clock.now() + timedelta(hours=1))
    clock.forward(seconds=30)
    assert world.said() == [FIRST]
    world.sees({"/": 95, "/data": 99})
    assert world.said() == []
    clock.forward(hours=1)
    assert world.said() == [("firing", "severity_rose")]


def test_only_unsuppressed_alerts_count_as_acknowledged(store: Store, clock: FakeClock):
    world = World(store, clock, group_wait="30s", annotations={"summary": "mount={mount}"})
    world.sees({"/": 95, "/data": 95})
    clock.forward(seconds=30)
    world.said()
    mute(world, "/data", clock.now() + timedelta(hours=30))
    (id_,) = world.rows("SELECT id FROM alert WHERE title = 'mount=/'")
    world.store.act([id_[0]], Acknowledge(actor="ann"))
    clock.forward(hours=5)
    assert world.said() == []
    assert world.reasons() == ["acknowledged"]
