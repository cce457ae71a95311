"""A channel that does not answer is tried by one message at a time, and its state is kept."""

from __future__ import annotations

import threading
from contextlib import suppress

import pytest
from sqlalchemy import Connection

from sentinel.clock import FakeClock
from sentinel.engine.channel_watch import RULE, ChannelWatch
from sentinel.errors import DeliveryError
from sentinel.notifications.channel import Channel, Message, Receipt
from sentinel.store import Store
from sentinel.store.notifications.channel_health import (
    Gates,
    channel_health,
    channel_states,
    record_recovery,
)
from sentinel.store.notifications.deliveries import Outcome, ToSend
from tests.world import World

HOOK = "sentinel-webhook/ops"


class Hook:
    """A channel that answers or does not, and keeps what it was asked to send."""

    def __init__(self) -> None:
        self.answers = False
        self.permanent = self.of_message = False
        self.retry_after = 0.0
        self.tried: list[str] = []

    def send(self, message: Message) -> Receipt:
        self.tried.append(message.title)
        if not self.answers:
            error = DeliveryError(
                "the webhook did not answer", permanent=self.permanent, of_message=self.of_message
            )
            error.retry_after = self.retry_after
            raise error
        return Receipt()


class Night:
    """Twenty groups that go to one channel, and one that goes to another."""

    def __init__(self, store: Store, clock: FakeClock) -> None:
        self.store, self.clock, self.hook = store, clock, Hook()
        store.receivers.set("ops", [HOOK])
        self.worlds = [
            World(store, clock, name=f"rule-{n}", group_wait="0s", receivers=["ops"])
            for n in range(20)
        ]
        self.other = World(store, clock, name="healthy", group_wait="0s")

    def channel_of(self, ref: str) -> Channel:
        return self.hook if ref == HOOK else self.other.recorder.channel_of(ref)

    def burns(self) -> None:
        for world in [*self.worlds, self.other]:
            world.sees({"/": 95})

    def passes(self, seconds: int) -> None:
        from sentinel.engine.dispatcher import notify_due

        for _ in range(seconds):
            self.clock.forward(seconds=1)
            notify_due(self.store, self.channel_of, by="test")

    def logged(self, what: str) -> int:
        return sum(row.what == what for row in self.store.log.page(200))


@pytest.fixture
def night(store: Store, clock: FakeClock) -> Night:
    return Night(store, clock)


@pytest.mark.slow
def test_a_dead_channel_is_tried_by_one_message_at_a_time(night: Night):
    night.burns()
    night.passes(1)
    tried = len(night.hook.tried)
    night.passes(300)
    # 10, 20, 40, 80 and 150 seconds of 300 after it opened.
    assert len(night.hook.tried) - tried <= 6
    assert sum(one.receiver == "default" for _, one in night.other.recorder.messages) == 1
    (health,) = channel_health(night.store)
    assert health.channel == HOOK
    assert health.opened_at is not None
    assert health.error == "the webhook did not answer"


def test_a_channel_that_asks_to_be_left_alone_is(store: Store, clock: FakeClock):
    from sentinel.engine.dispatcher import notify_due

    hook = Hook()
    hook.retry_after = 120.0
    store.receivers.set("ops", [HOOK])
    World(store, clock, name="one", group_wait="0s", receivers=["ops"]).sees({"/": 95})
    for seconds, tried in ((1, 1), (60, 1), (58, 1), (2, 2)):
        clock.forward(seconds=seconds)
        notify_due(store, lambda _: hook, by="test")
        assert len(hook.tried) == tried, seconds


@pytest.mark.slow
def test_its_outage_is_two_lines_of_log_and_its_end_one(night: Night):
    night.burns()
    night.passes(120)
    assert (night.logged("delivery.failed"), night.logged("channel.down")) == (1, 1)
    night.hook.answers = True
    night.passes(300)
    assert night.logged("channel.up") == 1
    assert (night.logged("delivery.failed"), night.logged("channel.down")) == (1, 1)


@pytest.mark.slow
def test_everybody_is_notified_once_it_answers_again(night: Night):
    night.burns()
    night.passes(100)
    night.hook.answers = True
    night.hook.tried.clear()
    night.passes(180)
    assert len(night.hook.tried) == len(set(night.hook.tried)) == 20
    (health,) = channel_health(night.store)
    assert (health.failures, health.opened_at) == (0, None)
    assert health.recovered_at is not None


def test_why_a_channel_is_not_notified_says_that_it_is_down(night: Night):
    night.burns()
    night.passes(15)
    (group,) = night.worlds[-1].rows("SELECT id FROM alert_group WHERE title LIKE '%rule-19%'")[0]
    (why, _) = night.store.notification_log.explain(group)
    assert why.decision.reason in ("channel_down", "retry")
    reasons = {row[0] for row in night.other.rows("SELECT reason FROM notification_log")}
    assert "channel_down" in reasons


@pytest.mark.slow
def test_a_channel_that_refuses_everything_is_tried_by_one_message_at_a_time(night: Night):
    night.hook.permanent = True
    night.burns()
    night.passes(60)
    tried = len(night.hook.tried)
    night.passes(240)
    assert len(night.hook.tried) - tried <= 4
    (one,) = [state for state in channel_states(night.store) if state.channel == HOOK]
    assert (one.state, one.error, one.receivers) == (
        "refused", "the webhook did not answer", ["ops"],
    )  # fmt: skip
    assert (night.logged("delivery.refused"), night.logged("channel.down")) == (1, 1)


def state_of_hook(night: Night) -> str:
    return next(one.state for one in channel_states(night.store) if one.channel == HOOK)


def test_a_channel_that_refuses_one_message_for_its_content_takes_the_others(night: Night):
    night.hook.permanent = night.hook.of_message = True
    night.worlds[0].sees({"/": 95})
    night.passes(1)
    assert (state_of_hook(night), night.logged("delivery.refused")) == ("failing", 1)
    night.hook.answers = True
    night.worlds[1].sees({"/": 95})
    night.passes(2)
    assert (len(night.hook.tried), state_of_hook(night)) == (2, "healthy")
    # The inbox is notified of what the channel refused, and of nothing else.
    assert [one.title for _, one in night.other.recorder.messages] == night.hook.tried[:1]


def test_a_channel_that_refuses_the_content_of_every_message_refuses_messages(night: Night):
    night.hook.permanent = night.hook.of_message = True
    for number in range(3):
        assert state_of_hook(night) != "refused"
        night.worlds[number].sees({"/": 95})
        night.passes(1)
    assert (state_of_hook(night), night.logged("channel.down")) == ("refused", 1)


def test_the_state_of_a_channel_that_works_is_healthy(night: Night):
    night.hook.answers = True
    night.burns()
    night.passes(2)
    assert {one.channel: one.state for one in channel_states(night.store)} == {
        "inbox": "healthy", HOOK: "healthy",
    }  # fmt: skip


def test_what_was_refused_is_tried_again_at_the_next_repeat(store: Store, clock: FakeClock):
    world = World(store, clock, repeat_interval="1h")
    world.sees({"/": 95})
    world.recorder.fails["inbox"] = DeliveryError("gone", permanent=True)
    assert (world.tells().refused, world.reasons()) == (1, ["refused"])
    clock.forward(minutes=59)
    assert world.tells().refused == 0
    clock.forward(minutes=1)
    assert world.store.notification_log.next_due() == clock.now()
    assert world.tells().refused == 1
    del world.recorder.fails["inbox"]
    clock.forward(hours=1)
    assert world.said() == [("firing", "first")]


def test_a_resolve_that_was_refused_is_tried_again_too(store: Store, clock: FakeClock):
    world = World(store, clock, repeat_interval="1h")
    world.sees({"/": 95})
    assert world.said() == [("firing", "first")]
    world.recorder.fails["inbox"] = DeliveryError("gone", permanent=True)
    world.sees({"/": 1})
    assert world.tells().refused == 1
    del world.recorder.fails["inbox"]
    clock.forward(hours=1)
    assert world.said() == [("resolved", "resolved")]


@pytest.mark.parametrize("permanent", [True, False])
@pytest.mark.slow
def test_a_channel_that_takes_nothing_is_alerted_once_by_another_path(
    night: Night, permanent: bool
):
    night.hook.permanent = permanent
    night.store.receivers.set("default", [HOOK])
    watch = ChannelWatch(night.store)
    for world in night.worlds:
        world.sees({"/": 95})
    for _ in range(20):
        night.passes(15)
        watch.evaluate(night.clock.now())
    night.passes(5)
    alerts = [one for one in night.store.alerts.page(limit=99).items if one.rule == RULE]
    assert [(one.status, one.severity, one.labels) for one in alerts] == [
        ("open", "high", {"sentinel_channel": HOOK})
    ]
    sent = [(ref, one) for ref, one in night.other.recorder.messages if RULE in str(one.alerts)]
    assert [ref for ref, _ in sent] == ["inbox"]
    assert not [title for title in night.hook.tried if title == sent[0][1].title]
    night.hook.answers = True
    night.clock.forward(hours=4)
    night.passes(400)
    watch.evaluate(night.clock.now())
    assert night.store.alerts.get(alerts[0].id).status == "resolved"


@pytest.mark.slow
def test_where_no_channel_of_a_receiver_works_the_inbox_is_notified(night: Night):
    night.hook.permanent = True
    for world in night.worlds:
        world.sees({"/": 95})
    night.passes(120)
    told = {ref for ref, _ in night.other.recorder.messages}
    named = {one.title for _, one in night.other.recorder.messages}
    assert (told, len(named)) == ({"inbox"}, 20)


def test_the_receiver_fallback_is_notified_instead_of_the_inbox_and_gets_the_resolve(
    store: Store, clock: FakeClock
):
    from sentinel.engine.dispatcher import notify_due

    hook, backup = Hook(), "sentinel-webhook/backup"
    hook.permanent = True
    store.receivers.set("ops", [HOOK])
    store.receivers.set("fallback", [HOOK, backup])
    world = World(store, clock, group_wait="0s", receivers=["ops"])

    def told() -> list[str]:
        def channel_of(ref: str) -> Channel:
            return hook if ref == HOOK else world.recorder.channel_of(ref)

        for _ in range(3):
            clock.forward(seconds=1)
            notify_due(store, channel_of, by="test")
        found = [ref for ref, _ in world.recorder.messages]
        world.recorder.messages.clear()
        return found

    world.sees({"/": 95})
    assert told() == [backup]
    world.sees({"/": 1})
    assert told() == [backup]
    # The inbox is notified where the fallback refuses the message too.
    world.recorder.fails[backup] = DeliveryError("too long", permanent=True, of_message=True)
    clock.forward(hours=2)
    world.sees({"/home": 95})
    assert told() == ["inbox"]


@pytest.mark.slow
def test_a_test_message_that_is_taken_makes_the_channel_healthy(night: Night):
    night.burns()
    night.passes(30)
    record_recovery(night.store, HOOK)
    states = {one.channel: one.state for one in channel_states(night.store)}
    assert states[HOOK] == "healthy"
    night.hook.answers = True
    night.passes(60)
    assert night.logged("channel.up") == 1


def opened(store: Store, clock: FakeClock) -> list[World]:
    """Two groups for a channel whose breaker is half-open."""
    store.receivers.set("ops", [HOOK])
    worlds = [World(store, clock, name=name, receivers=["ops"]) for name in ("one", "two")]
    for world in worlds:
        world.recorder.fails[HOOK] = DeliveryError("the webhook did not answer")
        world.sees({"/": 95})
    for _ in range(3):
        worlds[0].tells()
        clock.forward(seconds=12)
    clock.forward(minutes=10)
    (state,) = (one for one in channel_states(store) if one.channel == HOOK)
    assert state.breaker == "half-open"
    return worlds


def test_while_half_open_one_probe_is_tried_however_long_it_takes(store: Store, clock: FakeClock):
    one, _ = opened(store, clock)
    (probe,) = store.notification_log.claim("slow")
    for _ in range(10):
        clock.forward(seconds=15)
        store.notification_log.renew([probe])
        assert store.notification_log.claim("another") == []
    store.notification_log.finish([Outcome(sent=probe)])
    (state,) = (each for each in channel_states(store) if each.channel == HOOK)
    assert (state.breaker, state.next_try_at) == ("closed", None)
    one.recorder.fails.clear()
    clock.forward(seconds=20)
    one.tells()
    assert [ref for ref, _ in one.recorder.messages].count(HOOK) == 1


def test_two_senders_at_once_send_one_probe(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
):
    opened(store, clock)
    claimed: list[ToSend] = []
    both_have_seen, save = threading.Barrier(2), Gates.save

    def later(gates: Gates, connection: Connection) -> None:
        with suppress(threading.BrokenBarrierError):
            both_have_seen.wait(0.5)
        save(gates, connection)

    def claim(by: str) -> None:
        claimed.extend(store.notification_log.claim(by, limit=1))

    monkeypatch.setattr(Gates, "save", later)

    senders = [threading.Thread(target=claim, args=(by,)) for by in ("one", "two")]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join(60)
    assert [one.channel for one in claimed] == [HOOK]
