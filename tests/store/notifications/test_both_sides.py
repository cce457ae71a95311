"""A message names what fires and what is over since the last one to that channel."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from sentinel.alerts.actions import Suppress
from sentinel.clock import FakeClock
from sentinel.errors import DeliveryError
from sentinel.notifications.channel import Message
from sentinel.store import Store
from tests.world import World

TITLES = {"summary": "{mount} is full"}


@pytest.fixture
def world(store: Store, clock: FakeClock) -> World:
    return World(store, clock, group_interval="5s", annotations=TITLES)


def sides(message: Message) -> tuple[str, list[str], list[str]]:
    """The reason of a message, and the mounts that it names as firing and as over."""
    firing = [one.labels["mount"] for one in message.alerts if one.resolved_at is None]
    over = [one.labels["mount"] for one in message.alerts if one.resolved_at is not None]
    assert (message.firing, message.resolved) == (len(firing), len(over))
    return message.reason, sorted(firing), sorted(over)


def told(world: World) -> list[tuple[str, list[str], list[str]]]:
    world.tells()
    said = [sides(message) for _, message in world.recorder.messages]
    world.recorder.messages.clear()
    return said


def bad(*mounts: str) -> dict[str, float]:
    return {mount: 95.0 if mount in mounts else 1.0 for mount in "abc"}


def suppress(world: World, mount: str, until: datetime) -> None:
    rows = world.rows("SELECT id FROM alert WHERE title = :t", t=f"{mount} is full")
    world.store.act([row[0] for row in rows], Suppress(actor="ann", until=until))


def test_each_part_of_a_group_that_recovers_is_named_once(world: World):
    said: list[Any] = []
    for firing in ("abc", "bc", ""):
        world.sees(bad(*firing))
        said += told(world)
    assert said == [
        ("first", ["a", "b", "c"], []),
        ("partly_resolved", ["b", "c"], ["a"]),
        ("resolved", [], ["b", "c"]),
    ]


def test_an_alert_that_is_over_is_there_in_full(world: World):
    world.sees(bad("a", "b"))
    world.tells()
    world.recorder.messages.clear()
    world.sees(bad("b"))
    world.tells()
    ((_, message),) = world.recorder.messages
    over = message.alerts[-1]
    assert (over.status, over.labels, over.rule) == ("resolved", {"mount": "a"}, "disk")
    assert (over.resolution, over.resolution_text) == ("recovered", "recovered")
    assert over.resolved_at == world.clock.now()
    assert over.opened_at == world.clock.now() - timedelta(minutes=1)


def test_title_and_severity_are_those_of_what_the_message_names(store: Store, clock: FakeClock):
    levels = {"levels": {"medium": 90, "critical": 98}}
    world = World(store, clock, group_wait="30s", when=levels, annotations=TITLES)
    world.sees({"a": 95, "b": 99})
    suppress(world, "b", clock.now() + timedelta(hours=1))
    clock.forward(seconds=30)
    world.tells()
    ((_, message),) = world.recorder.messages
    assert (message.title, message.severity) == ("[medium] a is full", "medium")


def test_a_recovery_is_told_while_all_that_still_fires_is_suppressed(world: World):
    world.sees(bad("a", "b"))
    assert told(world) == [("first", ["a", "b"], [])]
    suppress(world, "b", world.clock.now() + timedelta(days=3))
    world.sees(bad("b"))
    world.tells()
    ((_, message),) = world.recorder.messages
    assert sides(message) == ("partly_resolved", [], ["a"])
    assert (message.status, message.title) == ("firing", "[resolved] a is full")
    world.recorder.messages.clear()
    world.clock.forward(minutes=10)
    assert told(world) == []
    world.sees(bad())
    assert told(world) == [("resolved", [], ["b"])]


def test_an_alert_that_blinks_between_two_messages_is_told_as_over_once(world: World):
    world.sees(bad("a", "b"))
    assert told(world) == [("first", ["a", "b"], [])]
    for firing in ("b", "ab", "b"):
        world.sees(bad(*firing))
    assert told(world) == [("partly_resolved", ["b"], ["a"])]
    for firing in ("ab", "b"):
        world.sees(bad(*firing))
    assert told(world) == []
    world.sees(bad())
    assert told(world) == [("resolved", [], ["b"])]


def test_an_alert_that_blinks_untold_is_not_named_however_often_others_were_told(
    world: World, store: Store, clock: FakeClock
):
    other = World(store, clock, name="other", group_interval="5s", annotations=TITLES)
    for firing in ("a", "ab", "abc"):
        other.sees(bad(*firing))
        assert told(other)
    world.sees(bad("a"))
    assert told(world) == [("first", ["a"], [])]
    for firing in ("ab", "a", "ab", "a"):
        world.sees(bad(*firing))
    assert told(world) == []


def test_what_a_channel_missed_is_in_its_next_message(world: World):
    world.sees(bad("a", "b", "c"))
    assert told(world) == [("first", ["a", "b", "c"], [])]
    world.recorder.fails["inbox"] = DeliveryError("down")
    world.sees(bad("b", "c"))
    assert told(world) == []
    world.recorder.fails.clear()
    world.sees(bad("c"))
    assert told(world) == [("partly_resolved", ["c"], ["a", "b"])]


def test_an_end_without_recovery_says_so_in_the_next_message(store: Store, clock: FakeClock):
    world = World(
        store,
        clock,
        group_interval="5s",
        annotations=TITLES,
        no_data={"then": "ok", "after": 2},
    )
    world.sees(bad("a", "b"))
    assert told(world) == [("first", ["a", "b"], [])]
    for _ in range(3):
        world.sees({"b": 95.0, "c": 1.0})
    assert told(world) == []
    world.sees({"b": 1.0, "c": 1.0})
    world.tells()
    ((_, message),) = world.recorder.messages
    assert sides(message) == ("resolved", [], ["a", "b"])
    assert {one.labels["mount"]: one.resolution for one in message.alerts} == {
        "a": "no_data", "b": "recovered",
    }  # fmt: skip


def test_a_storm_is_named_whole(store: Store, clock: FakeClock):
    world = World(store, clock, group_interval="5s")
    world.sees({f"/m{n}": 95.0 for n in range(120)})
    world.tells()
    ((_, message),) = world.recorder.messages
    assert (message.firing, len(message.alerts)) == (120, 120)
    store.inbox.send(message)
    (kept,) = store.inbox.page()
    assert (kept.body["firing"], len(kept.body["alerts"])) == (120, 50)


def test_the_headline_says_what_the_alert_below_it_says(store: Store, clock: FakeClock):
    texts = {"summary": "{value} percent busy", "description": "{value} now"}
    world = World(store, clock, group_wait="90s", when={"above": 5}, annotations=texts)
    world.sees({"a": 100})
    world.sees({"a": 9})
    clock.forward(seconds=30)
    world.tells()
    ((_, message),) = world.recorder.messages
    (alert,) = message.alerts
    assert message.title == "[medium] 9 percent busy"
    assert (alert.title, alert.description, alert.value) == ("9 percent busy", "9 now", 9)


def test_texts_of_an_edited_rule_reach_an_alert_that_fires(store: Store, clock: FakeClock):
    world = World(store, clock, description="old", annotations={"runbook": "https://a.example"})
    world.sees({"a": 95})
    edited = {"description": "new", "annotations": {"runbook": "https://b.example"}}
    world.rule = world.rule.model_copy(update=edited)
    world.sees({"a": 95})
    (alert,) = store.alerts.page().items
    assert (alert.description, alert.annotations) == ("new", {"runbook": "https://b.example"})
