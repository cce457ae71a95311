"""Good and total events over time, and sums of them over any span. Pure.

An event lies at a moment and is counted in its minute; older minutes are kept as hours. So a span
holds a bucket as a whole or not at all, by where the bucket begins.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sentinel.metrics.moments import micros

__all__ = ["MINUTE", "Bucket", "Counts", "Tally"]

MINUTE = 60_000_000
"""Microseconds of a minute."""
_MICRO = timedelta(microseconds=1)
Numbers = NDArray[np.float64]
Whole = NDArray[np.int64]


class Tally(NamedTuple):
    """Good and all events of a span."""

    good: float
    total: float

    @property
    def bad(self) -> float:
        """How many were bad."""
        return self.total - self.good

    @property
    def bad_share(self) -> float | None:
        """The share of bad events, between 0 and 1; None where there were no events."""
        return self.bad / self.total if self.total > 0 else None


class Bucket(NamedTuple):
    """The events of one bucket; `at` is where it begins, microseconds since 1970."""

    at: int
    good: float
    total: float


class Counts:
    """Events in order of time.

    Args:
        times: where each bucket begins, microseconds since 1970, in any order; of equal ones the
            events add up
        good: events of each that were good
        total: all events of each
    """

    __slots__ = ("_good", "_total", "good", "times", "total")

    def __init__(self, times: Whole, good: Numbers, total: Numbers) -> None:
        order = np.argsort(times, kind="stable")
        times, good, total = times[order], good[order], total[order]
        if len(times) > 1 and (times[1:] == times[:-1]).any():
            first = np.flatnonzero(np.append(True, times[1:] != times[:-1]))
            times = times[first]
            good, total = np.add.reduceat(good, first), np.add.reduceat(total, first)
        self.times, self.good, self.total = times, good, total
        self._good = np.append(0.0, np.cumsum(good))
        self._total = np.append(0.0, np.cumsum(total))

    @classmethod
    def of(cls, buckets: Iterable[tuple[int, float, float]]) -> Counts:
        """Return the events of buckets, each where it begins, its good and all its events."""
        rows = list(buckets)
        return cls(
            np.array([one[0] for one in rows], np.int64),
            np.array([one[1] for one in rows], np.float64),
            np.array([one[2] for one in rows], np.float64),
        )

    def __len__(self) -> int:
        return len(self.times)

    def between(self, start: datetime, end: datetime) -> Tally:
        """Return the events of buckets that begin from `start` on and before `end`."""
        first, last = self.times.searchsorted([micros(start), micros(end)])
        if first >= last:
            return Tally(0.0, 0.0)
        return Tally(
            float(self._good[last] - self._good[first]),
            float(self._total[last] - self._total[first]),
        )

    def last(self, end: datetime, lengths: Sequence[timedelta]) -> list[Tally]:
        """Return the events of the last while before `end`, for several lengths at once."""
        until = micros(end)
        starts = [until - one // _MICRO for one in lengths]
        places: list[int] = self.times.searchsorted([*starts, until]).tolist()
        last = places.pop()
        return [
            Tally(
                float(self._good[last] - self._good[first]),
                float(self._total[last] - self._total[first]),
            )
            for first in places
        ]

    def sums(self, first: Whole, last: Whole) -> tuple[Numbers, Numbers]:
        """Return the good and all events of many spans at once, by the places of their buckets.

        Args:
            first: place of the first bucket of each
            last: place after the last bucket of each; not after the first where it has none

        Returns:
            The good, and all events of each.
        """
        last = np.maximum(first, last)
        return self._good[last] - self._good[first], self._total[last] - self._total[first]

    def edges(self, edges: Sequence[datetime]) -> list[Tally]:
        """Return the events between each two neighbours of `edges`, which rise."""
        places = np.searchsorted(self.times, [micros(one) for one in edges])
        good, total = np.diff(self._good[places]), np.diff(self._total[places])
        return [Tally(float(g), float(t)) for g, t in zip(good, total, strict=True)]

    def replaced(self, start: datetime, end: datetime, new: Counts) -> Counts:
        """Return these events with those from `start` up to before `end` replaced by `new`."""
        return self.with_span(micros(start), micros(end), new)

    def with_span(self, start: int, end: int, new: Counts) -> Counts:
        """Return what `replaced` does, the moments in microseconds since 1970."""
        outside = (self.times < start) | (self.times >= end)
        return Counts(
            np.append(self.times[outside], new.times),
            np.append(self.good[outside], new.good),
            np.append(self.total[outside], new.total),
        )

    def since(self, start: int) -> Counts:
        """Return the events of buckets that begin from `start` on, microseconds since 1970."""
        first = int(self.times.searchsorted(start))
        if not first:
            return self
        return Counts(self.times[first:], self.good[first:], self.total[first:])
