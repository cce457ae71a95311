"""A window of samples becomes one number for every series, or for every group of labels.

`rate`, `increase` and `delta` are Prometheus': counter resets are added up, and the result is
extrapolated to the ends of the window (`extrapolatedRate` in promql/functions.go of
prometheus/prometheus, v3; https://prometheus.io/docs/prometheus/latest/querying/functions/#rate).
Percentiles lie on the line between the two closest ranks, as in `quantile_over_time`. All of it
is numpy over all series at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from sentinel.metrics.series import Series

__all__ = ["Aggregate", "Aggregated", "aggregate"]

Numbers = NDArray[np.float64]
Whole = NDArray[np.int64]

Aggregate = Literal[
    "avg", "min", "max", "sum", "count", "last", "rate", "increase", "delta",
    "p50", "p90", "p95", "p99",
]  # fmt: skip
_EXTRAPOLATED = ("rate", "increase", "delta")


class Aggregated(msgspec.Struct, frozen=True):
    """A value for each label set; NaN where there are too few samples to say."""

    labels: Sequence[Mapping[str, str]]
    values: Numbers


def aggregate(series: Series, how: Aggregate, by: Sequence[str] | None = None) -> Aggregated:
    """Work out one value of each series, or of all series that agree in the labels `by`.

    Samples of one group count alike for avg, min, max, sum, count and percentiles; `last` is the
    newest of them; rate, increase and delta are those of each series, added up.

    Args:
        series: a window of one metric
        how: which number of each
        by: labels that make a group; none of them means one group of all; None means that
            every series stands for itself

    Returns:
        Labels and as many values, in the metric's unit (a rate: per second); NaN where the samples
        are too few.
    """
    if how in _EXTRAPOLATED:
        values = _extrapolated(series, how)
        if by is None:
            return Aggregated(series.labels, values)
        labels, groups = _grouped(series.labels, by)
        known = ~np.isnan(values)
        total = np.bincount(groups[known], values[known], len(labels)).astype(np.float64)
        total[np.bincount(groups[known], minlength=len(labels)) == 0] = np.nan
        return Aggregated(labels, total)
    if by is None or not len(series):
        return Aggregated(series.labels, _of(how, series.starts, series.values))
    labels, groups = _grouped(series.labels, by)
    of_sample = np.repeat(groups, np.diff(series.starts))
    order = np.lexsort((series.times, of_sample))
    starts = np.append(0, np.cumsum(np.bincount(of_sample, minlength=len(labels))))
    return Aggregated(labels, _of(how, starts, series.values[order]))


def _grouped(
    labels: Sequence[Mapping[str, str]], by: Sequence[str]
) -> tuple[list[Mapping[str, str]], Whole]:
    """Return the label sets of the groups, and the group of every series."""
    places: dict[tuple[str, ...], int] = {}
    groups = np.fromiter(
        (
            places.setdefault(tuple([one.get(name, "") for name in by]), len(places))
            for one in labels
        ),
        np.int64,
        len(labels),
    )
    # A label that is missing equals the empty text, and is then not said.
    named = [{n: v for n, v in zip(by, key, strict=True) if v} for key in places]
    return list(named), groups


def _of(how: str, starts: Whole, values: Numbers) -> Numbers:
    first, count = starts[:-1], np.diff(starts)
    if not len(first):
        return np.empty(0)
    if how == "sum":
        return np.add.reduceat(values, first)
    if how == "avg":
        return np.add.reduceat(values, first) / count
    if how == "min":
        return np.minimum.reduceat(values, first)
    if how == "max":
        return np.maximum.reduceat(values, first)
    if how == "count":
        return count.astype(np.float64)
    if how == "last":
        return values[starts[1:] - 1]
    return _quantile(int(how[1:]) / 100, starts, values)


def _quantile(q: float, starts: Whole, values: Numbers) -> Numbers:
    first, count = starts[:-1], np.diff(starts)
    ordered = values[np.lexsort((values, np.repeat(np.arange(len(first)), count)))]
    rank = q * (count - 1)
    low = np.floor(rank).astype(np.int64)
    high = np.minimum(low + 1, count - 1)
    weight = rank - low
    return ordered[first + low] * (1 - weight) + ordered[first + high] * weight


def _extrapolated(series: Series, how: str) -> Numbers:
    """Return rate, increase or delta of every series; NaN with fewer than two samples."""
    starts, times, values = series.starts, series.times, series.values
    counter = how != "delta"
    count = np.diff(starts)
    result = np.full(len(count), np.nan)
    enough = count >= 2
    if not enough.any():
        return result
    first, last = starts[:-1][enough], starts[1:][enough] - 1
    change = values[last] - values[first]
    if counter:
        # What stood before each reset is added; the first sample of a series follows nothing.
        fell = np.append(0.0, np.where(values[1:] < values[:-1], values[:-1], 0.0))
        fell[starts[:-1]] = 0.0
        change = change + np.add.reduceat(fell, starts[:-1])[enough]
    sampled = (times[last] - times[first]) / 1e6
    between = sampled / (count[enough] - 1)
    to_start = (times[first] - series.since) / 1e6
    to_end = (series.until - times[last]) / 1e6
    threshold = between * 1.1
    to_start = np.where(to_start >= threshold, between / 2, to_start)
    if counter:
        # A counter cannot have been below zero.
        with np.errstate(divide="ignore", invalid="ignore"):
            to_zero = sampled * (values[first] / change)
        rising = (change > 0) & (values[first] >= 0)
        to_start = np.where(rising & (to_zero < to_start), to_zero, to_start)
    to_end = np.where(to_end >= threshold, between / 2, to_end)
    scaled = change * (sampled + to_start + to_end) / sampled
    result[enough] = scaled / series.seconds if how == "rate" else scaled
    return result
