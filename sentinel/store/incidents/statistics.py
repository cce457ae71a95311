"""Figures of incidents over a period, by the definitions of `sentinel.incidents.figures`."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import select

from sentinel.access import EVERYTHING, Scope
from sentinel.errors import ConfigurationError
from sentinel.incidents.figures import Figures, Timed, figures_of, first_taken
from sentinel.store.incidents.listing import IncidentFilter, conditions
from sentinel.store.incidents.rows import INCIDENT, seen_by
from sentinel.store.incidents.timeline import all_first_acknowledged

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["figures_between"]


def figures_between(
    store: Store, since: datetime, until: datetime, *, tenant: str | None = None,
    team: str | None = None, scope: Scope = EVERYTHING,
) -> Figures:  # fmt: skip
    """Return the figures of the incidents that opened in a period.

    Args:
        store: the shared database
        since: its begin
        until: its end, which is not part of it
        tenant: only of this one; None for all
        team: only of this one; None for all
        scope: of whoever asks

    Returns:
        The figures.

    Raises:
        ConfigurationError: the period ends before it begins
    """
    if until <= since:
        raise ConfigurationError("until: must be later than since")
    wanted = IncidentFilter(since=since, until=until, tenant=tenant, team=team)
    mine = [*seen_by(scope), *conditions(wanted)]
    columns = [
        INCIDENT.c[name]
        for name in ("id", "severity", "opened_at", "acknowledged_at", "resolved_at")
    ]
    with store.snapshot() as connection:
        acknowledged = all_first_acknowledged(connection, select(INCIDENT.c.id).where(*mine))
        rows = connection.execute(select(*columns).where(*mine))
        return figures_of(
            Timed(
                severity=row.severity,
                opened_at=row.opened_at,
                resolved_at=row.resolved_at,
                acknowledged_at=first_taken(
                    row.opened_at, row.acknowledged_at, acknowledged.get(row.id)
                ),
            )
            for row in rows
        )
