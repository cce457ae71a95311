"""When a series will reach a threshold, if it goes on as it has: a robust line, with its doubt.

The slope is Theil's and Sen's, the median of the slopes between all pairs of points, which a
quarter of wild points does not move; its interval is Sen's, from the spread of Kendall's S
(P. K. Sen, "Estimates of the regression coefficient based on Kendall's tau", JASA 63, 1968).
"""

from __future__ import annotations

import math
from statistics import NormalDist

import msgspec
import numpy as np
from numpy.typing import NDArray

__all__ = ["FEWEST", "Forecast", "forecast"]

FEWEST = 8
"""With fewer points there is nothing to say."""
_MOST_POINTS = 120


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds until the threshold; infinite where the line does not lead there.

    Attributes:
        until: by the most likely slope
        soonest, latest: by the ends of the slope's interval
        level: of the line now
        slope: per second
    """

    until: float
    soonest: float
    latest: float
    level: float
    slope: float


def forecast(
    seconds: NDArray[np.float64],
    values: NDArray[np.float64],
    threshold: float,
    *,
    rising: bool,
    sure: float = 0.9,
) -> Forecast | None:
    """Return when the line through the points meets `threshold`.

    Args:
        seconds: of every point, relative to now, in order; at most 0
        values: of every point
        threshold: in the unit of the values
        rising: whether it is reached from below
        sure: how much of the doubt the interval covers, between 0 and 1

    Returns:
        None where there are fewer than 8 points, or all at one moment.
    """
    x, y = _thinned(seconds, values)
    n = len(x)
    if n < FEWEST:
        return None
    low, high = np.triu_indices(n, 1)
    apart = x[high] - x[low]
    slopes = np.sort((y[high] - y[low])[apart > 0] / apart[apart > 0])
    pairs = len(slopes)
    if not pairs:
        return None
    slope = float(np.median(slopes))
    level = float(np.median(y - slope * x))
    half = NormalDist().inv_cdf(0.5 + sure / 2) * math.sqrt(n * (n - 1) * (2 * n + 5) / 18) / 2
    least = float(slopes[max(0, math.floor(pairs / 2 - half))])
    most = float(slopes[min(pairs - 1, math.ceil(pairs / 2 + half))])
    # The line turns about the middle of the points, so a steeper one also stands higher now.
    middle, height = float(np.median(x)), float(np.median(y))

    def meets(tilt: float, now: float) -> float:
        left, speed = (threshold - now, tilt) if rising else (now - threshold, -tilt)
        if left <= 0:
            return 0.0
        return left / speed if speed > 0 else math.inf

    ends = sorted(meets(tilt, height - tilt * middle) for tilt in (least, most))
    until = meets(slope, level)
    return Forecast(
        until=until,
        soonest=min(ends[0], until),
        latest=max(ends[1], until),
        level=level,
        slope=slope,
    )


def _thinned(
    seconds: NDArray[np.float64], values: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return at most 120 points: medians of neighbours, since pairs grow with the square."""
    if len(seconds) <= _MOST_POINTS:
        return seconds, values
    parts = np.array_split(np.arange(len(seconds)), _MOST_POINTS)
    return (
        np.array([np.median(seconds[part]) for part in parts]),
        np.array([np.median(values[part]) for part in parts]),
    )
