"""Figures of incidents over a period, by the definitions of `sentinel.incidents.figures`."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import select

from sentinel.access import EVERYTHING, Scope
from sentinel.errors import ConfigurationError
from sentinel.incidents.figures import Figures, Timed, figures_of, timed
from sentinel.store.incidents.listing import IncidentFilter, conditions
from sentinel.store.incidents.rows import INCIDENT, incident_of, seen_by
from sentinel.store.incidents.timeline import first_acknowledged

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["figures_between"]

_PIECE = 500


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
    query = select(INCIDENT).where(*seen_by(scope), *conditions(wanted)).order_by(INCIDENT.c.id)
    found: list[Timed] = []
    with store.snapshot() as connection:
        after = ""
        while True:
            rows = connection.execute(query.where(INCIDENT.c.id > after).limit(_PIECE)).all()
            acknowledged = first_acknowledged(connection, [row.id for row in rows])
            found += [timed(incident_of(row), acknowledged.get(row.id)) for row in rows]
            if len(rows) < _PIECE:
                return figures_of(found)
            after = rows[-1].id
