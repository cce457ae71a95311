"""When an error budget will be used up, with an interval and a probability. Pure.

The future is drawn from the past: days of the last weeks, whole, so that an hour keeps its place in
the day and an outage its length, recent ones more often. Each path weighs the days anew (the
Bayesian bootstrap: D. B. Rubin, "The Bayesian Bootstrap", Annals of Statistics 9, 1981), since few
days say little about how bad days can be. Where a path first violates the objective, its budget is
used up. `benchmarks/slo.py` measures how often the interval holds.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta

import msgspec
import numpy as np
from numpy.typing import NDArray

from sentinel.slo.budget import Health, status_of
from sentinel.slo.counts import Counts
from sentinel.slo.definition import Objective
from sentinel.slo.windows import RollingWindow

__all__ = ["FEWEST_DAYS", "LEVEL", "Prediction", "predicted"]

Numbers = NDArray[np.float64]
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
FEWEST_DAYS = 3
"""With fewer whole days of events there is nothing to draw from."""
_MOST_DAYS = 28
_AT_ONCE = 50
_HALF_LIFE = 14.0
"""Days after which a day of the past counts half."""
_SPREAD = 1.0
"""Of the weights that each path draws: smaller weighs fewer days more."""
LEVEL = 0.8
"""How much of what may come the interval covers."""


class Prediction(msgspec.Struct, frozen=True, kw_only=True):
    """When the budget of an objective is used up, if the days to come are like those that were.

    Attributes:
        horizon: how far it looks: to the end of a calendar window, or the length of a rolling one
        probability: that the objective is violated within it, between 0 and 1
        soonest, likely, latest: 10%, 50% and 90% of the paths are violated by then; None where
            they are not within the horizon
        days: of the past from which it is drawn
    """

    horizon: datetime
    probability: float
    soonest: datetime | None
    likely: datetime | None
    latest: datetime | None
    days: int


def predicted(
    objective: Objective, counts: Counts, now: datetime, *, minimum: float = 1, paths: int = 400,
    seed: int = 0, within: timedelta | None = None,
) -> Prediction | None:  # fmt: skip
    """Predict when an objective is violated.

    Args:
        objective: of the SLO
        counts: its events
        now: the present moment
        minimum: events without which there is not enough data
        paths: how many futures are drawn
        seed: of the draw, so that the same question has the same answer
        within: how far it looks at most; None for the whole horizon

    Returns:
        None without enough data. An objective that is violated already is so at `now`.
    """
    status = status_of(objective, counts, now, minimum)
    window = objective.window
    length = window.length(now)
    horizon = now + length if isinstance(window, RollingWindow) else status.span.end
    horizon = horizon if within is None else min(horizon, now + within)
    if status.health is Health.NOT_ENOUGH_DATA:
        return None
    bad, total = _days(counts, now)
    if len(total) < FEWEST_DAYS:
        return None
    if status.health is Health.VIOLATED:
        return Prediction(horizon=horizon, probability=1.0, soonest=now, likely=now, latest=now,
                          days=len(total))  # fmt: skip
    hours = max(1, math.ceil((horizon - now) / _HOUR))
    drawn = _drawn(len(total), math.ceil(hours / 24), paths, np.random.default_rng(seed))
    before_bad, before_total = np.float64(status.counted.bad), np.float64(status.counted.total)
    if isinstance(window, RollingWindow):
        left_bad, left_total = _leaving(counts, status.span.start, hours)
        before_bad, before_total = before_bad - left_bad, before_total - left_total
    # Few paths at once: a year has 8,784 hours, and each takes several numbers.
    found = list[Numbers]()
    for some in (drawn[one : one + _AT_ONCE] for one in range(0, paths, _AT_ONCE)):
        bad_sum, total_sum = (
            np.cumsum(each[some].reshape(len(some), -1)[:, :hours], axis=1) + before
            for each, before in ((bad, before_bad), (total, before_total))
        )
        violated = bad_sum > objective.budget * total_sum * (1 + 1e-9)
        found.append(np.where(violated.any(axis=1), violated.argmax(axis=1) + 1.0, np.inf))
    first = np.concatenate(found)
    ever = np.isfinite(first)
    tail = (1 - LEVEL) / 2
    quantiles = np.quantile(first, [tail, 0.5, 1 - tail], method="inverted_cdf")
    soonest, likely, latest = (
        None if math.isinf(one) else now + float(one) * _HOUR for one in quantiles.tolist()
    )
    return Prediction(
        horizon=horizon, probability=float(ever.mean()), soonest=soonest, likely=likely,
        latest=latest, days=len(total),
    )  # fmt: skip


def _days(counts: Counts, now: datetime) -> tuple[Numbers, Numbers]:
    """Return bad and all events by day and hour, the last day first, of days with events."""
    edges = [now - one * _HOUR for one in range(24 * _MOST_DAYS, -1, -1)]
    tallies = counts.edges(edges)
    total = np.array([one.total for one in tallies]).reshape(_MOST_DAYS, 24)[::-1]
    bad = np.array([one.bad for one in tallies]).reshape(_MOST_DAYS, 24)[::-1]
    seen = np.flatnonzero(total.sum(axis=1) > 0)
    # Days before the first events are not days without errors.
    days = int(seen[-1]) + 1 if len(seen) else 0
    return bad[:days], total[:days]


def _drawn(days: int, ahead: int, paths: int, random: np.random.Generator) -> NDArray[np.int64]:
    """Return which day of the past each day of each path is."""
    recent = 0.5 ** (np.arange(days) / _HALF_LIFE)
    recent *= days / recent.sum()
    weights = random.gamma(_SPREAD * recent[None, :], size=(paths, days)) + 1e-12
    steps = np.cumsum(weights / weights.sum(axis=1, keepdims=True), axis=1)
    at = random.random((paths, ahead))
    # One search for all paths: those of path n lie between n and n + 1.
    path = np.arange(paths)[:, None]
    places = np.searchsorted((steps + path).ravel(), (at + path).ravel()).reshape(paths, ahead)
    return np.minimum(places - path * days, days - 1)


def _leaving(counts: Counts, start: datetime, hours: int) -> tuple[Numbers, Numbers]:
    """Return the bad and all events that have left a rolling window by each hour to come."""
    tallies = counts.edges([start + one * _HOUR for one in range(hours + 1)])
    return (
        np.cumsum(np.array([one.bad for one in tallies])),
        np.cumsum(np.array([one.total for one in tallies])),
    )
