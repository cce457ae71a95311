"""In a storm one run of `notify` stays for what becomes due, in place of many runs."""

from __future__ import annotations

import pytest

from flows import notify
from sentinel.clock import FakeClock
from sentinel.notifications.storm import STAY
from sentinel.store import Store, StoreOptions
from tests.world import World


class Time:
    """Passes only while somebody sleeps, and moves the store's clock with it."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock, self.passed = clock, 0.0

    def monotonic(self) -> float:
        return self.passed

    def sleep(self, seconds: float) -> None:
        self.passed += seconds
        self._clock.forward(seconds=seconds)


def test_a_run_stays_for_the_first_message_of_a_storm_and_ends_before_the_next_one_may_start(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
):
    store.options = StoreOptions(storm_alerts=20)
    world = World(store, clock, group_by=["mount"], group_wait="30m")
    world.sees({f"/{number}": 95.0 for number in range(20)})
    time = Time(clock)
    monkeypatch.setattr(notify, "time", time)
    assert notify.notify_until_served(store, by="run").sent == 1
    assert time.passed == STAY.total_seconds()
    (message,) = store.inbox.page()
    assert message.title == "[medium] a storm: 20 alerts of 20 groups"


def test_a_run_ends_at_once_where_there_is_no_storm(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
):
    world = World(store, clock)
    world.sees({"/": 95.0})
    time = Time(clock)
    monkeypatch.setattr(notify, "time", time)
    assert notify.notify_until_served(store, by="run").sent == 1
    assert time.passed == 0
