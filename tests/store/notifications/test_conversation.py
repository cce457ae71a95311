"""Each message refers to the channel's earlier ones, so that a provider can keep one thread."""

from __future__ import annotations

from datetime import timedelta

from sentinel.clock import FakeClock
from sentinel.engine.dispatcher import notify_due
from sentinel.errors import DeliveryError
from sentinel.notifications.channel import Channel, Message, Receipt
from sentinel.store import Store
from tests.world import World


class Thread:
    """A channel that answers as email does: always with the reference of its first message."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.down = False

    def channel_of(self, _reference: str) -> Channel:
        return self

    def send(self, message: Message) -> Receipt:
        if self.down:
            raise DeliveryError("down for a moment")
        self.messages.append(message)
        return Receipt(reference=message.answers or f"<{message.id}@example.org>")

    def answers(self) -> list[str]:
        return [message.answers for message in self.messages]


def test_the_first_message_starts_a_thread_and_later_ones_reply_to_it(
    store: Store, clock: FakeClock
):
    world, thread = World(store, clock), Thread()
    for seen in ({"/": 95.0}, {"/": 95.0, "/data": 96.0}, {"/": 1.0, "/data": 1.0}):
        world.sees(seen)
        clock.forward(seconds=600)
        notify_due(store, thread.channel_of, by="test")
    root = f"<{thread.messages[0].id}@example.org>"
    assert [message.status for message in thread.messages] == ["firing", "firing", "resolved"]
    assert thread.answers() == ["", root, root]


def test_a_message_that_was_not_delivered_starts_no_thread(store: Store, clock: FakeClock):
    world, thread = World(store, clock), Thread()
    world.sees({"/": 95.0})
    thread.down = True
    notify_due(store, thread.channel_of, by="test")
    thread.down = False
    clock.forward(seconds=timedelta(minutes=1).total_seconds())
    notify_due(store, thread.channel_of, by="test")
    assert thread.answers() == [""]


def test_a_reopened_group_continues_in_its_thread(store: Store, clock: FakeClock):
    world, thread = World(store, clock), Thread()
    for value in (95.0, 1.0, 95.0):
        world.sees({"/": value})
        clock.forward(seconds=60)
        notify_due(store, thread.channel_of, by="test")
    assert thread.answers()[1:] == [f"<{thread.messages[0].id}@example.org>"] * 2
    assert len({message.id for message in thread.messages}) == 3
