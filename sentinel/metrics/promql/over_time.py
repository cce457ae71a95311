"""PromQL's functions of the samples of a series within a range. Pure.

https://prometheus.io/docs/prometheus/latest/querying/functions/; the arithmetic is that of
promql/functions.go, so that the last digits agree.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Literal

import numpy as np

from sentinel.metrics.promql.aggregating import quantile_of
from sentinel.metrics.promql.values import Ranged

__all__ = ["EXTRAPOLATED", "KEEPING_NAMES", "OVER_TIME", "Version", "extrapolated", "predicted"]

Version = Literal[2, 3]
"""Prometheus 2 counts a sample at the very start of a range in, Prometheus 3 does not."""
EXTRAPOLATED = ("rate", "increase", "delta")
KEEPING_NAMES = ("last_over_time",)
"""Functions whose result is still of the same metric."""


def extrapolated(how: str, ranged: Ranged, start: int, end: int, version: Version) -> float | None:
    """Return rate, increase or delta over a range.

    Args:
        how: one of `EXTRAPOLATED`
        ranged: samples
        start: of the range, milliseconds
        end: likewise
        version: whose order of steps

    Returns:
        The value; None of fewer than two samples.
    """
    times, values = ranged.times, ranged.values.tolist()
    if len(values) < 2:
        return None
    counter = how != "delta"
    change = values[-1] - values[0]
    if counter:
        before = values[0]
        for one in values[1:]:
            if one < before:
                change += before
            before = one
    to_start = float(times[0] - start) / 1000
    to_end = float(end - times[-1]) / 1000
    sampled = float(times[-1] - times[0]) / 1000
    between = sampled / (len(values) - 1)
    threshold = between * 1.1
    if version == 3 and to_start >= threshold:
        to_start = between / 2
    if counter and change > 0 and values[0] >= 0:
        to_start = min(to_start, sampled * (values[0] / change))
    if version == 2 and to_start >= threshold:
        to_start = between / 2
    if to_end >= threshold:
        to_end = between / 2
    factor = (sampled + to_start + to_end) / sampled
    if how == "rate":
        factor /= float(end - start) / 1000
    return change * factor


def predicted(ranged: Ranged, at: int) -> tuple[float, float] | None:
    """Fit a line by least squares.

    Args:
        ranged: samples
        at: the moment, in milliseconds, at which the intercept is taken

    Returns:
        Slope a second, and the line's value at the moment; None of fewer than two samples.
    """
    if len(ranged.values) < 2:
        return None
    first = ranged.values[0]
    if (ranged.values == first).all():
        return (math.nan, math.nan) if math.isinf(first) else (0.0, float(first))
    count = 0.0
    sum_x = sum_y = sum_xy = sum_xx = (0.0, 0.0)
    for time, value in zip(ranged.times.tolist(), ranged.values.tolist(), strict=True):
        count += 1.0
        x = (time - at) / 1e3
        sum_x = _added(x, sum_x)
        sum_y = _added(value, sum_y)
        sum_xy = _added(x * value, sum_xy)
        sum_xx = _added(x * x, sum_xx)
    along, up, both, square = map(sum, (sum_x, sum_y, sum_xy, sum_xx))
    covariance = both - along * up / count
    slope = covariance / (square - along * along / count)
    return slope, up / count - slope * along / count


def _added(more: float, before: tuple[float, float]) -> tuple[float, float]:
    """Add to a sum and its compensation, after Kahan and Neumaier."""
    total, lost = before
    new = total + more
    if abs(total) >= abs(more):
        return new, lost + ((total - new) + more)
    return new, lost + ((more - new) + total)


def _sum(values: Sequence[float]) -> float:
    whole = (0.0, 0.0)
    for one in values:
        whole = _added(one, whole)
    return whole[0] if math.isinf(whole[0]) else sum(whole)


def _mean(values: Sequence[float]) -> float:
    whole = (0.0, 0.0)
    for count, one in enumerate(values, start=1):
        mean = whole[0]
        if math.isinf(mean):
            if math.isinf(one) and (mean > 0) == (one > 0):
                continue
            if not math.isinf(one) and not math.isnan(one):
                continue
        whole = _added(one / count - mean / count, whole)
    return whole[0] if math.isinf(whole[0]) else sum(whole)


def _variance(values: Sequence[float]) -> float:
    mean = total = (0.0, 0.0)
    for count, one in enumerate(values, start=1):
        delta = one - sum(mean)
        mean = _added(delta / count, mean)
        total = _added(delta * (one - sum(mean)), total)
    return sum(total) / len(values)


def _extreme(values: Sequence[float], *, greatest: bool) -> float:
    best = values[0]
    for one in values:
        if (one > best if greatest else one < best) or math.isnan(best):
            best = one
    return best


def _changes(values: Sequence[float]) -> float:
    pairs = pairwise(values)
    return float(sum(1 for a, b in pairs if a != b and not (math.isnan(a) and math.isnan(b))))


def _resets(values: Sequence[float]) -> float:
    return float(sum(1 for a, b in pairwise(values) if b < a))


_OF_VALUES: dict[str, Callable[[Sequence[float]], float]] = {
    "sum_over_time": _sum, "avg_over_time": _mean,
    "min_over_time": lambda values: _extreme(values, greatest=False),
    "max_over_time": lambda values: _extreme(values, greatest=True),
    "count_over_time": lambda values: float(len(values)),
    "last_over_time": lambda values: values[-1],
    "present_over_time": lambda _: 1.0,
    "stddev_over_time": lambda values: math.sqrt(_variance(values)),
    "stdvar_over_time": _variance,
    "changes": _changes, "resets": _resets,
}  # fmt: skip


def _of_values(work: Callable[[Sequence[float]], float]) -> Callable[[Ranged], float | None]:
    return lambda ranged: work(ranged.values.tolist())


def _last_two(how: str) -> Callable[[Ranged], float | None]:
    def work(ranged: Ranged) -> float | None:
        if len(ranged.values) < 2:
            return None
        before, last = ranged.values[-2:].tolist()
        change = last if how == "irate" and last < before else last - before
        seconds = float(ranged.times[-1] - ranged.times[-2]) / 1000
        if seconds == 0:
            return None
        return change / seconds if how == "irate" else change

    return work


def _slope(ranged: Ranged) -> float | None:
    found = predicted(ranged, int(ranged.times[0]))
    return None if found is None else found[0]


OVER_TIME: dict[str, Callable[[Ranged], float | None]] = {
    **{name: _of_values(work) for name, work in _OF_VALUES.items()},
    "irate": _last_two("irate"), "idelta": _last_two("idelta"), "deriv": _slope,
}  # fmt: skip
"""Functions of one range and nothing else; None where there are too few samples."""


def quantile_over_time(q: float, ranged: Ranged) -> float:
    """Return the quantile of the values within a range.

    Args:
        q: between 0 and 1
        ranged: samples

    Returns:
        The quantile, as `quantile_of`.
    """
    return quantile_of(q, ranged.values.astype(np.float64).tolist())
