"""memory_leak watches a real child process whose memory really grows."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable, Generator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from sentinel import Context
from sentinel.checks.observation import Observation
from sentinel.clock import FakeClock
from triggers.memory_leak import growth, memory_leak

CHILD = """
import sys
kept = []
print("ready", flush=True)
for line in sys.stdin:
    megabytes = int(line)
    if megabytes > 0:
        kept.append(bytearray(b"x" * 1_000_000) * megabytes)
    elif kept:
        kept.pop()
    print("done", flush=True)
"""


class Child:
    """A process that takes or frees memory when told."""

    def __init__(self) -> None:
        self.mark = f"child-{uuid4().hex[:8]}"
        self._process = subprocess.Popen(
            [sys.executable, "-c", CHILD, self.mark],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._answer()

    def grow(self, megabytes: int) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{megabytes}\n")
        self._process.stdin.flush()
        self._answer()

    def _answer(self) -> None:
        assert self._process.stdout is not None
        assert self._process.stdout.readline()

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def child() -> Generator[Child]:
    made = Child()
    yield made
    made.end()


class Watch:
    """The rule: it is evaluated every five minutes, over an hour."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.state: dict[str, Any] = {}

    def evaluate(self, mark: str, **parameters: Any) -> Observation:
        self.clock.forward(minutes=5)
        seen = memory_leak.check(
            ctx=Context(clock=self.clock, state=self.state),
            **{"processes": [mark], "window_minutes": 60, "smallest_mb": 1} | parameters,
        )
        assert seen.state is not None
        self.state = seen.state
        return seen

    def after(self, times: int, mark: str, do: Callable[[int], None]) -> Observation:
        seen = self.evaluate(mark)
        for number in range(times - 1):
            do(number)
            seen = self.evaluate(mark)
        return seen


@pytest.fixture
def watch(clock: FakeClock) -> Watch:
    return Watch(clock)


def test_a_process_that_grows_and_grows_is_found(watch: Watch, child: Child):
    seen = watch.after(13, child.mark, lambda _: child.grow(5))
    (reading,) = seen.readings
    assert reading.value == pytest.approx(60, rel=0.15)  # 5 MB every five minutes
    assert reading.labels["process"] == child.mark
    assert reading.summary is not None
    assert "MB an hour" in reading.summary
    assert reading.details is not None
    assert reading.details["samples"] == 13


def test_before_three_quarters_of_the_window_a_process_is_unknown(watch: Watch, child: Child):
    seen = watch.after(9, child.mark, lambda _: child.grow(5))
    assert seen.readings == []
    assert seen.not_seen[0]["process"] == child.mark
    assert len(watch.evaluate(child.mark).readings) == 1


def test_a_level_however_high_is_no_leak(watch: Watch, child: Child):
    child.grow(200)
    (reading,) = watch.after(13, child.mark, lambda _: None).readings
    assert reading.value == 0


def test_a_restart_begins_anew(watch: Watch, child: Child, clock: FakeClock):
    watch.after(13, child.mark, lambda _: child.grow(5))
    other = Child()
    try:
        seen = watch.evaluate(other.mark)
        assert (seen.readings, len(seen.not_seen)) == ([], 1)
        assert len(watch.state["samples"]) == 1  # what is gone is forgotten
    finally:
        other.end()


def test_what_does_not_run_is_unknown(watch: Watch):
    seen = watch.evaluate("no-such-process-anywhere")
    assert (seen.readings, seen.not_seen[0]["process"]) == ([], "no-such-process-anywhere")


def test_samples_of_another_boot_are_not_used(watch: Watch, child: Child):
    watch.after(13, child.mark, lambda _: child.grow(5))
    watch.state["boot"] = "another machine"
    assert watch.evaluate(child.mark).readings == []


def test_where_none_is_named_the_largest_are_watched(watch: Watch, child: Child):
    child.grow(30)
    seen = watch.evaluate("", processes=[], largest=3)
    assert 1 <= len(seen.not_seen) <= 3
    assert len(watch.state["samples"]) <= 3


@pytest.mark.slow
def test_the_state_stays_small_however_often_it_is_evaluated(clock: FakeClock, child: Child):
    state: dict[str, Any] = {}
    for _ in range(400):
        clock.forward(seconds=10)
        ctx = Context(clock=clock, state=state)
        # The list of processes costs most of an evaluation; a few suffice here.
        seen = memory_leak.check(ctx=ctx, processes=[child.mark], window_minutes=60, smallest_mb=1)
        assert seen.state is not None
        state = seen.state
    (samples,) = state["samples"].values()
    assert len(samples) <= 240
    assert samples[-1][0] - samples[0][0] <= 3600


HOUR = timedelta(hours=1)


def curve(size: Callable[[float], float]) -> list[list[float]]:
    """Evaluate every minute for an hour; `size` is given the part of the hour that has passed."""
    return [[minute * 60.0, size(minute / 60)] for minute in range(61)]


CURVES: list[tuple[str, Callable[[float], float], float]] = [
    ("a steady leak", lambda part: 500 + 100 * part, 100),
    ("a leak under a saw-tooth", lambda part: 500 + 100 * part + 40 * (part * 10 % 1), 100),
    ("a leak with an outlier", lambda part: 500 + 100 * part + 5000 * (part == 0.5), 100),
    ("a leak that is slow for its size", lambda part: 5000 + 100 * part, 0),
    ("a saw-tooth", lambda part: 500 + 200 * (part * 7 % 1), 0),
    ("a step", lambda part: 500 + 300 * (part > 0.4), 0),
    ("a cache that fills and stays", lambda part: 500 + 300 * min(1, 3 * part), 0),
    ("a wave", lambda part: 500 + 100 * math.sin(part * 40), 0),
    ("one that shrinks", lambda part: 500 - 100 * part, -100),
]


@pytest.mark.parametrize(("what", "size", "expected"), CURVES)
def test_growth(what: str, size: Callable[[float], float], expected: float):
    slope = growth(curve(size), HOUR, least_percent=5)
    assert slope == pytest.approx(expected, abs=20), what
