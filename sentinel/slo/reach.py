"""Which burn-rate alerts of an SLO cannot fire, since its traffic is too low for them. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
import numpy as np

from sentinel.metrics.moments import micros
from sentinel.slo.burn_alerts import Pair, pairs_of
from sentinel.slo.counts import Counts
from sentinel.slo.definition import Objective

__all__ = ["LOOKED_BACK", "OutOfReach", "out_of_reach"]

LOOKED_BACK = timedelta(days=28)
_SEEN_FOR = timedelta(days=3)
_HOUR, _MICRO = timedelta(hours=1), timedelta(microseconds=1)


class OutOfReach(msgspec.Struct, frozen=True, kw_only=True):
    """A pair of windows in which there were never enough events.

    Attributes:
        pair: of windows
        most: events that its long window had at most in the last four weeks
        needs: events that it must have
    """

    pair: Pair
    most: float
    needs: float


def out_of_reach(
    objective: Objective, counts: Counts, now: datetime, minimum: float = 1
) -> list[OutOfReach]:
    """Return the pairs whose long window never had enough events.

    Args:
        objective: of the SLO
        counts: its events
        now: the present moment
        minimum: events without which a window says nothing

    Returns:
        None of them before there were events for three days, or where none have arrived at all. Old
        events are kept by the hour, so that a window is taken an hour longer than it is.
    """
    since = micros(now - LOOKED_BACK)
    kept = counts.times >= since
    times, totals = counts.times[kept], counts.total[kept]
    if not len(times) or micros(now) - int(times[0]) < _SEEN_FOR // _MICRO:
        return []
    sums = np.concatenate(([0.0], np.cumsum(totals)))
    found: list[OutOfReach] = []
    for pair, _ in pairs_of(objective.window.length(now)):
        ends = np.searchsorted(times, times + (pair.long + _HOUR) // _MICRO)
        most = float((sums[ends] - sums[: len(times)]).max())
        if most < minimum:
            found.append(OutOfReach(pair=pair, most=most, needs=minimum))
    return found
