"""A storm of alerts is one message in five minutes, and none of its alerts is lost."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from sentinel.clock import FakeClock
from sentinel.notifications.storm import INTERVAL, WAIT
from sentinel.store import Store, StoreOptions
from sentinel.store.alerts.queries import AlertFilter
from sentinel.store.notifications.deliveries import Outcome
from sentinel.store.notifications.explaining import why_of_alert
from sentinel.store.notifications.storms import storms_of, watch_storms
from tests.databases import sqlite_alone
from tests.world import World

ALERTS = 100


@pytest.fixture
def world(store: Store, clock: FakeClock) -> World:
    """A hundred alerts are a storm. Each mount is a group, which would wait half an hour."""
    store.options = StoreOptions(storm_alerts=ALERTS)
    return World(store, clock, group_by=["mount"], group_wait="30m", severity="high")


def mounts(count: int = ALERTS, first: int = 0) -> dict[str, float]:
    return {f"/{number}": 95.0 for number in range(first, first + count)}


def titles(world: World) -> list[str]:
    world.tells()
    said = [message.title for _, message in world.recorder.messages]
    world.recorder.messages.clear()
    return said


@sqlite_alone
def test_a_thousand_alerts_are_one_message_within_seconds_whatever_they_wait_for(world: World):
    world.store.options = StoreOptions()
    world.sees(mounts(1_000))
    began = world.clock.now()
    assert watch_storms(world.store)  # as the relay does every second
    world.tells()
    world.clock.set(began + WAIT)
    world.tells()
    ((_, message),) = world.recorder.messages
    assert message.title == "[high] a storm: 1,000 alerts of 1,000 groups"
    assert message.reason_text == (
        f"1,000 alerts of 1,000 groups in a storm since {began:%Y-%m-%d %H:%M:%S} UTC; "
        "1,000 high; rules: disk 1,000"
    )
    assert {one.id for one in message.alerts} == set(world.ids())
    page = world.store.alerts.page(AlertFilter(group=message.group_id), limit=1)
    assert page.items[0].id in {one.id for one in message.alerts}
    why = why_of_alert(world.store, message.alerts[0].id)
    assert [group.channels[0].reason for group in why.groups] == ["repeat_interval", "in_summary"]


def test_further_alerts_of_a_storm_are_one_message_five_minutes_later(world: World):
    world.sees(mounts())
    titles(world)
    world.clock.forward(seconds=WAIT.total_seconds())
    assert len(titles(world)) == 1
    for minute in range(1, 5):
        world.sees(mounts(ALERTS + minute * 10))
        assert titles(world) == []
    world.clock.forward(minutes=5)
    assert titles(world) == ["[high] a storm: 140 alerts of 140 groups"]


@sqlite_alone
def test_a_new_critical_alert_is_sent_by_itself_a_few_times_a_minute(world: World):
    world.sees(mounts())
    titles(world)
    world.clock.forward(seconds=WAIT.total_seconds())
    titles(world)
    critical = World(
        world.store, world.clock, name="urgent", group_by=["mount"], severity="critical"
    )
    critical.recorder = world.recorder
    critical.sees({f"/db/{number}": 99.0 for number in range(30)})
    said = Counter(title.split("]")[0] for title in titles(world))
    assert said == {"[critical": 11}  # ten by themselves, and the storm that became critical


def test_a_critical_alert_that_opens_while_the_storms_message_is_sent_waits_for_nothing(
    world: World,
):
    critical = World(
        world.store, world.clock, name="urgent", group_by=["mount"], severity="critical"
    )
    critical.recorder = world.recorder
    world.store.apply(critical.evaluation({"/named": 99.0}))
    world.sees(mounts())
    titles(world)
    world.clock.forward(seconds=WAIT.total_seconds())
    (sending,) = world.store.notification_log.claim("test")
    world.clock.forward(seconds=1)
    world.store.apply(critical.evaluation({"/named": 99.0, "/db": 99.0}))
    world.clock.forward(seconds=5)
    world.store.notification_log.finish([Outcome(sent=sending)])
    watch_storms(world.store)
    world.tells()
    ((_, message),) = world.recorder.messages
    assert [alert.labels["mount"] for alert in message.alerts] == ["/db"]


@sqlite_alone
def test_a_group_that_was_notified_before_is_named_too_and_resolves_by_itself(
    store: Store, clock: FakeClock
):
    store.options = StoreOptions(storm_alerts=ALERTS)
    world = World(store, clock, group_by=["rule"], group_wait="0s")
    world.sees({"/first": 95.0})
    assert len(titles(world)) == 1
    world.sees({"/first": 95.0, **mounts()})
    watch_storms(store)
    world.tells()
    clock.forward(seconds=WAIT.total_seconds())
    world.tells()
    ((_, message),) = world.recorder.messages
    assert message.title == "[medium] a storm: 100 alerts of 1 group"
    world.recorder.messages.clear()
    clock.forward(minutes=4)
    world.sees(dict.fromkeys(["/first", *mounts()], 20.0))
    ended = 0
    for _ in range(10):
        world.tells()
        clock.forward(minutes=1)
        ended += sum(message.resolved for _, message in world.recorder.messages)
        world.recorder.messages.clear()
    assert ended == ALERTS + 1  # of the storm, and of the group


def test_a_storm_ends_and_says_so_in_the_system_log(world: World):
    world.sees(mounts())
    titles(world)
    world.clock.forward(seconds=WAIT.total_seconds())
    titles(world)
    world.clock.set(world.clock.now() + INTERVAL + timedelta(minutes=1))
    assert not watch_storms(world.store)
    with world.store.read() as connection:
        assert storms_of(connection) == {}
    assert [row.what for row in world.store.log.page(words="storm")] == [
        "storm.ended", "storm.began",
    ]  # fmt: skip
    world.sees(mounts(ALERTS + 1))
    world.clock.forward(minutes=30)
    assert len(titles(world)) == 1


@sqlite_alone
def test_notify_is_asked_for_at_most_three_times_in_the_first_minute(world: World):
    world.sees(mounts())
    watch_storms(world.store)
    for second in range(60):
        if second % 5 == 0:
            world.store.apply(world.evaluation(mounts(ALERTS + second * 2)))
        watch_storms(world.store)
        world.store.wakes.due_groups_wake(world.clock.now())
        world.store.wakes.tick(world.clock.now())
        world.clock.forward(seconds=1)
    wakes = world.rows("SELECT count(*) FROM outbox WHERE event = 'sentinel.wake.requested'")
    assert wakes[0][0] <= 3


def test_no_storm_begins_where_it_is_switched_off(store: Store, clock: FakeClock):
    store.options = StoreOptions(storm_alerts=0)
    World(store, clock).sees(mounts())
    assert not watch_storms(store)


@sqlite_alone
def test_the_message_of_a_storm_waits_for_nothing_that_it_is_to_name(world: World):
    world.sees(mounts())
    assert world.store.notification_log.claim("test") == []
    world.clock.forward(seconds=1)
    world.store.apply(world.evaluation(mounts(500)))
    watch_storms(world.store)
    world.clock.forward(seconds=WAIT.total_seconds())
    waiting = world.store.notification_log.overdue(world.clock.now()) - 1
    (first,) = world.store.notification_log.claim("test")
    assert first.message.title == "[high] a storm: 100 alerts of 100 groups"
    assert world.store.notification_log.overdue(world.clock.now()) == waiting == 400


def test_the_first_message_of_a_storm_leaves_so_long_after_the_storm_began(world: World):
    world.sees(mounts())
    watch_storms(world.store)
    world.clock.forward(seconds=4)  # until `notify` runs
    assert titles(world) == []
    world.clock.forward(seconds=2)
    assert titles(world) == ["[high] a storm: 100 alerts of 100 groups"]
