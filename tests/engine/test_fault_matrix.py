"""A sender that is killed at each step: never no message, two only in the window that says so.

The process is killed for real: a fork that ends without any cleanup, beside a real receiver.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy.exc import OperationalError

from blocks.webhook import SignedWebhook
from sentinel.clock import FakeClock
from sentinel.engine.dispatcher import notify_due
from sentinel.engine.lanes import Lanes
from sentinel.notifications.channel import Channel, Message, Receipt
from sentinel.notifications.message import MAY_REPEAT
from sentinel.notifications.standby import Standby
from sentinel.store import Store
from sentinel.store.notifications import deliveries, notification_log
from sentinel.store.notifications.channel_health import Gates
from tests.databases import both_databases
from tests.prefect_server import Receiver, free_port
from tests.world import World

pytestmark = both_databases

HOOK = "sentinel-webhook/ops"
STANDBY = Standby(loaded=lambda _: True)
SENDERS: dict[str, dict[str, Any]] = {
    "worker": {},
    "relay": {"overdue_for": timedelta(0), "standby": STANDBY},
}

ONCE, ONCE_SAID, TWICE = (1, False), (1, True), (2, True)
"""How many messages arrive, and whether the last of them says that it may be a repeat."""
STEPS = {
    "before the attempt is committed": ONCE,
    "the attempt is committed": ONCE_SAID,
    "before the vendor is asked": ONCE_SAID,
    "the vendor has accepted": TWICE,
    "while the outcome is written": TWICE,
    "the outcome is committed": ONCE,
}


class Killing:
    """A channel, and the process that uses it: ends it at a step.

    Args:
        step: of `STEPS`
        url: of the receiver
        how: ends the process
    """

    def __init__(self, step: str, url: str, how: Callable[[], None]) -> None:
        self._step, self._how = step, how
        self._hook = SignedWebhook(url=SecretStr(url), secret=SecretStr("a-shared-secret"))

    def channel_of(self, _: str) -> Channel:
        return self

    def send(self, message: Message) -> Receipt:
        self.at("before the vendor is asked")
        receipt = self._hook.send(message)
        self.at("the vendor has accepted")
        return receipt

    def at(self, step: str) -> None:
        if step == self._step:
            self._how()

    def watch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """End the process also at the steps that are not the channel's."""

        def before(owner: Any, name: str, step: str) -> None:
            real = getattr(owner, name)

            def wrapped(*args: Any, **more: Any) -> Any:
                self.at(step)
                return real(*args, **more)

            monkeypatch.setattr(owner, name, wrapped)

        def after(owner: Any, name: str, step: str) -> None:
            real = getattr(owner, name)

            def wrapped(*args: Any, **more: Any) -> Any:
                done = real(*args, **more)
                self.at(step)
                return done

            monkeypatch.setattr(owner, name, wrapped)

        before(Gates, "save", "before the attempt is committed")
        before(Lanes, "submit", "the attempt is committed")
        before(deliveries, "record", "while the outcome is written")
        after(notification_log.NotificationLog, "finish", "the outcome is committed")


def arrived(receiver: Receiver) -> tuple[int, bool]:
    """How many messages arrived, and whether the last says that it may be a repeat."""
    said = [json.loads(one.body)["reason_text"] for one in receiver.requests]
    assert not any(MAY_REPEAT in one for one in said[:-1])
    return len(said), MAY_REPEAT in said[-1]


def one_incident(receiver: Receiver) -> None:
    """A vendor that knows keys of idempotency, or of deduplication, makes one thing of them."""
    assert len({one.headers["Idempotency-Key"] for one in receiver.requests}) == 1
    assert len({json.loads(one.body)["dedup_key"] for one in receiver.requests}) == 1


@pytest.fixture
def world(store: Store, clock: FakeClock) -> World:
    store.receivers.set("default", [HOOK])
    world = World(store, clock)
    world.sees({"/": 95})
    return world


def take_over(world: World, receiver: Receiver) -> None:
    """The next sender, once the claim of the one that died has run out; then nothing is left."""
    hook = Killing("", receiver.url, lambda: None)
    for seconds in (25, 25):
        world.clock.forward(seconds=seconds)
        notify_due(world.store, hook.channel_of, by="next")


@pytest.mark.parametrize("sender", SENDERS)
@pytest.mark.parametrize(("step", "expected"), STEPS.items(), ids=STEPS)
def test_a_process_that_is_killed_at_a_step(
    world: World, receiver: Receiver, migrated_url: str, step: str, expected: tuple[int, bool],
    sender: str,
):  # fmt: skip
    world.store.engine.dispose()  # no connection is shared with the fork
    child = os.fork()
    if child == 0:
        try:
            store = Store(migrated_url, clock=FakeClock(world.clock.now()))
            killing = Killing(step, receiver.url, lambda: os._exit(9))
            killing.watch(pytest.MonkeyPatch())
            notify_due(store, killing.channel_of, by=sender, **SENDERS[sender])
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 9, "it ended at another step"
    take_over(world, receiver)
    assert arrived(receiver) == expected
    one_incident(receiver)


DATABASE = {
    "before the attempt is committed": ONCE,
    "while the outcome is written": TWICE,
}


@pytest.mark.parametrize(("step", "expected"), DATABASE.items(), ids=DATABASE)
def test_a_database_that_is_gone_at_a_step(
    world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, step: str,
    expected: tuple[int, bool],
):  # fmt: skip
    def gone() -> None:
        raise OperationalError("commit", {}, Exception("the database is gone"))

    with monkeypatch.context() as while_gone:
        killing = Killing(step, receiver.url, gone)
        killing.watch(while_gone)
        with pytest.raises(OperationalError):
            notify_due(world.store, killing.channel_of, by="worker")
    take_over(world, receiver)
    assert arrived(receiver) == expected
    one_incident(receiver)


def test_a_channel_that_is_gone_before_it_was_asked(world: World, receiver: Receiver):
    nobody = Killing("", f"http://127.0.0.1:{free_port()}", lambda: None)
    notify_due(world.store, nobody.channel_of, by="worker")
    take_over(world, receiver)
    assert arrived(receiver) == ONCE


def test_a_channel_that_is_gone_after_it_was_asked(world: World, receiver: Receiver):
    receiver.hangs_up = 1
    hook = Killing("", receiver.url, lambda: None)
    notify_due(world.store, hook.channel_of, by="worker")
    take_over(world, receiver)
    assert arrived(receiver) == TWICE
    one_incident(receiver)


def test_a_gateway_that_got_no_answer_may_stand_before_one_who_accepted(
    world: World, receiver: Receiver
):
    receiver.answers = [504]
    hook = Killing("", receiver.url, lambda: None)
    notify_due(world.store, hook.channel_of, by="worker")
    take_over(world, receiver)
    assert arrived(receiver) == TWICE


def test_a_refusal_is_an_answer(world: World, receiver: Receiver):
    receiver.answers = [503]
    hook = Killing("", receiver.url, lambda: None)
    notify_due(world.store, hook.channel_of, by="worker")
    take_over(world, receiver)
    assert arrived(receiver) == (2, False)


def test_what_comes_after_a_repeat_says_nothing_of_it(world: World, receiver: Receiver):
    receiver.hangs_up = 1
    hook = Killing("", receiver.url, lambda: None)
    notify_due(world.store, hook.channel_of, by="worker")
    take_over(world, receiver)
    world.sees({"/": 20})
    notify_due(world.store, hook.channel_of, by="worker")
    last = json.loads(receiver.requests[-1].body)
    assert (last["group_status"], last["reason_text"]) == ("resolved", "all alerts are resolved")
