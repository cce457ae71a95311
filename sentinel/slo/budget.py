"""What an objective's window says: whether it holds, its error budget and its burn rate. Pure.

The burn rate is the share of bad events by the share that may be bad: at 1 a window uses up exactly
its budget (The Site Reliability Workbook, chapter 5, "Alerting on SLOs",
https://sre.google/workbook/alerting-on-slos/).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

import msgspec

from sentinel.slo.counts import Counts, Tally
from sentinel.slo.definition import Objective, SloDefinition, objective_name
from sentinel.slo.windows import Span

__all__ = ["Health", "Status", "burn_rate", "status_of", "statuses_of", "worst_of"]


class Health(StrEnum):
    """How an objective stands."""

    HOLDS = "holds"
    AT_RISK = "at_risk"
    VIOLATED = "violated"
    NOT_ENOUGH_DATA = "not_enough_data"


_WORST = (Health.VIOLATED, Health.AT_RISK, Health.NOT_ENOUGH_DATA, Health.HOLDS)
AT_RISK_BELOW = 0.25
"""With less than this share of its budget left an objective is at risk."""


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """How one objective stands.

    Attributes:
        objective: in words
        span: its window; the end of a calendar window lies ahead
        counted: its events so far
        compliance: percent of good events; None without enough data
        budget_events: how many events may be bad, by the events so far
        budget_left: share of the error budget that is left; below 0 where it is overspent; None
            without enough data
        burn_rate: of the window so far; None without enough data
    """

    objective: str
    target: float
    span: Span
    counted: Tally
    health: Health
    compliance: float | None
    budget_events: float
    budget_left: float | None
    burn_rate: float | None


def burn_rate(counted: Tally, budget: float, minimum: float = 1) -> float | None:
    """Return how fast events use up an error budget.

    Args:
        counted: events of a span
        budget: the share that may be bad, above 0 and below 1
        minimum: with fewer events there is nothing to say

    Returns:
        1 where exactly the budget is used up; None with too few events.
    """
    share = counted.bad_share
    if share is None or counted.total < minimum:
        return None
    return share / budget


def status_of(objective: Objective, counts: Counts, now: datetime, minimum: float = 1) -> Status:
    """Return how an objective stands.

    Args:
        objective: of the SLO
        counts: its events; those from after `now` do not count
        now: the present moment
        minimum: events without which there is not enough data

    Returns:
        The status. Events of a late measurement change it once they are counted.
    """
    span = objective.window.span(now)
    counted = counts.between(span.start, min(now, span.end))
    rate = burn_rate(counted, objective.budget, minimum)
    left = None if rate is None else 1 - rate
    return Status(
        objective=objective_name(objective), target=objective.target, span=span, counted=counted,
        health=_health(left), compliance=None if rate is None else 100 * counted.good
        / counted.total,
        budget_events=counted.total * objective.budget, budget_left=left, burn_rate=rate,
    )  # fmt: skip


def statuses_of(definition: SloDefinition, counts: Counts, now: datetime) -> list[Status]:
    """Return how each objective of an SLO stands, in their order."""
    return [status_of(one, counts, now, definition.minimum_events) for one in definition.objectives]


def _health(left: float | None) -> Health:
    if left is None:
        return Health.NOT_ENOUGH_DATA
    # Sums of floating point numbers: a budget that is used up exactly is not overspent.
    if left < -1e-9:
        return Health.VIOLATED
    return Health.AT_RISK if left < AT_RISK_BELOW else Health.HOLDS


def worst_of(statuses: Sequence[Status]) -> Health:
    """Return the worst of how objectives stand, of which there is at least one."""
    healths = {one.health for one in statuses}
    return next(one for one in _WORST if one in healths)
