"""From stored metrics and flow runs to good and total events by the minute. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
from numpy.typing import NDArray

from sentinel.metrics.moments import datetime_of, micros
from sentinel.metrics.series import MetricReader, Series
from sentinel.slo.counts import MINUTE, Counts
from sentinel.slo.definition import (
    LatencyIndicator,
    MetricPart,
    PrefectIndicator,
    RatioIndicator,
    ThresholdIndicator,
)

__all__ = [
    "LOOKBACK",
    "MetricIndicator",
    "RunEnd",
    "counts_of_runs",
    "counts_of_samples",
    "minute_of",
]

NEARBY = timedelta(minutes=15)
"""How far apart two metrics may be sampled that count the same events."""
LOOKBACK = timedelta(minutes=15)
"""A counter's first increase in a span is that since a sample at most this much before it."""
MetricIndicator = RatioIndicator | ThresholdIndicator | LatencyIndicator


class RunEnd(msgspec.Struct, frozen=True):
    """A flow run that ended, and whether it completed."""

    at: datetime
    good: bool


def counts_of_samples(
    indicator: MetricIndicator, metrics: MetricReader, start: datetime, end: datetime
) -> Counts:
    """Return the events of a span.

    Args:
        indicator: over stored metrics
        metrics: of the SLO's tenant
        start: of a minute
        end: of the last minute, which is not part of it

    Returns:
        Events by the minute. Where the chosen events of a minute outnumber all of them, as two
        counters that are sampled apart may say, the rest counts in the minutes nearby.
    """
    if isinstance(indicator, ThresholdIndicator):
        series = metrics.window(indicator.metric, indicator.match, start, end)
        values = series.values
        good = np.ones(len(values), bool)
        if indicator.below is not None:
            good &= values <= indicator.below
        if indicator.above is not None:
            good &= values >= indicator.above
        return Counts(_minutes(series), good.astype(np.float64), np.ones(len(values)))
    if isinstance(indicator, LatencyIndicator):
        le = f'le="{indicator.below:.15g}"'
        good_part = MetricPart(metric=f"{indicator.metric}_bucket", match=[*indicator.match, le])
        total_part = MetricPart(metric=f"{indicator.metric}_count", match=indicator.match)
        return _ratio(metrics, good_part, None, total_part, start, end, counter=True)
    return _ratio(
        metrics, indicator.good, indicator.bad, indicator.total, start, end,
        counter=indicator.counter,
    )  # fmt: skip


def _ratio(
    metrics: MetricReader, good: MetricPart | None, bad: MetricPart | None, total: MetricPart,
    start: datetime, end: datetime, *, counter: bool,
) -> Counts:  # fmt: skip
    some = good or bad
    if some is None:
        all_times, events = _events(metrics, total, start, end, counter=counter)
        return Counts(all_times, events, events)
    # What the minutes before the span cannot hold counts within it.
    since = start - NEARBY
    all_times, events = _events(metrics, total, since, end, counter=counter)
    times, chosen = _events(metrics, some, since, end, counter=counter)
    both = Counts(
        np.append(all_times, times),
        np.append(np.zeros(len(events)), chosen),
        np.append(events, np.zeros(len(chosen))),
    )
    share = _placed(both)
    inside = both.times >= micros(start)
    return Counts(
        both.times[inside],
        (share if bad is None else both.total - share)[inside],
        both.total[inside],
    )


def _placed(both: Counts) -> NDArray[np.float64]:
    # What a minute cannot hold counts in those after it, or else in those before.
    if not (both.good > both.total).any():
        return both.good
    times: list[int] = both.times.tolist()
    room: list[float] = (both.total - both.good).clip(min=0.0).tolist()
    over: list[float] = (both.good - both.total).clip(min=0.0).tolist()
    near = NEARBY // timedelta(microseconds=1)
    waiting, homeless = deque[int](), list[int]()
    for place, at in enumerate(times):
        while waiting and times[waiting[0]] < at - near:
            homeless.append(waiting.popleft())
        while waiting and room[place] > 0:
            _move(over, waiting[0], room, place)
            if over[waiting[0]] <= 0:
                waiting.popleft()
        if over[place] > 0:
            waiting.append(place)
    for of in [*homeless, *waiting]:
        place = of - 1
        while over[of] > 0 and place >= 0 and times[place] >= times[of] - near:
            _move(over, of, room, place)
            place -= 1
    return both.total - np.array(room)


def _move(over: list[float], of: int, room: list[float], to: int) -> None:
    moved = min(over[of], room[to])
    over[of] -= moved
    room[to] -= moved


def _events(
    metrics: MetricReader, part: MetricPart, start: datetime, end: datetime, *, counter: bool
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    since = start - LOOKBACK if counter else start
    series = metrics.window(part.metric, part.match, since, end)
    minutes, values = _minutes(series), series.values
    if not counter:
        return minutes, np.maximum(values, 0.0)
    if len(values) < 2:
        return minutes[:0], values[:0]
    # As in Prometheus: what stands after a fall has been counted since zero.
    risen = np.where(values[1:] >= values[:-1], values[1:] - values[:-1], values[1:])
    same = np.ones(len(values) - 1, bool)
    same[series.starts[1:-1] - 1] = False  # the next sample is another series'
    inside = same & (minutes[1:] >= micros(start))
    return minutes[1:][inside], risen[inside]


def _minutes(series: Series) -> NDArray[np.int64]:
    # The window is open on the left, so a sample on a full minute ends the one before.
    times = series.times - 1
    return times - times % MINUTE


def counts_of_runs(
    indicator: PrefectIndicator, runs: Sequence[RunEnd], start: datetime, end: datetime
) -> Counts:
    """Return the events of flow runs.

    Args:
        indicator: which runs; `runs` are theirs
        runs: that ended, in any order
        start: of the span, inclusive
        end: of the span, exclusive; a day whose time lies after it is no event yet

    Returns:
        One event for each run at its end; with `ready_by` one for each day, at that time.
    """
    if indicator.ready_by is None:
        inside = [one for one in runs if start <= one.at < end]
        return Counts.of((_minute(one.at), float(one.good), 1.0) for one in inside)
    zone, wanted = ZoneInfo(indicator.timezone), time.fromisoformat(indicator.ready_by)
    day, found = start.astimezone(zone).date(), list[tuple[int, float, float]]()
    ends = [one.at for one in runs if one.good]
    while True:
        due = datetime.combine(day, wanted, zone).astimezone(UTC)
        if due >= end:
            return Counts.of(found)
        if due >= start:
            midnight = datetime.combine(day, time(0), zone).astimezone(UTC)
            ready = any(midnight <= one <= due for one in ends)
            found.append((_minute(due), float(ready), 1.0))
        day += timedelta(days=1)


def _minute(at: datetime) -> int:
    return micros(at) // MINUTE * MINUTE


def minute_of(at: datetime) -> datetime:
    """Return the beginning of the minute of a moment."""
    return datetime_of(_minute(at))
