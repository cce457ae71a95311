"""Mean times of incidents, by the definitions that the statistics of alerts have. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

import msgspec

from sentinel.incidents.state import Incident
from sentinel.severity import Severity

__all__ = ["DEFINITIONS", "Figures", "Timed", "figures_of", "first_taken", "timed"]

DEFINITIONS = {
    "MTTA": (
        "Mean time to acknowledge: from when an incident opened to when a person first took it, of "
        "the incidents that opened in the period and have been taken. Whoever opens it by hand, "
        "changes its status, assigns it or a role, works on its runbook, writes its root cause, or "
        "acknowledges one of its alerts takes it."
    ),
    "MTTR": (
        "Mean time to resolve: from when an incident opened to when it was resolved, of the "
        "incidents that opened in the period and are resolved. One that reopened counts by when it "
        "first opened and by its last resolve."
    ),
}
"""What the figures mean, by the term that the pages use."""


class Timed(msgspec.Struct, frozen=True, kw_only=True):
    """The moments of an incident that count for the figures.

    Attributes:
        acknowledged_at: when it was first taken, also by acknowledging an alert; None if not yet
        resolved_at: None while it is open
    """

    severity: int
    opened_at: datetime
    acknowledged_at: datetime | None
    resolved_at: datetime | None

    @property
    def acknowledge(self) -> float | None:
        """Seconds to acknowledge; None where it was not."""
        return _seconds(self.opened_at, self.acknowledged_at)

    @property
    def resolve(self) -> float | None:
        """Seconds to resolve; None where it is not."""
        return _seconds(self.opened_at, self.resolved_at)


def timed(incident: Incident, alert_acknowledged: datetime | None) -> Timed:
    """Return the moments of an incident that count.

    Args:
        incident: the incident
        alert_acknowledged: when one of its alerts was first acknowledged; None for never

    Returns:
        The moments; an alert that was acknowledged before the incident opened counts as at once.
    """
    return Timed(
        severity=incident.severity,
        opened_at=incident.opened_at,
        acknowledged_at=first_taken(
            incident.opened_at, incident.acknowledged_at, alert_acknowledged
        ),
        resolved_at=incident.resolved_at,
    )


def first_taken(
    opened: datetime, own: datetime | None, of_alert: datetime | None
) -> datetime | None:
    """Return when an incident was first taken.

    Args:
        opened: when it opened
        own: when a person took it itself; None if not yet
        of_alert: when one of its alerts was first acknowledged; None for never

    Returns:
        The moment, not before it opened; None if not yet.
    """
    if of_alert is not None:
        of_alert = max(of_alert, opened)
    return min((one for one in (own, of_alert) if one is not None), default=None)


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of incidents; times in seconds, None where nothing was measured.

    Attributes:
        opened: incidents that opened in the period
        open: those of them that are not resolved
        acknowledged: those that a person took
        resolved: those that are resolved
        by_severity: those that opened, by the word of their severity
        mtta: mean time to acknowledge
        mttr: mean time to resolve
    """

    opened: int
    open: int
    acknowledged: int
    resolved: int
    by_severity: dict[str, int]
    mtta: float | None
    mttr: float | None


def figures_of(incidents: Iterable[Timed]) -> Figures:
    """Return the figures of incidents that opened in one period."""
    given = list(incidents)
    acknowledge = [one.acknowledge for one in given if one.acknowledge is not None]
    resolve = [one.resolve for one in given if one.resolve is not None]
    counts = Counter(one.severity for one in given)
    return Figures(
        opened=len(given), open=len(given) - len(resolve), acknowledged=len(acknowledge),
        resolved=len(resolve),
        by_severity={one.word: counts[int(one)] for one in sorted(Severity, reverse=True)},
        mtta=_mean(acknowledge), mttr=_mean(resolve),
    )  # fmt: skip


def _seconds(start: datetime, end: datetime | None) -> float | None:
    return None if end is None else max(0.0, (end - start).total_seconds())


def _mean(seconds: list[float]) -> float | None:
    return sum(seconds) / len(seconds) if seconds else None
