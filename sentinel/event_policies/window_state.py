"""What windows keep between events, small as bytes, and counts of events over time. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, cast

import msgspec

from sentinel.duration import format_duration

__all__ = [
    "ChangeState",
    "CountState",
    "Counts",
    "FlatState",
    "Hit",
    "SequenceState",
    "SpikeState",
    "State",
    "TermState",
    "ValueState",
    "latest",
    "set_back",
    "shown",
]

_EXACT = 2000


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """A window is worth an alert: in words, and as facts for templates (`{window.count}`)."""

    text: str
    facts: Mapping[str, Any] = {}


class CountState(msgspec.Struct, frozen=True, kw_only=True, tag="count"):
    """The moments of the events within the window, oldest first."""

    times: Sequence[float] = ()


class SpikeState(msgspec.Struct, frozen=True, kw_only=True, tag="spike"):
    """Events over time; `since` is when it began to count, also after it fired."""

    counts: Sequence[tuple[float, int]] = ()
    matched: Sequence[tuple[float, int]] = ()
    since: float | None = None
    newest: float = 0.0


class FlatState(msgspec.Struct, frozen=True, kw_only=True, tag="flat"):
    """Events over time, since when they are counted, and when the window fired last."""

    since: float
    counts: Sequence[tuple[float, int]] = ()
    newest: float = 0.0
    notified_at: float | None = None
    forgotten: bool = False


class ChangeState(msgspec.Struct, frozen=True, kw_only=True, tag="change"):
    """The values of the last event, and when that was."""

    values: Sequence[str] = ()
    at: float = 0.0
    known: bool = False


class TermState(msgspec.Struct, frozen=True, kw_only=True, tag="terms"):
    """When each value was seen last; beyond 10,000 of them, filters of what was seen since when."""

    since: float
    terms: Mapping[str, float] = {}
    filters: Sequence[tuple[float, bytes]] = ()
    newest: float = 0.0


class ValueState(msgspec.Struct, frozen=True, kw_only=True, tag="values"):
    """When each value within the window was seen last; `since` is None after it fired."""

    since: float | None
    values: Mapping[str, float] = {}
    newest: float = 0.0


class SequenceState(msgspec.Struct, frozen=True, kw_only=True, tag="sequence"):
    """For each step but the last, when the sequence that got there began, and got there."""

    begun: Sequence[tuple[float, float] | None] = ()
    newest: float = 0.0


State = CountState | SpikeState | FlatState | ChangeState | TermState | ValueState | SequenceState


def latest(state: State) -> float:
    """Return the latest moment that a state knows as past."""
    match state:
        case CountState():
            return state.times[-1] if state.times else 0.0
        case SpikeState():
            return max(state.newest, state.since or 0.0)
        case FlatState():
            return max(state.newest, state.since, state.notified_at or 0.0)
        case ChangeState():
            return state.at
        case TermState() | ValueState():
            return max(state.newest, state.since or 0.0)
        case SequenceState():
            return state.newest


def set_back(state: State, seconds: float) -> State:
    """Return the same state by a clock that was set back by so many seconds.

    All that is a fraction in a state is a moment; the differences between moments stay.

    Args:
        state: of a window
        seconds: by how much the clock was set back

    Returns:
        A state whose moments are that much earlier.
    """
    return msgspec.convert(_earlier(msgspec.to_builtins(state), seconds), State)


def _earlier(part: Any, seconds: float) -> Any:
    match part:
        case float():
            return max(0.0, part - seconds) if part else part
        case list() | tuple():
            return [_earlier(one, seconds) for one in cast("Sequence[Any]", part)]
        case dict():
            return {k: _earlier(v, seconds) for k, v in cast("dict[str, Any]", part).items()}
        case _:
            return part


class Counts:
    """How many events there were when; exact up to 2,000 moments, then in steps.

    A step is a three-hundredth of the window, at least a second.

    Args:
        items: moments in order, each with how many events there were
    """

    def __init__(self, items: Sequence[tuple[float, int]] = ()) -> None:
        self._times = [one[0] for one in items]
        self._numbers = [one[1] for one in items]

    @property
    def items(self) -> list[tuple[float, int]]:
        """As it is kept."""
        return list(zip(self._times, self._numbers, strict=True))

    @property
    def total(self) -> int:
        """Return how many events there are in it."""
        return sum(self._numbers)

    def add(self, at: float, number: int, frame: float) -> None:
        """`number` more events at `at`."""
        place = bisect_left(self._times, at)
        if place < len(self._times) and self._times[place] == at:
            self._numbers[place] += number
            return
        self._times.insert(place, at)
        self._numbers.insert(place, number)
        if len(self._times) > _EXACT:
            self._coarsen(max(1.0, frame / 300))

    def _coarsen(self, step: float) -> None:
        merged: dict[float, int] = {}
        for at, number in zip(self._times, self._numbers, strict=True):
            # The end of each step, so that nothing leaves the window too early.
            end = (at // step + 1) * step
            merged[min(end, self._times[-1])] = merged.get(min(end, self._times[-1]), 0) + number
        self._times, self._numbers = list(merged), list(merged.values())

    def between(self, after: float, until: float) -> int:
        """Return how many there were after `after` and not after `until`."""
        first, last = bisect_right(self._times, after), bisect_right(self._times, until)
        return sum(self._numbers[first:last])

    def drop_until(self, until: float) -> None:
        """Forget what was not after `until`."""
        place = bisect_right(self._times, until)
        del self._times[:place], self._numbers[:place]

    def falls_below(self, threshold: int, frame: float) -> float:
        """Return when fewer than `threshold` are left in a window of `frame`, if none comes."""
        left = 0
        for at, number in zip(reversed(self._times), reversed(self._numbers), strict=True):
            left += number
            if left >= threshold:
                return at + frame
        return self._times[-1] if self._times else 0.0


def shown(length: timedelta) -> str:
    """Return a window's length for people: `5m`."""
    return format_duration(length)
