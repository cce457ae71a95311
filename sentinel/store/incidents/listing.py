"""Lists of incidents, and single ones, as somebody may see them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, func, or_, select, tuple_

from sentinel.access import EVERYTHING, Scope
from sentinel.errors import ConfigurationError, Conflict, NotFound
from sentinel.incidents.state import Incident, Status
from sentinel.store.database.scoped import alert_in
from sentinel.store.database.tables import ALERT
from sentinel.store.incidents.rows import (
    INCIDENT,
    INCIDENT_ALERT,
    incident_of,
    incident_row,
    seen_by,
)

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["IncidentFilter", "IncidentLists", "IncidentPage", "conditions"]

_MOST_WORDS = 10


class IncidentFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which incidents are listed; an empty field selects all.

    Attributes:
        status: any of these
        severity: at least so severe, from 1 to 5
        words: each is in the title, the description or the service, upper or lower case
        alert: only incidents that this alert is in
        since: only those that opened then or later
        until: only those that opened before
    """

    status: Collection[Status] = ()
    severity: int = 1
    tenant: str | None = None
    team: str | None = None
    service: str | None = None
    policy: str | None = None
    assignee: str | None = None
    words: str = ""
    alert: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class IncidentPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some incidents in their order, how many alerts each has, and where the next page begins."""

    items: list[Incident]
    alerts: dict[str, int]
    next: str | None = None


class IncidentLists:
    """The incidents of the shared database, to read.

    Args:
        store: the shared database
        scope: of whoever asks; an incident or alert that is not in it is as unknown
    """

    def __init__(self, store: Store, scope: Scope = EVERYTHING) -> None:
        self._store = store
        self._scope = scope

    def page(
        self, wanted: IncidentFilter, *, limit: int = 50, after: str | None = None
    ) -> IncidentPage:
        """Return a page of incidents, newest first.

        Args:
            wanted: which
            limit: at most so many
            after: `next` of the page before; None for the first

        Returns:
            The page.
        """
        query = select(INCIDENT).where(*seen_by(self._scope), *conditions(wanted))
        if after is not None:
            query = query.where(INCIDENT.c.id < after)
        query = query.order_by(INCIDENT.c.id.desc()).limit(limit + 1)
        with self._store.read() as connection:
            items = [incident_of(row) for row in connection.execute(query)]
            more, items = len(items) > limit, items[:limit]
            counts = self._counts(connection, [one.id for one in items])
        return IncidentPage(items=items, alerts=counts, next=items[-1].id if more else None)

    def active(
        self, tenant: str | None = None, *, limit: int = 50, after: str | None = None
    ) -> IncidentPage:
        """Return a page of those that are not resolved, the most severe and then the newest first.

        Args:
            tenant: only those of this one; None for all
            limit: at most so many
            after: `next` of the page before; None for the first

        Returns:
            The page.

        Raises:
            ConfigurationError: `after` is no place of this list
        """
        open_ = [one for one in Status if one is not Status.RESOLVED]
        wanted = IncidentFilter(status=open_, tenant=tenant)
        query = select(INCIDENT).where(*seen_by(self._scope), *conditions(wanted))
        if after is not None:
            severity, dash, last = after.partition("-")
            if not (severity.isdecimal() and len(severity) == 1 and dash):
                raise ConfigurationError(
                    f"the cursor {after[:40]!r} is not one of this list",
                    hint="Give next_cursor of the page before.",
                )
            query = query.where(tuple_(INCIDENT.c.severity, INCIDENT.c.id) < (int(severity), last))
        query = query.order_by(INCIDENT.c.severity.desc(), INCIDENT.c.id.desc()).limit(limit + 1)
        with self._store.read() as connection:
            items = [incident_of(row) for row in connection.execute(query)]
            more, items = len(items) > limit, items[:limit]
            counts = self._counts(connection, [one.id for one in items])
        next_ = f"{items[-1].severity}-{items[-1].id}" if more else None
        return IncidentPage(items=items, alerts=counts, next=next_)

    def get(self, incident_id: str) -> Incident:
        """Return one incident.

        Args:
            incident_id: 32 hex digits

        Returns:
            The incident.

        Raises:
            NotFound: there is none, or it is out of scope
        """
        with self._store.read() as connection:
            return incident_of(incident_row(connection, self._scope, incident_id))

    def find(self, prefix: str) -> Incident:
        """Return the incident whose id begins with what a person typed.

        Args:
            prefix: hex digits in small letters

        Returns:
            The incident.

        Raises:
            NotFound: no id in scope begins so
            Conflict: several do
        """
        rows = list[Row[Any]]()
        if prefix and all(letter in "0123456789abcdef" for letter in prefix):
            mine = (INCIDENT.c.id >= prefix, INCIDENT.c.id < prefix + "g", *seen_by(self._scope))
            with self._store.read() as connection:
                rows = list(connection.execute(select(INCIDENT).where(*mine).limit(2)))
        if not rows:
            raise NotFound(
                f"there is no incident {prefix[:40]!r}", hint="sentinel incident list shows all."
            )
        if len(rows) > 1:
            raise Conflict(f"{prefix!r} begins the ids of several incidents",
                           hint="Give more of it.")  # fmt: skip
        return incident_of(rows[0])

    def alert_counts(self, ids: Sequence[str]) -> dict[str, int]:
        """Return how many alerts incidents have that are in scope, by the incident's id."""
        with self._store.read() as connection:
            return self._counts(connection, ids)

    def alerts(self, incident_id: str, *, limit: int = 500, after: str = "") -> list[str]:
        """Return ids of an incident's alerts that are in scope, the oldest first.

        Args:
            incident_id: of the incident
            limit: at most so many
            after: only those of higher ids than this one

        Returns:
            Ids, which rise with time.

        Raises:
            NotFound: there is no such incident, or it is out of scope
        """
        query = select(ALERT.c.id).join(INCIDENT_ALERT, INCIDENT_ALERT.c.alert_id == ALERT.c.id)
        query = query.where(
            INCIDENT_ALERT.c.incident_id == incident_id, INCIDENT_ALERT.c.removed_at.is_(None),
            ALERT.c.id > after, *alert_in(self._scope),
        )  # fmt: skip
        with self._store.read() as connection:
            incident_row(connection, self._scope, incident_id)
            rows = connection.execute(query.order_by(ALERT.c.id).limit(limit))
            return [str(one) for one in rows.scalars()]

    def _counts(self, connection: Connection, ids: Sequence[str]) -> dict[str, int]:
        if not ids:
            return {}
        query = (
            select(INCIDENT_ALERT.c.incident_id, func.count())
            .join(ALERT, ALERT.c.id == INCIDENT_ALERT.c.alert_id)
            .where(INCIDENT_ALERT.c.incident_id.in_(list(ids)),
                   INCIDENT_ALERT.c.removed_at.is_(None), *alert_in(self._scope))
            .group_by(INCIDENT_ALERT.c.incident_id)
        )  # fmt: skip
        found = dict.fromkeys(ids, 0)
        return found | {str(id_): int(count) for id_, count in connection.execute(query)}


def conditions(wanted: IncidentFilter) -> list[ColumnElement[bool]]:
    """Return the conditions under which an incident is wanted."""
    where: list[ColumnElement[bool]] = []
    if wanted.status:
        where.append(INCIDENT.c.status.in_([str(one) for one in wanted.status]))
    if wanted.severity > 1:
        where.append(INCIDENT.c.severity >= wanted.severity)
    for name in ("tenant", "team", "service", "policy", "assignee"):
        if (value := getattr(wanted, name)) is not None:
            where.append(INCIDENT.c[name] == value)
    for word in wanted.words.split()[:_MOST_WORDS]:
        columns = (INCIDENT.c.title, INCIDENT.c.description, INCIDENT.c.service)
        where.append(or_(*(one.icontains(word, autoescape=True) for one in columns)))
    if wanted.alert is not None:
        members = select(INCIDENT_ALERT.c.incident_id).where(
            INCIDENT_ALERT.c.alert_id == wanted.alert, INCIDENT_ALERT.c.removed_at.is_(None)
        )
        where.append(INCIDENT.c.id.in_(members))
    if wanted.since is not None:
        where.append(INCIDENT.c.opened_at >= wanted.since)
    if wanted.until is not None:
        where.append(INCIDENT.c.opened_at < wanted.until)
    return where
