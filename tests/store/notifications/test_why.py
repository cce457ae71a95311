"""Why a channel is notified of an alert or not: each outcome is a row, and reads as a sentence."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from sentinel.access import Reach, Scope
from sentinel.alerts.actions import Suppress
from sentinel.clock import FakeClock
from sentinel.errors import DeliveryError, NotFound
from sentinel.notifications.why import AlertWhy, shown
from sentinel.store import Store
from sentinel.store.access.within import Within
from sentinel.store.database.retention import retain
from sentinel.store.escalations.why import alert_why
from tests.databases import both_databases
from tests.world import World

CHANNEL = "sentinel-webhook/ops"


@pytest.fixture
def world(store: Store, clock: FakeClock) -> World:
    store.receivers.set("ops", [CHANNEL])
    return World(store, clock, receivers=["ops"], group_wait="30s")


def why(world: World, place: int = 0) -> AlertWhy:
    return alert_why(world.store, world.ids()[place])


def history(world: World) -> list[tuple[str, str]]:
    return [(one.state, one.reason) for one in why(world).groups[0].history]


def test_every_outcome_of_an_alert_is_told_in_sentences(world: World, clock: FakeClock):
    world.sees({"/": 95})
    opened = clock.now()
    (group,) = why(world).groups
    (channel,) = group.channels
    assert (channel.receiver, channel.channel, channel.send) == ("ops", CHANNEL, False)
    assert channel.next_at == group.next_at == opened + timedelta(seconds=30)
    assert channel.text == (
        "Not notified now: waiting for more alerts before the first notification (group_wait). "
        f"The next decision is at {shown(opened + timedelta(seconds=30))}."
    )
    assert group.text == "Route ops, grouped by rule=disk: open, 1 alert fires."
    clock.forward(seconds=30)
    world.tells()
    told = clock.now()
    (channel,) = why(world).groups[0].channels
    assert channel.text == (
        f"Last notified at {shown(told)}. Not notified now: notified; repeats later "
        f"(repeat_interval). The next decision is at {shown(told + timedelta(hours=4))}."
    )
    assert history(world) == [("sent", "first"), ("held", "repeat_interval")]
    world.sees({"/": 95, "/data": 97})
    world.tells()
    (channel,) = why(world, 1).groups[0].channels
    assert "That message did not name this alert." in channel.text
    assert channel.reason == "group_interval"
    (channel,) = why(world, 0).groups[0].channels
    assert "did not name" not in channel.text


def test_a_decision_for_the_same_reason_adds_no_row(store: Store, clock: FakeClock):
    # The clock begins on a Thursday.
    closed = {"windows": [{"days": "mon", "start": "08:00", "end": "16:00"}]}
    world = World(store, clock, active_hours=closed)
    for minute in range(1, 4):
        world.sees({"/": 95, f"/{minute}": 95})
        decided = world.rows("SELECT max(decided_at) FROM notification_log")
        world.tells()
        assert world.rows("SELECT max(decided_at) FROM notification_log") != decided
    assert history(world) == [("held", "outside_hours")]


def test_failures_are_in_the_history_with_the_time_of_the_next_attempt(
    world: World, clock: FakeClock
):
    world.recorder.fails[CHANNEL] = DeliveryError("it answers 503", permanent=False)
    world.sees({"/": 95})
    clock.forward(seconds=30)
    world.tells()
    (group,) = why(world).groups
    failed, held = group.history
    assert failed.latency_ms is not None
    assert failed.text == (
        f"the attempt failed: first notification, in {failed.latency_ms:,} ms (it answers 503)"
    )
    assert held.next_at is not None
    assert held.text == (
        "not notified: the channel failed; Sentinel tries again later; next decision at "
        + shown(held.next_at)
    )
    assert "The last attempt failed: it answers 503" in group.channels[0].text


def test_without_a_receiver_the_row_says_so(store: Store, clock: FakeClock):
    world = World(store, clock, receivers=[])
    world.sees({"/": 95})
    world.tells()
    (group,) = why(world).groups
    assert [one.text for one in group.channels] == [
        "Nobody is notified: no receiver is named for it."
    ]
    assert history(world) == [("held", "not_routed")]
    world.sees({"/": 95, "/data": 95})
    world.tells()
    assert history(world) == [("held", "not_routed")]


def test_a_receiver_that_does_not_exist_is_named(store: Store, clock: FakeClock):
    world = World(store, clock, receivers=["nobody"])
    world.sees({"/": 95})
    world.tells()
    (group,) = why(world).groups
    assert "There is no receiver nobody: default is notified instead." in group.text
    assert group.channels[0].channel == "inbox"


def test_pending_suppressed_and_unknown_alerts_are_explained(world: World, clock: FakeClock):
    world.sees({"/": 95})
    until = clock.now() + timedelta(hours=1)
    world.store.act(world.ids(), Suppress(actor="ann", until=until, comment="at work"))
    answer = why(world)
    assert answer.text == (
        f"The alert is suppressed until {shown(until)} (at work): messages of its group do not "
        "name it before that."
    )
    assert answer.groups[0].channels[0].next_at == until
    clock.forward(seconds=30)
    world.tells()
    assert history(world) == [("held", "suppressed")]
    with pytest.raises(NotFound):
        alert_why(world.store, "0" * 32)
    pending = World(world.store, clock, name="slow", **{"for": "10m"})
    pending.sees({"/": 95})
    answer = why(pending, 1)
    assert answer.text == "The alert is pending: nobody is notified before it opens."


@both_databases
def test_a_group_with_alerts_of_others_shows_a_confined_person_its_status_and_the_reasons_only(
    store: Store, clock: FakeClock
):
    """Whoever reads it could otherwise count other teams' alerts and read their errors."""
    store.receivers.set("ops", [CHANNEL])
    world = World(store, clock)
    rule: dict[str, Any] = {"receivers": ["ops"], "group_wait": "30s"}
    (ours,) = world.raises("/a", team="db", **rule)
    db = Within(store, Scope((Reach(None, frozenset({"db"})),)))
    assert db.why(ours) == alert_why(store, ours)  # all of the group is theirs
    world.raises("/b", "/c", team="web", **rule)
    clock.forward(seconds=30)
    world.recorder.fails[CHANNEL] = DeliveryError("ops answered 500 for /b")
    world.tells()
    (whole,) = alert_why(store, ours).groups
    assert (whole.firing, whole.hidden) == (3, False)
    assert whole.history
    assert "for /b" in whole.channels[0].error
    found = db.why(ours)
    (group,) = found.groups
    (channel,) = group.channels
    assert (group.status, group.hidden, group.firing) == ("open", True, None)
    assert (group.receivers, group.labels, group.route, group.history) == ([], {}, "", [])
    assert (channel.reason, channel.send) == (whole.channels[0].reason, False)
    assert (channel.receiver, channel.channel, channel.error) == ("", "", "")
    assert group.text == "A group with alerts out of your reach: open."
    assert channel.text == f"Not notified now: {channel.reason_text}."
    tenant = Within(store, Scope((Reach(frozenset({"default"})),)))
    assert tenant.why(ours) == alert_why(store, ours)


def test_retention_deletes_outcomes(world: World, clock: FakeClock):
    world.sees({"/": 95})
    clock.forward(seconds=30)
    world.tells()
    world.sees({"/": 10})
    clock.forward(minutes=5)
    world.tells()
    assert world.rows("SELECT count(*) FROM notification_outcome") == [(2,)]
    clock.forward(days=40)
    retain(world.store, timedelta(days=30))
    assert world.rows("SELECT count(*) FROM notification_outcome") == [(0,)]


def test_moments_are_rounded_up_to_the_second(clock: FakeClock):
    clock.forward(microseconds=1)
    assert shown(clock.now()) == "2026-01-01 00:00:01 UTC"
