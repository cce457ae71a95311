"""What limits hold back follows in one message, and nothing of it is lost."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection

from sentinel.clock import FakeClock
from sentinel.errors import ConfigurationError, DeliveryError
from sentinel.store import Store
from sentinel.store.alerts.queries import AlertFilter
from sentinel.store.notifications.channel_health import Gates, record_recovery
from sentinel.store.notifications.deliveries import Outcome, ToSend
from sentinel.store.notifications.explaining import why_of_alert
from sentinel.store.notifications.message_limits import message_limits, set_message_limit
from tests.databases import sqlite_alone
from tests.world import World

MOUNTS = {f"/{number}": 95.0 for number in range(9)}


@pytest.fixture
def world(store: Store, clock: FakeClock) -> World:
    """Each mount is a group of its own, and `default` is sent three messages a minute."""
    set_message_limit(store, "receiver", "default", 3)
    return World(store, clock, group_by=["mount"], labels={"service": "files"})


def test_what_the_limit_holds_back_is_one_message_once_it_allows_again(world: World):
    world.sees(MOUNTS)
    assert len(world.said()) == 3
    first = world.clock.now()
    world.clock.forward(seconds=59)
    assert world.said() == []
    world.clock.forward(seconds=1)
    world.tells()
    ((_, message),) = world.recorder.messages
    assert message.title == "[medium] 6 groups held back: 6 alerts"
    assert message.reason_text == (
        f"6 alerts of 6 groups held back since {first:%Y-%m-%d %H:%M:%S} UTC; 6 medium; "
        "rules: disk 6; services: files 6"
    )
    opened = world.store.alerts.page(AlertFilter(group=message.group_id), limit=50)
    assert message.url.endswith(f"/?group={message.group_id}")
    assert {one.id for one in opened.items} == {one.id for one in message.alerts}
    told = Counter(row[0] for row in world.rows("SELECT state FROM delivery"))
    assert told == {"sent": 4}
    world.recorder.messages.clear()
    world.clock.forward(hours=1)
    assert world.said() == []


def test_why_says_that_the_limit_holds_it_back_until_when_and_then_where_it_was_named(
    world: World,
):
    world.sees(MOUNTS)
    world.tells()
    (last,) = world.rows(
        "SELECT m.alert_id FROM group_member m JOIN alert_group g ON g.id = m.group_id "
        "WHERE g.route LIKE 'summary:%' ORDER BY m.alert_id LIMIT 1"
    )
    why = why_of_alert(world.store, last[0])
    free = world.clock.now() + timedelta(minutes=1)
    summary, own = why.groups
    assert (summary.channels[0].reason, summary.channels[0].next_at) == ("message_limit", free)
    assert f"The next decision is at {free:%Y-%m-%d %H:%M:%S} UTC" in summary.channels[0].text
    assert own.channels[0].reason == "in_summary"
    assert [one.reason for one in own.history] == ["message_limit"]
    world.clock.set(free)
    world.tells()
    assert why_of_alert(world.store, last[0]).groups[0].channels[0].knows


def test_a_summary_for_the_channel_that_stood_in_is_not_sent_to_the_one_that_recovered(
    store: Store, clock: FakeClock
):
    own, other = "sentinel-webhook/ops", "sentinel-webhook/other"
    store.receivers.set("default", [own])
    store.receivers.set("fallback", [other])
    world = World(store, clock, group_by=["mount"])
    world.recorder.fails[own] = DeliveryError("no answer")
    world.sees({"/first": 95.0})
    for _ in range(8):
        world.tells()
        clock.forward(seconds=30)
    assert [channel for channel, _ in world.recorder.messages] == [other]
    set_message_limit(store, "channel", other, 1)
    world.sees(dict.fromkeys(["/first", "/a", "/b", "/c"], 95.0))
    world.tells()
    world.recorder.fails.clear()
    world.recorder.messages.clear()
    record_recovery(store, own)
    for _ in range(6):
        world.tells()
        clock.forward(minutes=1)
    heard = {
        channel: sorted(len(one.alerts) for ref, one in world.recorder.messages if ref == channel)
        for channel in (own, other)
    }
    assert heard == {own: [1, 1, 1, 1], other: [2]}


def test_a_changed_receiver_is_not_sent_again_what_its_summary_named(world: World):
    world.sees(MOUNTS)
    world.tells()
    world.clock.forward(minutes=1)
    world.tells()
    world.recorder.messages.clear()
    hooks = [f"sentinel-webhook/{name}" for name in ("new", "other")]
    assert world.store.receivers.set("default", ["inbox", hooks[0]]) == 9
    world.store.receivers.set("default", ["inbox", hooks[1]])
    for _ in range(3):
        world.tells()
        world.clock.forward(minutes=1)
    assert world.recorder.messages == []
    world.store.receivers.set("default", [hooks[1]])  # nobody is left who knows
    world.tells()
    assert {channel for channel, _ in world.recorder.messages} == {hooks[1]}


def test_what_a_summary_named_is_resolved_by_the_summary(world: World):
    world.sees(MOUNTS)
    world.tells()
    world.clock.forward(minutes=1)
    world.tells()
    world.recorder.messages.clear()
    world.sees(dict.fromkeys(MOUNTS, 20.0))
    for _ in range(3):
        world.tells()
        world.clock.forward(minutes=1)
    said = [(message.status, message.resolved) for _, message in world.recorder.messages]
    assert sorted(said) == [("resolved", 1)] * 3 + [("resolved", 6)]


@sqlite_alone
def test_a_summary_keeps_the_active_hours_of_its_groups_and_their_shortest_repeat(
    store: Store, clock: FakeClock
):
    clock.set(datetime(2026, 3, 2, 14, tzinfo=UTC))
    set_message_limit(store, "channel", "inbox", 1)
    hours = {"windows": [{"start": "09:00", "end": "17:00"}]}
    day = World(store, clock, group_by=["mount"], active_hours=hours, repeat_interval="7d")
    sooner = World(store, clock, name="sooner", group_by=["mount"], active_hours=hours,
                   repeat_interval="30h")  # fmt: skip
    always = World(store, clock, name="always", group_by=["mount"])
    for world in (sooner, always):
        world.recorder = day.recorder
    day.sees({"/first": 95.0})
    day.tells()
    clock.forward(seconds=10)
    for world in (day, sooner, always):
        world.store.apply(world.evaluation({f"/{world.rule.name}/1": 95.0, "/first": 95.0}))
    day.recorder.messages.clear()
    heard: dict[str, list[datetime]] = {}
    for _ in range(2 * 24 * 2 + 4):
        day.tells()
        for _, message in day.recorder.messages:
            if "held back" in message.title:
                names = "+".join(sorted({one.rule for one in message.alerts}))
                heard.setdefault(names, []).append(message.at)
        day.recorder.messages.clear()
        clock.forward(minutes=30)
    assert sorted(heard) == ["always", "disk+sooner"]
    assert len(heard["always"]) > 5
    first, second = heard["disk+sooner"]
    assert first + timedelta(hours=30) < second  # in the evening, when the rules notify nobody
    assert second.replace(minute=0, second=0) == datetime(2026, 3, 4, 9, tzinfo=UTC)


def test_an_alert_that_joins_a_group_after_its_summary_is_notified_by_its_group(
    store: Store, clock: FakeClock
):
    set_message_limit(store, "channel", "inbox", 1)
    world = World(store, clock, group_by=["rule"])
    other = World(store, clock, group_by=["rule"], name="other")
    other.recorder = world.recorder
    world.sees({"/": 95})
    other.sees({"/a": 95})
    clock.forward(minutes=2)
    assert world.said() == [("firing", "first")]
    clock.forward(minutes=1)
    assert world.said() == [("firing", "first")]  # the summary
    clock.forward(minutes=5)
    other.sees({"/a": 95, "/b": 95})
    world.tells()
    ((_, message),) = world.recorder.messages
    assert [alert.labels["mount"] for alert in message.alerts] == ["/b", "/a"]


def test_what_resolves_before_the_limit_allows_again_is_not_sent(world: World):
    world.sees(MOUNTS)
    world.said()
    world.sees({**dict.fromkeys(MOUNTS, 20.0), "/8": 95.0})
    assert [status for status, _ in world.said()].count("firing") <= 1
    world.clock.forward(minutes=2)
    world.tells()
    firing = [one for _, message in world.recorder.messages for one in message.alerts
              if message.status == "firing"]  # fmt: skip
    assert {alert.labels["mount"] for alert in firing} <= {"/8"}


def test_the_limit_is_exact_however_many_send(world: World, monkeypatch: pytest.MonkeyPatch):
    second, gates_saved = threading.Event(), Gates.save

    def save(self: Gates, connection: Connection) -> None:
        if threading.current_thread().name == "first":
            second.wait(10)  # has it count while the first has not committed what it sends
        gates_saved(self, connection)

    def claim() -> None:
        if threading.current_thread().name == "second":
            second.set()
        for _ in range(3):
            claimed.extend(world.store.notification_log.claim("test", limit=2))

    monkeypatch.setattr(Gates, "save", save)
    claimed: list[ToSend] = []
    world.sees(MOUNTS)
    senders = [threading.Thread(target=claim, name=name) for name in ("first", "second", "third")]
    for one in senders:
        one.start()
    for one in senders:
        one.join(60)
    assert len(claimed) == 3
    assert len({alert.id for one in claimed for alert in one.message.alerts}) == 3


@sqlite_alone
def test_a_hundred_messages_a_minute_are_allowed_by_default_and_any_number_by_0(
    store: Store, clock: FakeClock
):
    world = World(store, clock, group_by=["mount"])
    world.sees({f"/{number}": 95.0 for number in range(120)})
    claimed = store.notification_log.claim("one", limit=120)
    assert len(claimed) == 100
    store.notification_log.finish([Outcome(sent=one) for one in claimed])
    clock.forward(minutes=1)
    (summary,) = store.notification_log.claim("two", limit=200)
    assert summary.firing == 20
    free = World(store, clock, name="free", receivers=["free"], group_by=["mount"])
    store.receivers.set("free", ["sentinel-webhook/free"])
    set_message_limit(store, "receiver", "free", 0)
    set_message_limit(store, "channel", "sentinel-webhook/free", 0)
    free.sees({f"/{number}": 95.0 for number in range(120)})
    claimed = store.notification_log.claim("three", limit=300)
    assert len([one for one in claimed if one.receiver == "free"]) == 120


def test_a_limit_is_taken_back_and_a_wrong_one_refused(store: Store):
    set_message_limit(store, "channel", "inbox", 5, actor="ann")
    assert message_limits(store).channels == {"inbox": 5}
    set_message_limit(store, "channel", "inbox", None, actor="ann")
    assert message_limits(store).channels == {}
    with pytest.raises(ConfigurationError, match="-1 messages a minute is no limit"):
        set_message_limit(store, "channel", "inbox", -1)
