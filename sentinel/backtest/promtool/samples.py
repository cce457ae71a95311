"""Samples in memory, which the check of a rule reads as it reads stored ones."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
import numpy as np

from sentinel.labels.matchers import matcher, matches
from sentinel.metrics.moments import micros
from sentinel.metrics.promql.values import NAME, STALE_BITS, plain
from sentinel.metrics.series import Series

__all__ = ["Samples"]


class _Kept(msgspec.Struct):
    """One series: moments in microseconds, and the bits of as many numbers."""

    labels: Mapping[str, str]
    times: list[int]
    bits: list[int]


class Samples:
    """Series by the names of their metrics; a `MetricReader`."""

    def __init__(self) -> None:
        self._series: dict[str, dict[frozenset[tuple[str, str]], _Kept]] = {}

    def add(self, labels: Mapping[str, str], at: int, bits: int) -> None:
        """Keep one sample.

        Args:
            labels: of the series, `__name__` among them
            at: milliseconds, not before the series' last one; the same moment replaces it
            bits: of the number
        """
        own = {name: text for name, text in labels.items() if name != NAME}
        of = self._series.setdefault(labels.get(NAME, ""), {})
        kept = of.setdefault(plain(own), _Kept(own, [], []))
        if kept.times and kept.times[-1] == at * 1000:
            kept.bits[-1] = bits
            return
        kept.times.append(at * 1000)
        kept.bits.append(bits)

    def end(self, labels: Mapping[str, str], at: int) -> None:
        """Keep that a series has ended; see `add`."""
        self.add(labels, at, STALE_BITS)

    def window(
        self, name: str, matchers: Sequence[str], since: datetime, until: datetime
    ) -> Series:
        """Return samples; see `MetricReader`.

        Args:
            name: of the metric
            matchers: which series
            since: exclusive
            until: inclusive

        Returns:
            The series with samples then.

        Raises:
            ConfigurationError: a matcher cannot be read
        """
        asked = [matcher(source) for source in matchers]
        start, end = micros(since), micros(until)
        labels: list[Mapping[str, str]] = []
        starts, times, bits = [0], list[int](), list[int]()
        # Sums go by the order of labels, as in Prometheus.
        for _, one in sorted(self._series.get(name, {}).items(), key=lambda kept: sorted(kept[0])):
            low, high = bisect_right(one.times, start), bisect_right(one.times, end)
            if low == high or not matches(asked, one.labels):
                continue
            labels.append(one.labels)
            times += one.times[low:high]
            bits += one.bits[low:high]
            starts.append(len(times))
        return Series(
            name=name, since=start, until=end, labels=labels, units=[""] * len(labels),
            starts=np.array(starts, np.int64), times=np.array(times, np.int64),
            values=np.array(bits, np.int64).view(np.float64),
        )  # fmt: skip
