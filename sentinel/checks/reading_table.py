"""Many readings at once, as columns: only those that may be bad become a `Reading` of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from sentinel.checks.reading import Reading, checked
from sentinel.errors import ReadingError
from sentinel.rules.condition import When

__all__ = ["ReadingTable"]


class ReadingTable:
    """A value for each of many series.

    Args:
        labels: of every series
        values: of every series; NaN means that it could not be seen, so that it is left out

    Raises:
        ReadingError: they are not equally many, or a value is infinite
    """

    def __init__(self, labels: Sequence[Mapping[str, str]], values: NDArray[np.float64]) -> None:
        if len(labels) != len(values):
            raise ReadingError(f"{len(labels):,} label sets for {len(values):,} values")
        if np.isinf(values).any():
            raise ReadingError("a value is infinite", hint="Leave out what could not be seen.")
        self.labels = labels
        self.values = values
        self._seen = ~np.isnan(values)

    def __len__(self) -> int:
        return int(np.count_nonzero(self._seen))

    def places(self) -> list[int]:
        """Return the positions that have a reading."""
        return np.flatnonzero(self._seen).tolist()

    def reading(self, place: int) -> Reading:
        """Return the reading at one position."""
        return checked(Reading(labels=self.labels[place], value=float(self.values[place])))

    def suspects(self, when: When) -> list[int]:
        """Return the positions whose value may be bad, among them all that are; `judge` decides."""
        values = self.values
        if when.above is not None:
            suspect = values > when.above
        elif when.below is not None:
            suspect = values < when.below
        elif when.outside is not None:
            suspect = (values < when.outside[0]) | (values > when.outside[1])
        elif when.equals is not None:
            suspect = values == when.equals
        elif when.levels:
            limits = when.levels.values()
            suspect = values > min(limits) if when.direction == "above" else values < max(limits)
        else:
            suspect = self._seen
        return np.flatnonzero(suspect & self._seen).tolist()
