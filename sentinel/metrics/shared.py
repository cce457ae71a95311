"""One read of a metric for many rules that ask for parts of the same window. Pure.

A read of a metric's window takes all of its blocks, however few series match, so that the rules of
a pack read it once and choose their series and their part of the time from that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np

from sentinel.labels.matchers import matcher, matches
from sentinel.metrics.moments import micros
from sentinel.metrics.series import MetricReader, Series

__all__ = ["SharedReader"]


class SharedReader:
    """Reads each metric once for each end of a window, and again only for a longer one.

    Args:
        reader: of the stored metrics
    """

    def __init__(self, reader: MetricReader) -> None:
        self._reader = reader
        self._read: dict[tuple[str, datetime], _Whole] = {}

    def window(
        self, name: str, matchers: Sequence[str], since: datetime, until: datetime
    ) -> Series:
        """Return the samples after `since`, up to and with `until`, of series that match.

        Args:
            name: of the metric
            matchers: which series
            since: exclusive
            until: inclusive

        Returns:
            As the reader would.

        Raises:
            ConfigurationError: a matcher cannot be read
        """
        whole = self._read.get((name, until))
        if whole is None or whole.series.since > micros(since):
            whole = _Whole(self._reader.window(name, [], since, until))
            self._read[name, until] = whole
        return whole.part(matchers, micros(since))


class _Whole:
    """All series of a metric in a window, by what their labels say."""

    def __init__(self, series: Series) -> None:
        self.series = series
        self._places: dict[str, dict[str, list[int]]] = {}

    def part(self, matchers: Sequence[str], since: int) -> Series:
        """Return the series that match, without samples at or before `since`."""
        whole = self.series
        asked = [matcher(source) for source in matchers]
        among: Sequence[int] = range(len(whole))
        for one in asked:
            if one.certain:
                found = self._of(one.label).get(one.text, ())
                among = found if len(found) < len(among) else among
        chosen = [place for place in among if matches(asked, whole.labels[place])]
        kept: list[int] = []
        pieces: list[slice] = []
        for place in chosen:
            first, end = int(whole.starts[place]), int(whole.starts[place + 1])
            if since > whole.since:
                first += int(np.searchsorted(whole.times[first:end], since, "right"))
            if first < end:
                kept.append(place)
                pieces.append(slice(first, end))
        none = np.empty(0, np.int64)
        lengths = [piece.stop - piece.start for piece in pieces]
        return Series(
            name=whole.name,
            since=since,
            until=whole.until,
            labels=[whole.labels[place] for place in kept],
            units=[whole.units[place] for place in kept],
            starts=np.append(0, np.cumsum(lengths)).astype(np.int64),
            times=np.concatenate([whole.times[one] for one in pieces]) if pieces else none,
            values=np.concatenate([whole.values[one] for one in pieces])
            if pieces
            else none.astype(np.float64),
        )

    def _of(self, label: str) -> Mapping[str, list[int]]:
        """Return the places of the series by the value of a label."""
        if label not in self._places:
            found: dict[str, list[int]] = {}
            for place, labels in enumerate(self.series.labels):
                found.setdefault(labels.get(label, ""), []).append(place)
            self._places[label] = found
        return self._places[label]
