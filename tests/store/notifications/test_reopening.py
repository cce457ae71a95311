"""A resolve that is taken back: only channels that were notified of it are notified again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sentinel.alerts.actions import Acknowledge, Reopen, Resolve
from sentinel.clock import FakeClock
from sentinel.errors import DeliveryError
from sentinel.store import Store
from tests.engine.test_dispatcher import FIRST, OVER
from tests.world import World

REOPEN = Reopen(actor="ann", comment="too soon")


@pytest.fixture
def told(store: Store, clock: FakeClock) -> World:
    """One alert fires, and everybody was told."""
    world = World(store, clock, group_wait="30s")
    world.sees({"/": 95})
    clock.forward(seconds=30)
    assert world.said() == [FIRST]
    return world


def resolve(world: World, *ids: str) -> None:
    world.store.act(list(ids) or world.ids(), Resolve(actor="ann"))


def reopen(world: World, *ids: str) -> list[str]:
    """What comes of it: nothing where it is done, else why not."""
    done = world.store.act(list(ids) or world.ids(), REOPEN)
    return [one.error for one in done if not one.ok]


def test_a_reopened_alert_is_as_before_and_its_timeline_names_the_person(told: World):
    (alert,) = told.ids()
    before = told.store.alerts.get(alert)
    resolve(told)
    assert reopen(told) == []
    now = told.store.alerts.get(alert)
    assert now.status == "open"
    assert (now.opened_at, now.resolved_at, now.resolution) == (before.opened_at, None, "")
    last = told.store.alerts.timeline(alert)[-1]
    assert (last.kind, last.reason, last.actor, last.comment) == (
        "reopened", "reopened_manually", "ann", "too soon",
    )  # fmt: skip
    assert told.events()[-2:] == ["sentinel.group.reopened", "sentinel.alert.reopened"]


def test_an_acknowledged_alert_reopens_acknowledged(told: World):
    (alert,) = told.ids()
    told.store.act([alert], Acknowledge(actor="bo", comment="mine"))
    resolve(told)
    reopen(told)
    now = told.store.alerts.get(alert)
    assert (now.status, now.acknowledged_by, now.acknowledge_comment) == (
        "acknowledged", "bo", "mine",
    )  # fmt: skip
    assert told.rows("SELECT status, firing, acknowledged FROM alert_group") == [
        ("acknowledged", 1, 1)
    ]


def test_a_resolve_taken_back_before_any_notification_is_never_notified(told: World):
    resolve(told)
    assert told.said() == []  # a moment in which the wrong key can be taken back
    told.clock.forward(seconds=3)
    reopen(told)
    told.clock.forward(minutes=30)
    assert told.said() == []
    assert told.reasons() == ["repeat_interval"]


def test_a_resolve_by_hand_is_notified_a_moment_later(told: World):
    resolve(told)
    due = told.store.notification_log.next_due()
    assert due is not None
    assert due == told.clock.now() + timedelta(seconds=5)
    told.clock.set(due)
    assert told.said() == [OVER]


def test_channels_notified_of_the_resolve_are_notified_that_it_fires(told: World):
    resolve(told)
    told.clock.forward(seconds=5)
    assert told.said() == [OVER]
    reopen(told)
    told.clock.forward(seconds=30)
    assert told.said() == [FIRST]
    assert told.said() == []


def test_hours_later_the_reopened_alert_starts_its_own_conversation(told: World):
    resolve(told)
    told.clock.forward(seconds=5)
    assert told.said() == [OVER]
    told.clock.forward(hours=3)
    assert reopen(told) == []
    assert told.rows("SELECT status, firing FROM alert_group ORDER BY id") == [
        ("resolved", 0), ("open", 1),
    ]  # fmt: skip
    told.clock.forward(seconds=30)
    assert told.said() == [FIRST]


def test_reopening_one_alert_of_a_group_before_any_notification_sends_nothing(
    store: Store, clock: FakeClock
):
    world = World(store, clock, group_wait="30s")
    world.sees({"/": 95, "/data": 95})
    clock.forward(seconds=30)
    assert world.said() == [FIRST]
    first = world.ids()[0]
    resolve(world, first)
    clock.forward(minutes=1)
    reopen(world, first)
    clock.forward(minutes=30)
    assert world.said() == []
    resolve(world)
    clock.forward(seconds=5)
    world.tells()
    ((_, message),) = world.recorder.messages
    assert (message.status, message.resolved) == ("resolved", 2)


def test_reopening_one_alert_of_a_group_after_its_resolve_was_notified_is_notified(
    store: Store, clock: FakeClock
):
    world = World(store, clock, group_wait="30s")
    world.sees({"/": 95, "/data": 95})
    clock.forward(seconds=30)
    assert world.said() == [FIRST]
    first = world.ids()[0]
    resolve(world, first)
    clock.forward(minutes=5)
    assert world.said() == [("firing", "partly_resolved")]
    reopen(world, first)
    clock.forward(minutes=5)
    assert world.said() == [("firing", "new_firing")]


def test_a_resolve_that_is_being_sent_counts_as_notified(told: World):
    resolve(told)
    told.clock.forward(seconds=5)
    (claimed,) = told.store.notification_log.claim("somebody")
    assert claimed.message.status == "resolved"
    reopen(told)
    told.clock.forward(minutes=6)  # that sender died: whether it was told, nobody knows
    assert told.said() == [("firing", "new_firing")]


def test_a_resolve_that_a_channel_may_have_received_counts_as_notified(told: World):
    resolve(told)
    told.clock.forward(seconds=5)
    told.recorder.fails["inbox"] = DeliveryError("no answer in time")
    assert told.said() == []
    del told.recorder.fails["inbox"]
    reopen(told)
    told.clock.forward(minutes=10)
    assert told.said() == [("firing", "new_firing")]


def test_reopening_names_the_newer_alert_of_the_same_fingerprint(told: World):
    (alert,) = told.ids()
    resolve(told)
    told.clock.forward(hours=2)
    told.sees({"/": 20})
    told.sees({"/": 95})
    (other,) = set(told.ids()) - {alert}
    assert reopen(told, alert) == [
        f"it has opened again already, as alert {other}; act on that one"
    ]
    assert told.store.alerts.get(alert).status == "resolved"
    resolve(told, other)
    assert reopen(told, alert, other) == [
        f"it has opened again already, as alert {other}; act on that one"
    ]
    assert told.store.alerts.get(other).status == "open"


def test_a_pending_alert_of_the_same_fingerprint_merges_into_the_reopened_one(
    store: Store, clock: FakeClock
):
    world = World(store, clock, group_wait="30s", consecutive=2)
    world.sees({"/": 95})
    world.sees({"/": 95})
    (alert,) = world.ids()
    resolve(world)
    clock.forward(minutes=20)
    world.sees({"/": 95})
    assert world.alerts() == [
        ("disk: / 95 percent", "resolved"),
        ("disk: / 95 percent", "pending"),
    ]
    assert reopen(world, alert) == []
    assert world.alerts() == [("disk: / 95 percent", "open")]
    world.sees({"/": 20})
    assert world.alerts() == [("disk: / 95 percent", "resolved")]


def test_an_alert_of_a_disabled_rule_is_not_reopened(told: World):
    told.store.rules.disable("disk", actor="ann")
    (why,) = reopen(told)
    assert "its rule is switched off" in why
    told.store.rules.enable("disk", actor="ann")
    assert reopen(told) == []


def test_a_reopened_alert_expires_when_it_would_have(store: Store, clock: FakeClock):
    world = World(store, clock, group_wait="30s", resolve_after="10m", every=None)
    world.sees({"/": 95})
    resolve(world)
    clock.forward(minutes=5)
    reopen(world)
    world.store.sweep()
    assert world.store.alerts.get(world.ids()[0]).status == "open"
    clock.forward(minutes=7)  # no run of a slot before its end can come any more
    world.store.sweep()
    assert world.store.alerts.get(world.ids()[0]).resolution == "expired"


def test_a_deleted_alert_cannot_be_reopened(told: World):
    (alert,) = told.ids()
    resolve(told)
    told.clock.forward(days=91)
    told.store.retain(timedelta(days=90))
    assert reopen(told, alert) == ["there is no such alert"]
