"""Columns of samples put together: sorted, each sample once, rolled up by minute or hour."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sentinel.metrics.block import Columns

__all__ = [
    "COUNT",
    "LAST",
    "MAX",
    "MIN",
    "SUM",
    "joined",
    "once",
    "rolled",
    "rolled_again",
    "taken",
]

COUNT, SUM, MIN, MAX, LAST = range(5)
"""Places of the columns of rolled-up values."""


def joined(parts: Sequence[Columns]) -> Columns:
    """Return all of `parts`, one after the other; there is at least one."""
    if len(parts) == 1:
        return parts[0]
    return Columns(
        np.concatenate([part.ids for part in parts]),
        np.concatenate([part.times for part in parts]),
        [
            np.concatenate([part.values[place] for part in parts])
            for place in range(len(parts[0].values))
        ],
    )


def taken(columns: Columns, which: NDArray[np.bool_] | NDArray[np.int64]) -> Columns:
    """Return the samples that `which` picks."""
    return Columns(columns.ids[which], columns.times[which], [v[which] for v in columns.values])


def once(columns: Columns) -> Columns:
    """In order of series, then time; of the same sample twice, the one that came last."""
    order = np.lexsort((columns.times, columns.ids))
    ids, times = columns.ids[order], columns.times[order]
    if len(ids) > 1:
        # The sort is stable, so that of equals the last is the newest.
        keep = np.append((ids[1:] != ids[:-1]) | (times[1:] != times[:-1]), True)
        if not keep.all():
            order = order[keep]
            ids, times = ids[keep], times[keep]
    return Columns(ids, times, [values[order] for values in columns.values])


def rolled(columns: Columns, seconds: int) -> Columns:
    """Return a value for every series and so many seconds, from samples that `once` has sorted."""
    values = columns.values[0]
    ones = np.ones(len(values))
    return _rolled(columns.ids, columns.times, [ones, values, values, values, values], seconds)


def rolled_again(columns: Columns, seconds: int) -> Columns:
    """As `rolled`, from what was rolled up already; in any order."""
    order = np.lexsort((columns.times, columns.ids))
    sorted_ = taken(columns, order)
    return _rolled(sorted_.ids, sorted_.times, sorted_.values, seconds)


def _rolled(
    ids: NDArray[np.int64],
    times: NDArray[np.int64],
    values: Sequence[NDArray[np.float64]],
    seconds: int,
) -> Columns:
    step = seconds * 1_000_000
    buckets = times - times % step
    if not len(ids):
        return Columns(ids, buckets, [np.empty(0)] * 5)
    first = np.flatnonzero(np.append(True, (ids[1:] != ids[:-1]) | (buckets[1:] != buckets[:-1])))
    last = np.append(first[1:], len(ids)) - 1
    return Columns(
        ids[first],
        buckets[first],
        [
            np.add.reduceat(values[COUNT], first),
            np.add.reduceat(values[SUM], first),
            np.minimum.reduceat(values[MIN], first),
            np.maximum.reduceat(values[MAX], first),
            values[LAST][last],
        ],
    )
