"""From a group that is due to a channel that was notified: rows, crashes, two senders at once."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import timedelta

import pytest

from sentinel.alerts.actions import Acknowledge, Suppress, Unacknowledge
from sentinel.clock import FakeClock
from sentinel.engine.dispatcher import DeliveryCount, notify_due
from sentinel.errors import ConfigurationError, DeliveryError
from sentinel.notifications.channel import Channel
from sentinel.store import Store
from tests.databases import both_databases
from tests.world import World


@pytest.fixture
def world(store: Store, clock: FakeClock) -> World:
    return World(store, clock, group_wait="30s")


FIRST = ("firing", "first")
OVER = ("resolved", "resolved")


def test_opening_and_resolving_notify_once_each(world: World):
    world.sees({"/": 95})
    assert world.said() == []
    assert world.reasons() == ["group_wait"]
    world.clock.forward(seconds=30)
    assert world.said() == [FIRST]
    assert world.said() == []
    world.sees({"/": 20})
    assert world.said() == [OVER]
    assert world.said() == []
    assert world.store.notification_log.next_due() is None


def test_an_alert_that_resolves_before_the_first_notification_sends_none(world: World):
    world.sees({"/": 95})
    world.clock.forward(seconds=10)
    world.rule = world.rule.model_copy()
    world.store.apply(world.evaluation({"/": 20}))
    world.clock.forward(minutes=5)
    assert world.said() == []
    assert world.reasons() == ["resolved_before_notified"]


def test_a_resolve_names_the_alerts_that_were_notified_and_no_others(world: World):
    world.sees({"/": 95})
    world.clock.forward(seconds=30)
    world.said()
    world.sees({"/": 95, "/blip": 95})
    world.sees({"/": 95, "/blip": 20})
    world.sees({"/": 20, "/blip": 20})
    world.tells()
    ((_, message),) = world.recorder.messages
    assert (message.status, message.resolved) == ("resolved", 1)
    assert [alert.labels["mount"] for alert in message.alerts] == ["/"]


def test_a_resolve_names_an_alert_that_fired_and_resolved_again_in_between(world: World):
    world.sees({"/": 95, "/data": 95})
    world.clock.forward(seconds=30)
    world.said()
    world.sees({"/": 20, "/data": 95})
    world.sees({"/": 95, "/data": 95})
    world.sees({"/": 20, "/data": 20})
    world.tells()
    ((_, message),) = world.recorder.messages
    assert (message.status, message.resolved) == ("resolved", 2)
    assert sorted(alert.labels["mount"] for alert in message.alerts) == ["/", "/data"]


def test_a_group_that_comes_back_waits_as_a_first_one_does(store: Store, clock: FakeClock):
    world = World(store, clock, group_wait="30s")
    world.sees({"/": 95})
    clock.forward(seconds=30)
    assert world.said() == [FIRST]
    world.sees({"/": 20})
    world.said()
    world.sees({"/": 95})
    assert world.said() == []
    due = clock.now() + timedelta(seconds=30)
    assert store.notification_log.next_due() == due
    clock.set(due)
    assert world.said() == [FIRST]


def test_news_in_a_group_waits_for_group_interval(world: World):
    world.sees({"/": 95})
    world.clock.forward(seconds=30)
    world.said()
    world.sees({"/": 95, "/data": 95})
    assert world.said() == []
    assert world.reasons() == ["group_interval"]
    world.clock.forward(minutes=5)
    assert world.said() == [("firing", "new_firing")]


def test_a_severity_above_the_last_notification_does_not_wait(store: Store, clock: FakeClock):
    world = World(store, clock, group_wait="30s", when={"levels": {"high": 90, "critical": 98}})
    world.sees({"/": 95})
    world.clock.forward(seconds=30)
    world.said()
    world.sees({"/": 99})
    assert world.said() == [("firing", "severity_rose")]


def test_a_severity_that_voids_an_acknowledgement_says_so(store: Store, clock: FakeClock):
    levels = {"levels": {"high": 90, "critical": 98}}
    world = World(store, clock, when=levels)
    world.sees({"/": 95})
    world.said()
    world.store.act(world.ids(), Acknowledge(actor="ann", comment="on it"))
    world.sees({"/": 99})
    clock.forward(seconds=1)
    assert world.told_why() == ["severity rose; the acknowledgement is void (by ann: on it)"]
    (alert,) = world.ids()
    entry = world.store.alerts.timeline(alert)[-1]
    assert (entry.reason, entry.actor, entry.comment) == (
        "acknowledgement_void", "", "by ann: on it",
    )  # fmt: skip
    world.sees({"/": 99, "/data": 95})
    clock.forward(minutes=5)
    assert world.told_why() == ["more alerts are firing"]


def test_it_repeats_until_somebody_acknowledges(world: World):
    world.sees({"/": 95})
    world.clock.forward(seconds=30)
    world.said()
    world.clock.forward(hours=4)
    assert world.said() == [("firing", "repeat")]
    world.store.act(world.ids(), Acknowledge(actor="ann"))
    world.clock.forward(hours=4)
    assert world.said() == []
    assert world.reasons() == ["acknowledged"]
    world.store.act(world.ids(), Unacknowledge(actor="ann"))
    world.clock.forward(hours=4)
    assert world.said() == [("firing", "repeat")]


def test_a_suppressed_group_notifies_when_the_suppression_ends(world: World):
    world.sees({"/": 95})
    until = world.clock.now() + timedelta(hours=1)
    world.store.act(world.ids(), Suppress(actor="ann", until=until))
    world.clock.forward(minutes=5)
    assert world.said() == []
    assert world.reasons() == ["suppressed"]
    world.clock.set(until)
    assert world.said() == [FIRST]


def test_the_resolve_of_a_suppressed_alert_reaches_receivers_that_were_notified(world: World):
    world.sees({"/": 95})
    world.clock.forward(seconds=30)
    world.said()
    until = world.clock.now() + timedelta(hours=9)
    world.store.act(world.ids(), Suppress(actor="ann", until=until))
    world.sees({"/": 20})
    assert world.said() == [OVER]


def test_what_expires_is_not_called_recovered_and_closes_incidents(store: Store, clock: FakeClock):
    store.receivers.set("default", ["inbox", "sentinel-pagerduty/oncall"])
    world = World(store, clock, group_wait="30s", resolve_after="10m", every=None)
    world.sees({"/": 95})
    world.clock.forward(seconds=30)
    assert world.said() == [FIRST, FIRST]
    world.clock.forward(minutes=10)
    world.store.sweep()
    world.tells()
    ((channel, message),) = world.recorder.messages
    assert (channel, message.status) == ("sentinel-pagerduty/oncall", "resolved")
    assert message.title.startswith("[expired]")
    assert sorted(world.reasons()) == ["already_notified", "resolved_quietly"]


def test_a_disabled_rule_notifies_that_its_alerts_closed_and_why(world: World):
    world.sees({"/": 95})
    world.clock.forward(seconds=30)
    world.said()
    world.store.rules.disable("disk", actor="ann")
    world.tells()
    ((_, message),) = world.recorder.messages
    assert message.status == "resolved"
    assert message.title.startswith("[rule disabled]")


def test_a_channel_that_fails_is_tried_again_and_the_others_are_not(world: World):
    world.store.receivers.set("default", ["inbox", "sentinel-webhook/ops"])
    world.recorder.fails["sentinel-webhook/ops"] = DeliveryError("HTTP 503")
    world.sees({"/": 95})
    world.clock.forward(seconds=30)
    assert world.tells() == DeliveryCount(1, 1, 0)
    for _ in range(60):  # an hour
        world.clock.forward(minutes=1)
        world.tells()
    assert Counter(channel for channel, _ in world.recorder.messages) == {"inbox": 1}
    del world.recorder.fails["sentinel-webhook/ops"]
    world.clock.forward(minutes=11)
    world.tells()
    assert Counter(channel for channel, _ in world.recorder.messages) == {
        "inbox": 1,
        "sentinel-webhook/ops": 1,
    }
    log = [row[0] for row in world.rows("SELECT what FROM system_log ORDER BY id")]
    assert log.count("delivery.failed") == 1  # said once, not once a try


def test_a_refusal_is_not_tried_again_until_there_is_news_or_it_repeats(world: World):
    world.store.receivers.set("default", ["sentinel-webhook/ops"])
    gone = DeliveryError("HTTP 404", permanent=True)
    world.recorder.fails["sentinel-webhook/ops"] = gone
    world.sees({"/": 95})
    world.clock.forward(seconds=30)
    assert world.tells() == DeliveryCount(1, 0, 1)  # the inbox, since no channel works
    world.clock.forward(hours=3)
    assert world.tells() == DeliveryCount(0, 0, 0)
    assert world.reasons() == ["refused", "repeat_interval"]
    world.recorder.messages.clear()
    del world.recorder.fails["sentinel-webhook/ops"]
    world.sees({"/": 95, "/data": 95})
    world.clock.forward(seconds=30)
    assert sorted(world.said()) == [FIRST, ("firing", "new_firing")]


def test_a_receiver_that_is_not_there_goes_to_default_and_is_said(store: Store, clock: FakeClock):
    world = World(store, clock, group_wait="30s", receivers=["nobody"])
    world.sees({"/": 95})
    world.clock.forward(seconds=30)
    assert world.said() == [FIRST]
    assert "no receiver 'nobody'" in world.store.log.page()[0].message


def test_a_resolve_is_sent_where_firing_was_though_the_receiver_was_edited(world: World):
    world.sees({"/": 95})
    world.clock.forward(seconds=30)
    world.said()
    world.store.receivers.set("default", ["sentinel-webhook/ops"])
    world.sees({"/": 20})
    world.tells()
    assert [channel for channel, _ in world.recorder.messages] == ["inbox"]


def test_a_storm_is_one_message_that_names_all(world: World):
    world.sees({f"/m{n}": 95 for n in range(300)})
    world.clock.forward(seconds=30)
    world.tells()
    ((_, message),) = world.recorder.messages
    assert message.firing == 300
    assert len(message.alerts) == 300


def test_a_receiver_needs_channels_that_exist_in_form(store: Store):
    with pytest.raises(ConfigurationError, match="is not a channel"):
        store.receivers.set("ops", ["slack ops"])


@both_databases
def test_two_senders_at_once_send_each_message_once(store: Store, clock: FakeClock):
    world = World(store, clock, group_wait="30s", group_by=["mount"])
    world.sees({f"/m{n}": 95 for n in range(40)})
    clock.forward(seconds=30)
    threads = [threading.Thread(target=world.tells) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(world.recorder.messages) == 40
    assert len({message.id for _, message in world.recorder.messages}) == 40


class Killed(BaseException):
    """The process ends here."""


@both_databases
@pytest.mark.parametrize("where", ["before sending", "after sending", "while recording"])
def test_a_sender_that_dies_loses_no_notification_and_repeats_at_most_once(
    world: World, monkeypatch: pytest.MonkeyPatch, where: str
):
    world.sees({"/": 95})
    world.clock.forward(seconds=30)
    finish = world.store.notification_log.finish

    def die(*_: object) -> None:
        raise Killed

    def channel_of(reference: str) -> Channel:
        if where == "before sending":
            raise Killed
        return world.recorder.channel_of(reference)

    if where == "after sending":
        monkeypatch.setattr(world.store.notification_log, "finish", die)
    if where == "while recording":
        monkeypatch.setattr(world.store, "changed", die)
    with pytest.raises(Killed):
        notify_due(world.store, channel_of, by="test")
    monkeypatch.undo()
    assert world.store.notification_log.finish == finish
    assert world.tells() == DeliveryCount(0, 0, 0)  # the claim stands for now
    world.clock.forward(seconds=91)
    assert world.tells() == DeliveryCount(1, 0, 0)
    ids = [message.id for _, message in world.recorder.messages]
    assert len(ids) == (1 if where == "before sending" else 2)
    assert len(set(ids)) == 1  # a repeat has the same id, so that a receiver can drop it
    world.clock.forward(minutes=30)
    assert world.tells() == DeliveryCount(0, 0, 0)


def test_one_wake_is_emitted_and_no_second_while_it_is_outstanding(store: Store, clock: FakeClock):
    worlds = [World(store, clock, name=f"rule-{n}") for n in range(5)]
    for world in worlds:
        store.apply(world.evaluation({"/": 95}))

    def wakes() -> int:
        return worlds[0].rows("SELECT count(*) FROM outbox WHERE event LIKE '%wake%'")[0][0]

    assert wakes() == 1
    clock.forward(seconds=4)
    store.wakes.tick(clock.now())
    assert wakes() == 1
    clock.forward(seconds=1)
    store.wakes.tick(clock.now())
    assert wakes() == 2  # nobody served it for five seconds
    assert store.wakes.serve(store.wakes.requested())
    clock.forward(minutes=1)
    store.wakes.tick(clock.now())
    assert wakes() == 2


def test_never_more_than_one_wake_a_second(store: Store, clock: FakeClock):
    world = World(store, clock)

    def commit(number: int) -> None:
        one = World(store, clock, name=f"rule-{number}")
        store.apply(one.evaluation({"/": 95}))
        store.wakes.serve(store.wakes.requested())

    for number in range(5):
        commit(number)
        clock.forward(seconds=0.1)
    assert world.rows("SELECT count(*) FROM outbox WHERE event LIKE '%wake%'") == [(1,)]


def test_a_group_that_falls_due_later_is_woken_by_the_relay_not_by_its_commit(world: World):
    world.sees({"/": 95})

    def count() -> int:
        return world.rows("SELECT count(*) FROM outbox WHERE event LIKE '%wake%'")[0][0]

    assert count() == 0
    assert not world.store.wakes.due_groups_wake(world.clock.now())
    world.clock.forward(seconds=30)
    assert world.store.wakes.due_groups_wake(world.clock.now())
    assert count() == 1


@pytest.mark.parametrize("receivers", [["nobody", "no-one"], ["ops", "night"]])
def test_a_channel_of_two_receivers_is_notified_once(
    store: Store, clock: FakeClock, receivers: list[str]
):
    for name in ("ops", "night"):
        store.receivers.set(name, ["inbox"])
    world = World(store, clock, receivers=receivers)
    for seen, said in (({"/": 95}, FIRST), ({"/": 1}, OVER)):
        world.sees(seen)
        assert world.said() == [said]


def test_a_channel_that_was_notified_for_one_receiver_goes_on_for_it(
    store: Store, clock: FakeClock
):
    store.receivers.set("ops", ["sentinel-webhook/ops"])
    store.receivers.set("night", ["inbox"])
    world = World(store, clock, receivers=["ops", "night"], repeat_interval="1h")
    world.sees({"/": 95})
    assert world.said() == [FIRST, FIRST]
    store.receivers.set("ops", ["inbox"])
    clock.forward(hours=1)
    assert world.said() == [("firing", "repeat")]
