"""How objectives stood over time, and when they were violated, by the events as they are now. Pure.

History is computed and not kept, so that a measurement that arrives late corrects it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
import numpy as np

from sentinel.metrics.moments import micros
from sentinel.slo.budget import Status, status_of
from sentinel.slo.counts import Counts
from sentinel.slo.definition import Objective, objective_name
from sentinel.slo.windows import RollingWindow

__all__ = ["MOST_POINTS", "Violation", "history_of", "violations_between"]

MOST_POINTS = 1000


class Violation(msgspec.Struct, frozen=True, kw_only=True):
    """A time during which an objective was violated, to the step of the history.

    `end` is None where it still is.
    """

    objective: str
    start: datetime
    end: datetime | None
    worst_budget_left: float


def history_of(
    objective: Objective, counts: Counts, since: datetime, until: datetime, step: timedelta,
    minimum: float = 1,
) -> list[tuple[datetime, Status]]:  # fmt: skip
    """Return how an objective stood at each step.

    Args:
        objective: of the SLO
        counts: its events
        since: the first moment
        until: the last moment
        step: between two; lengthened so that there are at most 1,000
        minimum: events without which there is not enough data

    Returns:
        Moments with the status at each, oldest first, `until` last.
    """
    moments = _moments(since, until, step)
    return [(one, status_of(objective, counts, one, minimum)) for one in moments]


def violations_between(
    objective: Objective, counts: Counts, since: datetime, until: datetime, minimum: float = 1,
    *, step: timedelta = timedelta(hours=1),
) -> list[Violation]:  # fmt: skip
    """Return the times during which an objective was violated, oldest first.

    They are those of the steps of `history_of`, computed for all steps at once.

    Args:
        objective: of the SLO
        counts: its events
        since: the first moment
        until: the last moment
        minimum: events without which there is not enough data
        step: as of `history_of`

    Returns:
        The times; a step without enough data neither begins nor ends one.
    """
    moments = _moments(since, until, step)
    starts, span = list[int](), None
    for one in moments:
        # A calendar window is the same for all moments in it.
        if span is None or isinstance(objective.window, RollingWindow) or one >= span.end:
            span = objective.window.span(one)
        starts.append(micros(span.start))
    first = counts.times.searchsorted(starts)
    last = counts.times.searchsorted([micros(one) for one in moments])
    good, total = counts.sums(first, last)
    counted = np.flatnonzero((total > 0) & (total >= minimum))
    known: list[int] = counted.tolist()
    left = 1 - (total[counted] - good[counted]) / total[counted] / objective.budget
    # The same tolerance as of a status.
    bad = np.concatenate(([False], left < -1e-9, [False]))
    edges: list[int] = np.flatnonzero(bad[1:] != bad[:-1]).tolist()
    return [
        Violation(
            objective=objective_name(objective), start=moments[known[begin]],
            end=moments[known[end]] if end < len(known) else None,
            worst_budget_left=float(left[begin:end].min()),
        )
        for begin, end in zip(edges[::2], edges[1::2], strict=True)
    ]  # fmt: skip


def _moments(since: datetime, until: datetime, step: timedelta) -> list[datetime]:
    step = max(step, (until - since) / (MOST_POINTS - 1))
    moments = [until]
    while moments[-1] - step >= since:
        moments.append(moments[-1] - step)
    return moments[::-1]
