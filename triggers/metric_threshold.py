"""One number of a stored metric over a window, for every series or group."""

from __future__ import annotations

from datetime import timedelta

from sentinel import Context, trigger
from sentinel.checks.reading_table import ReadingTable
from sentinel.metrics.aggregate import Aggregate, aggregate
from triggers._metrics import Duration, groups, length, window


@trigger(category="metrics", keeps_readings=False)
def metric_threshold(
    ctx: Context,
    metric: str,
    match: list[str] = [],  # noqa: B006 - a form's default; nothing here changes it
    over: Duration = timedelta(minutes=5),
    aggregate_by: Aggregate = "avg",
    by: list[str] = [],  # noqa: B006 - as above
    total: bool = False,
) -> ReadingTable:
    """A stored metric over a window: its average, its rate, its 95th percentile and more.

    The rule's `when` says which values are bad. A series without samples in the window is not
    seen, so that its alert stays as it is; `metric_absent` reports it.

    Args:
        ctx: the time and the stored metrics
        metric: the name of the metric; the readings of a rule are rule:NAME
        match: which series, for example env="prod" or host=~"web-.*"; all of these must hold
        over: the length of the window, which ends now
        aggregate_by: what of them: avg, min, max, sum, count, last, delta, p50, p90, p95, p99;
            rate (a second) and increase for counters, which may begin again at zero
        by: one value for all series that agree in these labels; empty means each by itself
        total: with `by` empty, one value for all series together

    Returns:
        One value for each series or group with samples in the window, in the metric's unit.
    """
    series = window(ctx, metric, match, length(over, "over"))
    found = aggregate(series, aggregate_by, groups(by, total))
    return ReadingTable(found.labels, found.values)
