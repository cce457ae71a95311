"""When a stored metric will reach a threshold, if it goes on as it has."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from sentinel import Context, Reading, below, trigger
from sentinel.metrics.forecast import Forecast, forecast
from sentinel.metrics.moments import micros
from triggers._metrics import Duration, ago, length, series_name, window

_FAR_HOURS = 24 * 365.0


@trigger(category="metrics", unit="hours", when=below(24), keeps_readings=False)
def metric_forecast(
    ctx: Context,
    metric: str,
    threshold: float,
    match: list[str] = [],  # noqa: B006 - a form's default; nothing here changes it
    over: Duration = timedelta(hours=6),
    direction: Literal["above", "below"] = "above",
    sure: Annotated[float, Field(ge=0.5, le=0.99)] = 0.9,
) -> Iterator[Reading]:
    """In how many hours a stored metric will reach a threshold, with the doubt of that.

    A robust line through the samples of the window (Theil and Sen) is followed into the future.
    Where it does not lead to the threshold within a year, the value is a year. A series with
    fewer than 8 samples is not seen. It suits what grows or falls steadily, such as disks, queues
    and budgets; what goes up and down with the day needs a window of several days.

    Args:
        ctx: the time and the stored metrics
        metric: the name of the metric; the readings of a rule are rule:NAME
        threshold: the value that is asked about, in the metric's unit
        match: which series, for example env="prod" or host=~"web-.*"; all of these must hold
        over: the line goes through the samples of this long
        direction: whether the threshold is reached from below (above) or from above (below)
        sure: how likely the time lies between the soonest and the latest that are given

    Yields:
        For each series one reading: the hours until it reaches the threshold, at most those of a
        year.
    """
    series = window(ctx, metric, match, length(over, "over"))
    now = micros(ctx.now())
    for place, labels in enumerate(series.labels):
        times, values = series.of(place)
        found = forecast(
            (times - now) / 1e6, values, threshold, rising=direction == "above", sure=sure
        )
        if found is None:
            ctx.unknown(labels)
            continue
        yield Reading(
            labels=labels,
            value=round(_hours(found.until), 3),
            summary=_summary(metric, series_name(labels), threshold, found, sure),
            details={
                "level": found.level,
                "per_hour": found.slope * 3600,
                "soonest_hours": _or_none(found.soonest),
                "latest_hours": _or_none(found.latest),
                "sure": sure,
            },
        )


def _hours(seconds: float) -> float:
    return min(seconds / 3600, _FAR_HOURS)


def _or_none(seconds: float) -> float | None:
    """Return hours; None for never, which JSON has no number for."""
    return round(seconds / 3600, 3) if math.isfinite(seconds) else None


def _summary(metric: str, who: str, threshold: float, found: Forecast, sure: float) -> str:
    what = f"{metric} {who}"
    if found.until == 0:
        return f"{what} has reached {threshold:g}"
    if not math.isfinite(found.until) or _hours(found.until) >= _FAR_HOURS:
        return f"{what} does not head for {threshold:g}"
    latest = "never" if not math.isfinite(found.latest) else _in_words(found.latest)
    return (
        f"{what} reaches {threshold:g} in {_in_words(found.until)} "
        f"({sure:.0%} sure: between {_in_words(found.soonest)} and {latest})"
    )


def _in_words(seconds: float) -> str:
    """Return a length of time in at most two units, since a forecast of days has no seconds."""
    step = 86_400 if seconds >= 20 * 86_400 else 3600 if seconds >= 86_400 else 60
    rounded = min(round(seconds / step) * step, int(_FAR_HOURS * 3600))
    return ago(timedelta(seconds=rounded))
