"""Series of one metric over a window, as columns that numpy works on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from sentinel.labels.matchers import matcher
from sentinel.metrics.moments import micros

__all__ = ["MetricReader", "NoSamples", "Series"]

Numbers = NDArray[np.float64]
Whole = NDArray[np.int64]


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """Samples of several series of one metric, each series' together and in order of time.

    Series number n has the samples from `starts[n]` up to `starts[n + 1]`; none is empty.

    Attributes:
        name: of the metric
        since, until: the window, left open and right closed, microseconds since 1970
        labels: of every series
        units: of every series
        starts: one more than there are series
        times: of every sample, microseconds since 1970
        values: of every sample
    """

    name: str
    since: int
    until: int
    labels: Sequence[Mapping[str, str]]
    units: Sequence[str]
    starts: Whole
    times: Whole
    values: Numbers

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def seconds(self) -> float:
        """Return how long the window is."""
        return (self.until - self.since) / 1e6

    def of(self, place: int) -> tuple[Whole, Numbers]:
        """Times and values of one series."""
        piece = slice(int(self.starts[place]), int(self.starts[place + 1]))
        return self.times[piece], self.values[piece]


class MetricReader(Protocol):
    """What a check may ask of the stored metrics of its rule's tenant."""

    def window(
        self, name: str, matchers: Sequence[str], since: datetime, until: datetime
    ) -> Series:
        """Return the samples after `since`, up to and with `until`, of series that match.

        Raises:
            ConfigurationError: a matcher cannot be read
        """
        ...


class NoSamples:
    """A reader without samples, for a call that only checks a check's parameters."""

    def window(
        self, name: str, matchers: Sequence[str], since: datetime, until: datetime
    ) -> Series:
        """Return no series; see `MetricReader`.

        Args:
            name: the metric's
            matchers: read, so that one that cannot be read is refused
            since: exclusive
            until: inclusive

        Returns:
            An empty window.

        Raises:
            ConfigurationError: a matcher cannot be read
        """
        for source in matchers:
            matcher(source)
        return Series(
            name=name, since=micros(since), until=micros(until), labels=[], units=[],
            starts=np.zeros(1, np.int64), times=np.empty(0, np.int64), values=np.empty(0),
        )  # fmt: skip
