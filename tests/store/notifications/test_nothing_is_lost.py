"""Limits and storms hold back messages, never alerts: whatever opens and resolves, in any order."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from sentinel.clock import FakeClock
from sentinel.store import Store, StoreOptions
from sentinel.store.notifications.storms import watch_storms
from tests.world import World

MOUNTS = [f"/{number}" for number in range(40)]
A_MINUTE = 5
BEGINS_AT = 15


class Play:
    """Two rules over the same mounts, of which the second one is critical.

    Args:
        store: with a `FakeClock`
        clock: the store's
        seed: of all chances
    """

    def __init__(self, store: Store, clock: FakeClock, seed: int) -> None:
        self.clock, self.chance = clock, random.Random(seed)
        self.usual = World(store, clock, group_by=["mount"], group_wait="30s")
        self.urgent = World(
            store,
            clock,
            name="urgent",
            group_by=["mount"],
            severity="critical",
            repeat_interval="7d",
        )
        self.urgent.recorder = self.usual.recorder

    def step(self) -> None:
        self.clock.forward(seconds=self.chance.choice((1, 5, 20, 60, 150)))
        world = self.usual if self.chance.random() < 0.7 else self.urgent
        seen = self.chance.sample(MOUNTS, self.chance.choice((1, 3, 30)))
        bad = 0.8 if self.chance.random() < 0.6 else 0.1
        values = {one: 95.0 if self.chance.random() < bad else 20.0 for one in seen}
        world.store.apply(world.evaluation(values))
        if self.chance.random() < 0.7:
            watch_storms(world.store)
        if self.chance.random() < 0.6:
            self.usual.tells()

    def all_fire(self) -> None:
        """All of both rules at once, which nothing follows that would make up for what is lost."""
        for world in (self.usual, self.urgent):
            self.clock.forward(seconds=20)
            world.store.apply(world.evaluation(dict.fromkeys(MOUNTS, 95.0)))
        watch_storms(world.store)

    def settle(self) -> None:
        for _ in range(30):
            self.clock.forward(minutes=1)
            self.usual.tells()


@pytest.mark.parametrize("seed", range(2))
def test_every_alert_is_named_and_its_end_too_and_no_minute_has_more_messages_than_allowed(
    store: Store, clock: FakeClock, seed: int
):
    store.options = StoreOptions(messages_per_minute=A_MINUTE, storm_alerts=BEGINS_AT)
    play = Play(store, clock, seed)
    for _ in range(20):
        play.step()
    play.all_fire()
    play.settle()
    messages = [message for _, message in play.usual.recorder.messages]
    times = [message.at for message in messages]
    for at in times:
        assert sum(at - timedelta(minutes=1) < one <= at for one in times) <= A_MINUTE
    named: dict[str, bool] = {}  # whether the last word about an alert was that it fires
    for message in messages:
        for place, alert in enumerate(message.alerts):
            named[alert.id] = place < message.firing
    statuses = dict(play.usual.rows("SELECT id, status FROM alert"))
    firing = {id_ for id_, status in statuses.items() if status == "open"}
    assert firing
    assert firing <= {id_ for id_, fires in named.items() if fires}
    assert not {id_ for id_, fires in named.items() if fires} - firing
    assert store.log.page(words="storm")  # the play has one
