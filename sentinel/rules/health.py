"""The health of a rule: one word, from what its row and its alerts say. Pure.

The dashboard, the API and the command line all ask `health_of`, so that they say the same. The
words are those of Grafana (OK, pending, firing, no data, error) and of Prefect (paused), and three
for a rule of which nothing new is known: disabled, never evaluated, stale.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from sentinel.duration import format_duration
from sentinel.printable import counted

__all__ = [
    "LABELS",
    "RuleFacts",
    "RuleHealth",
    "explain",
    "health_of",
    "lateness_of",
    "next_evaluation",
    "stale_after",
]


class RuleHealth(StrEnum):
    """How a rule stands."""

    FIRING = "firing"
    ERROR = "error"
    PENDING = "pending"
    NO_DATA = "no_data"
    STALE = "stale"
    OK = "ok"
    NEVER_EVALUATED = "never_evaluated"
    PAUSED = "paused"
    DISABLED = "disabled"


LABELS: Mapping[RuleHealth, str] = {
    RuleHealth.FIRING: "Firing",
    RuleHealth.ERROR: "Error",
    RuleHealth.PENDING: "Pending",
    RuleHealth.NO_DATA: "No data",
    RuleHealth.STALE: "Stale",
    RuleHealth.OK: "OK",
    RuleHealth.NEVER_EVALUATED: "Never evaluated",
    RuleHealth.PAUSED: "Paused",
    RuleHealth.DISABLED: "Disabled",
}
"""What people read for each."""


class RuleFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What decides the health of a rule.

    Attributes:
        enabled: its own switch
        paused: whether its deployment is paused in Prefect, or all its schedules are switched off
        by_event: whether events evaluate it as they arrive, so that no evaluation is ever due
        closed_world: whether a check that sees nothing says that all is well
        slot: by which the last evaluation was judged; None for none
        every: its period; None where it is not known
        timeout: how long its check may take
        failures: evaluations in a row that failed
        error: of the last evaluation, if it failed
        seen: series that the last evaluation saw
        bad: those of them that were bad
        saw: whether some evaluation saw a series
        live: its alerts that are open or acknowledged
        pending: its alerts that have not opened yet
        held_until: until then alerts that a person resolved do not open again; None for none
    """

    enabled: bool = True
    paused: bool = False
    by_event: bool = False
    closed_world: bool = False
    slot: datetime | None = None
    every: timedelta | None = None
    timeout: timedelta = timedelta(seconds=60)
    failures: int = 0
    error: str = ""
    seen: int = 0
    saw: bool = True
    bad: int = 0
    live: int = 0
    pending: int = 0
    held_until: datetime | None = None


def health_of(facts: RuleFacts, now: datetime) -> RuleHealth:
    """Decide how a rule stands; the first that holds, in the order of this function.

    Args:
        facts: of its row and its alerts
        now: the present moment

    Returns:
        What is said of it. A rule whose period is not known, as with cron, is never stale.
    """
    if not facts.enabled:
        return RuleHealth.DISABLED
    if facts.paused:
        return RuleHealth.PAUSED
    if not facts.by_event and facts.slot is None:
        return RuleHealth.NEVER_EVALUATED
    stale = stale_after(facts)
    if stale is not None and now > stale:
        return RuleHealth.STALE
    if facts.failures:
        return RuleHealth.ERROR
    if facts.live or _held(facts):
        return RuleHealth.FIRING
    if not facts.by_event and not facts.closed_world and not facts.seen:
        return RuleHealth.NO_DATA
    if facts.pending or (facts.bad and not facts.by_event):
        return RuleHealth.PENDING
    return RuleHealth.OK


def explain(facts: RuleFacts, now: datetime) -> str:
    """Say in a sentence why a rule stands as it does.

    Args:
        facts: of its row and its alerts
        now: the present moment

    Returns:
        One line, without the health itself.
    """
    series = f"{facts.bad:,} of {facts.seen:,} series firing"
    match health_of(facts, now):
        case RuleHealth.DISABLED:
            return "disabled; nothing is evaluated"
        case RuleHealth.PAUSED:
            return "its deployment or its schedules are paused in Prefect"
        case RuleHealth.NEVER_EVALUATED:
            return "no evaluation yet"
        case RuleHealth.STALE:
            every = format_duration(facts.every or timedelta(0))
            return f"no evaluation for more than two periods of {every}; before: {series}"
        case RuleHealth.ERROR:
            return f"error: {facts.error}" if facts.error else "error"
        case RuleHealth.FIRING if not facts.live:
            return f"{series}; a person resolved its alerts, and it still fires"
        case RuleHealth.FIRING if not facts.seen:  # alerts that others posted, or events opened
            return counted(facts.live, "live alert")
        case RuleHealth.NO_DATA if not facts.saw:
            return "no evaluation has seen a series yet; check what it reads and its matchers"
        case RuleHealth.NO_DATA:
            return "the last evaluation saw nothing"
        case RuleHealth.PENDING:
            return f"{series}, not for long or often enough to open an alert"
        case _:
            return "no event fires now" if facts.by_event and not facts.live else series


def stale_after(facts: RuleFacts) -> datetime | None:
    """Return the moment after which a rule is stale, unless it is evaluated before.

    One run may be missing, and the next may be a period late and take all its time.

    Args:
        facts: of its row and its alerts

    Returns:
        None for a rule that is evaluated by events, or whose period is not known.
    """
    if facts.by_event or facts.every is None or facts.slot is None:
        return None
    return facts.slot + 3 * facts.every + facts.timeout


def next_evaluation(facts: RuleFacts, first: datetime | None = None) -> datetime | None:
    """Return the scheduled time of the next evaluation.

    Args:
        facts: of the rule's row
        first: when a rule that was never evaluated is due; None where that is not known

    Returns:
        None where none is due: the rule is off, evaluated by events, or its period is not known.
        In the past where the evaluation is overdue.
    """
    if not facts.enabled or facts.paused or facts.by_event:
        return None
    if facts.every is None:
        return None
    return first if facts.slot is None else facts.slot + facts.every


def lateness_of(facts: RuleFacts, evaluated_at: datetime | None, now: datetime) -> timedelta | None:
    """Return how late a rule is evaluated.

    Args:
        facts: of the rule's row
        evaluated_at: when the last evaluation began
        now: the present moment

    Returns:
        How long after its scheduled time the last evaluation began, or by how much the next one
        is overdue where that is more; None where there is no schedule to be late for.
    """
    due = next_evaluation(facts)
    if due is None or facts.slot is None or evaluated_at is None:
        return None
    return max(evaluated_at - facts.slot, now - due, timedelta(0))


def _held(facts: RuleFacts) -> bool:
    if facts.by_event or not facts.bad or facts.held_until is None or facts.slot is None:
        return False
    return facts.slot < facts.held_until
