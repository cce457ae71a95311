"""A channel that does not answer is tried by one message at a time, and its state is kept."""

from __future__ import annotations

import pytest

from sentinel.clock import FakeClock
from sentinel.errors import DeliveryError
from sentinel.notifications.channel import Channel, Message, Receipt
from sentinel.store import Store
from sentinel.store.notifications.channel_health import channel_health
from tests.world import World

HOOK = "sentinel-webhook/ops"


class Hook:
    """A channel that answers or does not, and keeps what it was asked to send."""

    def __init__(self) -> None:
        self.answers = False
        self.permanent = False
        self.tried: list[str] = []

    def send(self, message: Message) -> Receipt:
        self.tried.append(message.title)
        if not self.answers:
            raise DeliveryError("the webhook did not answer", permanent=self.permanent)
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


def test_a_dead_channel_is_tried_by_one_message_at_a_time(night: Night):
    night.burns()
    night.passes(1)
    tried = len(night.hook.tried)
    night.passes(300)
    # 10, 20, 40, 80 and 150 seconds of 300 after it opened.
    assert len(night.hook.tried) - tried <= 6
    assert len(night.other.recorder.messages) == 1
    (health,) = channel_health(night.store)
    assert health.channel == HOOK
    assert health.opened_at is not None
    assert health.error == "the webhook did not answer"


def test_its_outage_is_two_lines_of_log_and_its_end_one(night: Night):
    night.burns()
    night.passes(120)
    assert (night.logged("delivery.failed"), night.logged("channel.down")) == (1, 1)
    night.hook.answers = True
    night.passes(300)
    assert night.logged("channel.up") == 1
    assert (night.logged("delivery.failed"), night.logged("channel.down")) == (1, 1)


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
    (why,) = night.store.notification_log.explain(group)
    assert why.decision.reason in ("channel_down", "retry")
    reasons = {row[0] for row in night.other.rows("SELECT reason FROM telling")}
    assert "channel_down" in reasons


def test_a_refusal_for_good_is_an_answer(night: Night):
    night.hook.permanent = True
    night.burns()
    night.passes(60)
    assert len(night.hook.tried) == 20
    assert channel_health(night.store) == []
