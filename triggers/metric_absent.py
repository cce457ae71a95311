"""Metrics that stopped coming."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

import numpy as np

from sentinel import Context, Reading, above, trigger
from sentinel.metrics.aggregate import aggregate
from sentinel.metrics.moments import micros
from sentinel.metrics.series import Series
from triggers._metrics import Duration, ago, groups, length, named, window


@trigger(category="metrics", unit="seconds", when=above(300), keeps_readings=False)
def metric_absent(
    ctx: Context,
    metric: str,
    match: list[str] = [],  # noqa: B006 - a form's default; nothing here changes it
    remember: Duration = timedelta(days=1),
    by: list[str] = [],  # noqa: B006 - as above
    total: bool = False,
) -> Iterator[Reading]:
    """How long ago a stored metric was last seen, in seconds, for every series.

    A series that has not come for longer than `remember` is taken for one that is gone for
    good, and its alert stays until somebody resolves it. Where not one series has come for that
    long there is one reading that is bad, with the labels that the matchers name for certain.

    Args:
        ctx: the time and the stored metrics
        metric: the name of the metric
        match: which series, for example env="prod" or host=~"web-.*"; all of these must hold
        remember: expect the series that came within this long
        by: one value for all series that agree in these labels; empty means each by itself
        total: with `by` empty, one value for all series together

    Yields:
        One reading for the metric as a whole, which fires where no series came within `remember`;
        then one for each series or group: the seconds since its last sample.
    """
    kept = length(remember, "remember")
    series = window(ctx, metric, match, kept)
    whole: Mapping[str, str] = {"metric": metric[:200], **named(match)}
    if not len(series):
        yield Reading(
            labels=whole,
            value=kept.total_seconds(),
            firing=True,
            summary=f"{metric} has not come from any series for {ago(kept)}",
        )
        return
    yield Reading(labels=whole, value=0.0, firing=False)
    newest = aggregate(_ages(series, micros(ctx.now())), "min", groups(by, total))
    for labels, age in zip(newest.labels, newest.values.tolist(), strict=True):
        when = ago(timedelta(seconds=age))
        who = ", ".join(labels.values())
        # The whole has a reading of its own, which one of a group may not be taken for.
        identity = labels or {"metric": metric[:200], "series": "all"}
        yield Reading(
            labels=identity, value=age, summary=f"{metric} last came {when} ago {who}".rstrip()
        )


def _ages(series: Series, now: int) -> Series:
    """Return every sample's age in seconds in place of its value."""
    return Series(
        name=series.name,
        since=series.since,
        until=series.until,
        labels=series.labels,
        units=series.units,
        starts=series.starts,
        times=series.times,
        values=np.maximum(0, now - series.times) / 1e6,
    )
