"""How much a stored metric has moved against an earlier window."""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from sentinel import Context, outside, trigger
from sentinel.checks.reading_table import ReadingTable
from sentinel.metrics.aggregate import Aggregate, aggregate
from triggers._metrics import Duration, groups, length, window


@trigger(category="metrics", when=outside(-50, 50), keeps_readings=False)
def metric_change(
    ctx: Context,
    metric: str,
    match: list[str] = [],  # noqa: B006 - a form's default; nothing here changes it
    over: Duration = timedelta(minutes=5),
    before: Duration = timedelta(minutes=5),
    aggregate_by: Aggregate = "avg",
    by: list[str] = [],  # noqa: B006 - as above
    total: bool = False,
    percent: bool = True,
) -> ReadingTable:
    """How much a stored metric has moved: its window now against one that lies earlier.

    A series that is missing in one of the two windows is not seen, nor is one that was zero
    before, of which there are no percent.

    Args:
        ctx: the time and the stored metrics
        metric: the name of the metric; the readings of a rule are rule:NAME
        match: which series, for example env="prod" or host=~"web-.*"; all of these must hold
        over: the length of each window
        before: the other window ends this long ago, for example 5m, 1d or 7d
        aggregate_by: which number of each window: avg, min, max, sum, count, last, rate and more
        by: one value for all series that agree in these labels; empty means each by itself
        total: with `by` empty, one value for all series together
        percent: of the earlier value; otherwise the plain difference

    Returns:
        One value for each series that both windows have: percent of the earlier one, or the
        difference in the metric's unit.
    """
    wide, back = length(over, "over"), length(before, "before")
    together = groups(by, total)
    now = aggregate(window(ctx, metric, match, wide), aggregate_by, together)
    earlier_window = window(ctx, metric, match, wide, ctx.now() - back)
    earlier = aggregate(earlier_window, aggregate_by, together)
    known = {
        frozenset(labels.items()): value
        for labels, value in zip(earlier.labels, earlier.values.tolist(), strict=True)
    }
    then = np.array([known.get(frozenset(labels.items()), np.nan) for labels in now.labels])
    if percent:
        then = np.where(then == 0, np.nan, then)
        return ReadingTable(now.labels, 100 * (now.values - then) / np.abs(then))
    return ReadingTable(now.labels, now.values - then)
