"""Within which bounds a series is expected to be, from what came before. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["LEAST", "expected_band"]

Floats = NDArray[np.float64]

LEAST = 30
"""Numbers that must have been compared before there are bounds."""
_SHARE = 0.98
_CENTRE, _SPREAD = 288, 576
"""The last numbers that give the middle, and the bounds: of five minutes, a day and two."""


def expected_band(values: Floats, season: int = 0) -> tuple[Floats, Floats]:
    """Return the bounds within which each number of a rate is expected, from earlier ones alone.

    What is usual is the mean of the last 288 numbers; with a season, from the least to the most of
    the three numbers around the one that came so long before. The bounds lie as far outside as 98
    of 100 of the last 576 numbers lay outside theirs.

    Args:
        values: finite and not negative, oldest first
        season: compare with the number that came so many before; 0 for none

    Returns:
        The lower bound of each number, at least zero, and the upper one; NaN where fewer than
        `LEAST` numbers were compared before.
    """
    least, most = _seasonal(values, season) if season else (_means(values),) * 2
    off = np.maximum(np.maximum(least - values, values - most), 0.0)
    spread = np.full(len(values), np.nan)
    first = season or 1
    for place in range(first + LEAST, len(values)):
        spread[place] = np.quantile(off[max(first, place - _SPREAD) : place], _SHARE)
    return np.maximum(least - spread, 0.0), most + spread


def _means(values: Floats) -> Floats:
    sums = np.concatenate(([0.0], np.cumsum(values)))
    ends = np.arange(1, len(values))
    begins = np.maximum(0, ends - _CENTRE)
    middles = np.full(len(values), np.nan)
    middles[1:] = (sums[ends] - sums[begins]) / (ends - begins)
    return middles


def _seasonal(values: Floats, season: int) -> tuple[Floats, Floats]:
    padded = np.pad(values, 1, mode="edge")
    around = np.stack((padded[:-2], padded[1:-1], padded[2:]))[:, : max(0, len(values) - season)]
    least, most = np.full(len(values), np.nan), np.full(len(values), np.nan)
    least[season:], most[season:] = around.min(axis=0), around.max(axis=0)
    return least, most
