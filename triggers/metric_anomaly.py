"""What is unusual in a stored metric."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated

import msgspec
import numpy as np
from pydantic import Field

from sentinel import Context, Reading, trigger
from sentinel.errors import ConfigurationError
from sentinel.metrics.anomaly import NORMAL, detect
from triggers._metrics import Duration, ago, length, series_name, window


@trigger(category="metrics", unit="to one", keeps_readings=False)
def metric_anomaly(
    ctx: Context,
    metric: str,
    match: list[str] = [],  # noqa: B006 - a form's default; nothing here changes it
    history: Duration = timedelta(days=2),
    over: Duration = timedelta(minutes=15),
    rarity: Annotated[float, Field(ge=2, le=100_000)] = NORMAL.rarity,
    refractory: Annotated[int, Field(ge=0, le=100_000)] = NORMAL.refractory,
    season: Duration = timedelta(0),
) -> Iterator[Reading]:
    """Whether a stored metric does something unusual, for every series.

    It learns from the samples of `history` what is usual and fires when a number, the shape of the
    last few or their mean is too rare among those before, and much further off than they usually
    are; then not again for `refractory` samples. The value is how rare the most unusual sample of
    the last `over` is: 200 is 200 to one, 1 is as usual. A series with fewer than 110 samples is
    not seen.

    Args:
        ctx: the stored metrics; notes series with too few samples
        metric: the name of the metric; the readings of a rule are rule:NAME
        match: which series, for example env="prod" or host=~"web-.*"; all of these must hold
        history: learn from the samples of this long
        over: bad for this long after it fired
        rarity: unusual is what is rarer than one in so many; more for fewer alerts
        refractory: after it fired, quiet for so many samples
        season: compare with this long ago, for example 1d or 7d; 0s means it has no season. History
            must be longer than it, and samples kept for as long (SENTINEL_KEEP_SAMPLES, 7d)

    Yields:
        For each series one reading: how rare its most unusual sample is, one in so many. It fires
        where the detector fired within `over`.

    Raises:
        ConfigurationError: `history` must be longer than `season`
    """
    tuning = msgspec.structs.replace(NORMAL, rarity=rarity, refractory=refractory)
    learned = length(history, "history")
    if season >= learned:
        raise ConfigurationError(
            f"season is {ago(season)} and history {ago(learned)}, so nothing lies a season back",
            hint="Give it a history longer than the season, and keep samples for as long "
            "(SENTINEL_KEEP_SAMPLES).",
        )
    series = window(ctx, metric, match, learned)
    recent = series.until - int(length(over, "over").total_seconds() * 1e6)
    back = int(season.total_seconds() * 1e6)
    for place, labels in enumerate(series.labels):
        times, values = series.of(place)
        if back:
            # What it was a season ago; where nothing is that old, there is nothing to compare.
            there = times - back >= times[0]
            values = values[there] - np.interp(times[there] - back, times, values)
            times = times[there]
        if len(times) < NORMAL.warm + 10:
            ctx.unknown(labels)
            continue
        found = detect(values.tolist(), tuning)
        first = int(np.searchsorted(times, recent, side="right"))
        if first == len(times):
            ctx.unknown(labels)  # nothing has come lately
            continue
        fired = [one for one in found.fired if one >= first]
        worst = max(range(first, len(times)), key=found.scores.__getitem__)
        when = ago(timedelta(microseconds=series.until - int(times[worst])))
        yield Reading(
            labels=labels,
            value=round(found.scores[worst], 3),
            firing=bool(fired),
            summary=f"{metric} {series_name(labels)} is unusual: {values[worst]:g} {when} ago, "
            f"usual is {found.usual:.4g}"
            if fired
            else f"{metric} {series_name(labels)} is as usual",
            details={"usual": found.usual, "samples": len(times)},
        )
