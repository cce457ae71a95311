"""How objectives stood over time, and when they were violated, by the events as they are now. Pure.

History is computed and not kept, so that a measurement that arrives late corrects it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from sentinel.slo.budget import Health, Status, status_of
from sentinel.slo.counts import Counts
from sentinel.slo.definition import Objective

__all__ = ["MOST_POINTS", "Violation", "history_of", "violations_of"]

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
    step = max(step, (until - since) / (MOST_POINTS - 1))
    moments = [until]
    while moments[-1] - step >= since:
        moments.append(moments[-1] - step)
    return [(one, status_of(objective, counts, one, minimum)) for one in reversed(moments)]


def violations_of(history: list[tuple[datetime, Status]]) -> list[Violation]:
    """Return the times during which an objective was violated, oldest first.

    Args:
        history: of one objective, oldest first

    Returns:
        The times; a step without enough data neither begins nor ends one.
    """
    found: list[Violation] = []
    for at, status in history:
        if status.budget_left is None:
            continue
        open_ = found[-1] if found and found[-1].end is None else None
        if status.health is Health.VIOLATED:
            if open_ is None:
                found.append(
                    Violation(objective=status.objective, start=at, end=None,
                              worst_budget_left=status.budget_left)
                )  # fmt: skip
            elif status.budget_left < open_.worst_budget_left:
                found[-1] = msgspec.structs.replace(open_, worst_budget_left=status.budget_left)
        elif open_ is not None:
            found[-1] = msgspec.structs.replace(open_, end=at)
    return found
