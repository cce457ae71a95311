"""Who looks for patterns of log lines: one process at a time, and no error ends it."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from sentinel.api import log_mining
from sentinel.api.log_mining import LogMining
from sentinel.clock import FakeClock
from sentinel.errors import TelemetryUnavailable
from sentinel.settings import Settings
from sentinel.store import Store


class Mining:
    """Finds nothing, or fails; notes each turn."""

    def __init__(self) -> None:
        self.turns: list[int] = []
        self.fails = False
        self.done = 0
        self.turned = threading.Event()
        self.may_go_on: Callable[[], bool] = lambda: True

    def turn(self, now: int, may_go_on: Callable[[], bool]) -> int:
        self.turns.append(now)
        self.may_go_on = may_go_on
        self.turned.set()
        if self.fails:
            raise TelemetryUnavailable("away")
        return self.done


def of(store: Store, mining: Mining) -> LogMining:
    return LogMining(store, lambda _settings: mining.turn)


def test_one_process_looks_and_another_goes_on_when_it_ends(store: Store) -> None:
    first, second = Mining(), Mining()
    one, other = of(store, first), of(store, second)
    one.turn(Settings())
    other.turn(Settings())
    assert (len(first.turns), len(second.turns)) == (1, 0)
    one.start()
    one.wake(Settings())
    one.close()
    other.turn(Settings())
    assert len(second.turns) == 1


def test_a_long_turn_keeps_its_lease_and_ends_where_it_was_lost(
    store: Store, clock: FakeClock
) -> None:
    first, second = Mining(), Mining()
    one, other = of(store, first), of(store, second)
    one.turn(Settings())
    for _ in range(3):
        clock.forward(seconds=50)
        assert first.may_go_on()
    other.turn(Settings())
    assert second.turns == []
    clock.forward(seconds=61)
    other.turn(Settings())
    assert not first.may_go_on()
    one.turn(Settings())
    assert (len(first.turns), len(second.turns)) == (1, 1)


def test_what_is_left_is_done_at_once_and_failures_wait_longer(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    mining = Mining()
    looks = of(store, mining)
    mining.done = 500
    assert looks.turn(Settings()) == 0
    mining.done = 0
    usual = looks.turn(Settings())
    mining.fails = True
    assert usual < looks.turn(Settings()) < looks.turn(Settings())
    mining.fails = False
    assert looks.turn(Settings()) == usual
    assert caplog.text.count("cannot be found") == 1


def test_anomalies_are_looked_for_also_while_lines_always_wait(monkeypatch: pytest.MonkeyPatch):
    judged: list[int] = []

    class Busy:
        def __init__(self, _: object) -> None: ...

        def turn(self, _now: int, _may_go_on: Callable[[], bool]) -> int:
            return 500

    class Watch(Busy):
        def turn(self, _now: int, _may_go_on: Callable[[], bool]) -> int:
            judged.append(_now)
            return 0

    def no_client(_: Settings, *, write: bool) -> None:
        assert write

    monkeypatch.setattr(log_mining, "telemetry_client", no_client)
    monkeypatch.setattr(log_mining, "PatternMining", Busy)
    monkeypatch.setattr(log_mining, "AnomalyWatch", Watch)
    turn = log_mining.looks_of(Settings())
    start = 1_800_000_000 * 10**9
    for minute in range(11):
        turn(start + minute * 60 * 10**9, lambda: True)
    assert [(one - start) // (60 * 10**9) for one in judged] == [0, 5, 10]


def test_a_thread_begins_with_the_first_lines(store: Store) -> None:
    mining = Mining()
    looks = of(store, mining)
    looks.start()
    assert not mining.turned.is_set()
    looks.wake(Settings())
    assert mining.turned.wait(20)
    looks.close()
