"""What a report of SLOs is made of."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sentinel.slo.budget import statuses_of
from sentinel.slo.history import history_of, violations_of
from sentinel.slo.report import ReportedSlo

if TYPE_CHECKING:
    from sentinel.store import Store
    from sentinel.store.slo.slos import Slos

__all__ = ["reported"]


def reported(
    store: Store, slos: Slos, since: datetime, tenant: str | None = None
) -> list[ReportedSlo]:
    """Return how SLOs stand, and when they were violated.

    Args:
        store: the shared database
        slos: of whoever asks
        since: from when on violations are sought, by the hour
        tenant: only those of this one; None for all

    Returns:
        The SLOs in scope, by name.
    """
    now, found = store.now(), list[ReportedSlo]()
    for one in slos.list(tenant):
        windows = [each.window for each in one.definition.objectives]
        first = min(
            start for each in windows for start in (each.span(since).start, each.span(now).start)
        )
        counts, least = slos.counts(one.name, first), one.definition.minimum_events
        violations = [
            violation
            for objective in one.definition.objectives
            for violation in violations_of(
                history_of(objective, counts, since, now, timedelta(hours=1), least)
            )
        ]
        found.append(
            ReportedSlo(
                definition=one.definition, violations=violations,
                statuses=statuses_of(one.definition, counts, now),
            )
        )  # fmt: skip
    return found
