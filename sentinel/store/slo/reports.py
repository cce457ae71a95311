"""What a report of SLOs is made of."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sentinel.slo.budget import statuses_of
from sentinel.slo.history import violations_between
from sentinel.slo.report import ReportedSlo

if TYPE_CHECKING:
    from sentinel.store import Store
    from sentinel.store.slo.slos import SloKey, Slos

__all__ = ["MOST_REPORTED", "all_reported", "reported"]

MOST_REPORTED = 100
"""SLOs of one page of a report: each takes some milliseconds, by what is kept of it."""


def all_reported(
    store: Store, slos: Slos, since: datetime, tenant: str | None = None
) -> list[ReportedSlo]:
    """Return what `reported` does of all SLOs, however long that takes."""
    found, after = list[ReportedSlo](), None
    while True:
        some, after = reported(store, slos, since, tenant, after=after)
        found += some
        if after is None:
            return found


def reported(
    store: Store, slos: Slos, since: datetime, tenant: str | None = None, *,
    limit: int = MOST_REPORTED, after: SloKey | None = None,
) -> tuple[list[ReportedSlo], SloKey | None]:  # fmt: skip
    """Return how some SLOs stand, and when they were violated.

    Args:
        store: the shared database
        slos: of whoever asks
        since: from when on violations are sought, by the hour
        tenant: only those of this one; None for all
        limit: at most so many SLOs
        after: the second of what was returned for the SLOs before; None for the first

    Returns:
        SLOs in scope, by tenant and name, and where the further ones begin, None for the last.
    """
    now, found = store.now(), list[ReportedSlo]()
    page = slos.page(limit=limit, after=after, tenant=tenant)
    spans = {
        one.key: min(
            start
            for each in one.definition.objectives
            for start in (each.window.span(since).start, each.window.span(now).start)
        )
        for one in page.items
    }
    counts_of = slos.counts_of_all(spans)
    for one in page.items:
        if (counts := counts_of.get(one.key)) is None:  # it was removed meanwhile
            continue
        least = one.definition.minimum_events
        violations = [
            violation
            for objective in one.definition.objectives
            for violation in violations_between(objective, counts, since, now, least)
        ]
        found.append(
            ReportedSlo(
                definition=one.definition, violations=violations,
                statuses=statuses_of(one.definition, counts, now),
            )
        )  # fmt: skip
    return found, page.next
