"""The timeline of an incident, merged when it is read: nothing of it is copied.

Its own entries; the timelines of its alerts with acknowledgements, comments, runs and remediations;
deliveries of the groups that its alerts are in, and of its updates; and what people changed of the
rules of its alerts, by themselves or in a rollout.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import ColumnElement, Connection, RowMapping, Select, func, or_, select

from sentinel.access import EVERYTHING, Scope
from sentinel.alerts.reasons import words as alert_words
from sentinel.audit.actions import words_of as audit_words
from sentinel.incidents.figures import Timed, timed
from sentinel.incidents.state import Incident
from sentinel.incidents.timeline import Entry, in_order, words_of
from sentinel.notifications.reasons import words as notification_words
from sentinel.schema.notices import Notice
from sentinel.store.database.chunks import chunks
from sentinel.store.database.scoped import alert_in, group_in
from sentinel.store.database.tables import (
    ALERT,
    AUDIT,
    AUDIT_PERSON,
    DELIVERY,
    MEMBER,
    TIMELINE,
    table_of,
)
from sentinel.store.incidents.rows import ENTRY, INCIDENT_ALERT, incident_of, incident_row

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = [
    "BEFORE",
    "MOST_ENTRIES",
    "IncidentTimeline",
    "all_first_acknowledged",
    "first_acknowledged",
    "timeline_in",
    "timeline_of",
    "times_of",
]  # fmt: skip

_NOTICE = table_of(Notice)
MOST_ENTRIES = 2000
"""So many entries of each source are read, the oldest; the answer says whether there are more."""
BEFORE = timedelta(hours=1)
"""So long before the first alert, changes of rules belong to the timeline, too."""
_KINDS = ("rule", "deployment")


class IncidentTimeline(msgspec.Struct, frozen=True, kw_only=True):
    """The entries of an incident, the oldest first; `truncated` where there are more."""

    entries: list[Entry]
    truncated: bool


def timeline_of(store: Store, incident_id: str, scope: Scope = EVERYTHING) -> IncidentTimeline:
    """Return the timeline of an incident.

    Args:
        store: the shared database
        incident_id: of the incident
        scope: of whoever asks; alerts and groups that are not in it are left out

    Returns:
        The entries.

    Raises:
        NotFound: there is no such incident, or it is out of scope
    """
    with store.read() as connection:
        incident = incident_of(incident_row(connection, scope, incident_id))
        return timeline_in(connection, incident, scope)


def timeline_in(connection: Connection, incident: Incident, scope: Scope) -> IncidentTimeline:
    """Return the timeline as `timeline_of` does, in an open transaction."""
    reading = _Reading(connection, incident, scope)
    entries = [*reading.own(), *reading.alerts(), *reading.deliveries(), *reading.changes()]
    return IncidentTimeline(entries=in_order(entries), truncated=reading.truncated)


def first_acknowledged(connection: Connection, ids: Sequence[str]) -> dict[str, datetime]:
    """Return when the first alert of incidents was acknowledged, by the incident's id.

    Args:
        connection: an open transaction
        ids: of at most some hundreds of incidents

    Returns:
        The moments; one is missing where none of its alerts ever was.
    """
    return _acknowledged(connection, INCIDENT_ALERT.c.incident_id.in_(list(ids))) if ids else {}


def all_first_acknowledged(
    connection: Connection, incidents: Select[tuple[str]]
) -> dict[str, datetime]:
    """Return what `first_acknowledged` does of all incidents whose ids a query selects."""
    return _acknowledged(connection, INCIDENT_ALERT.c.incident_id.in_(incidents))


def _acknowledged(connection: Connection, which: ColumnElement[bool]) -> dict[str, datetime]:
    query = (
        select(INCIDENT_ALERT.c.incident_id, func.min(TIMELINE.c.at))
        .join(TIMELINE, TIMELINE.c.alert_id == INCIDENT_ALERT.c.alert_id)
        .where(which, INCIDENT_ALERT.c.removed_at.is_(None), TIMELINE.c.kind == "acknowledged")
        .group_by(INCIDENT_ALERT.c.incident_id)
    )
    return {str(id_): at for id_, at in connection.execute(query)}


def times_of(connection: Connection, incident: Incident) -> Timed:
    """Return the moments of an incident that count for its figures."""
    return timed(incident, first_acknowledged(connection, [incident.id]).get(incident.id))


class _Reading:
    """What one transaction reads of the timeline of an incident."""

    def __init__(self, connection: Connection, incident: Incident, scope: Scope) -> None:
        self._connection, self._incident, self._scope = connection, incident, scope
        self.truncated = False
        self._members = select(INCIDENT_ALERT.c.alert_id).where(
            INCIDENT_ALERT.c.incident_id == incident.id, INCIDENT_ALERT.c.removed_at.is_(None)
        )
        first = select(func.min(ALERT.c.first_bad_at)).where(ALERT.c.id.in_(self._members))
        self._first: datetime = min(
            connection.execute(first).scalar() or incident.opened_at, incident.opened_at
        )
        self._until = incident.gathers_until

    def _rows(self, query: Select[Any]) -> Sequence[RowMapping]:
        rows = self._connection.execute(query.limit(MOST_ENTRIES + 1)).mappings().all()
        self.truncated = self.truncated or len(rows) > MOST_ENTRIES
        return rows[:MOST_ENTRIES]

    def own(self) -> Iterator[Entry]:
        query = select(ENTRY).where(ENTRY.c.incident_id == self._incident.id)
        rows = self._rows(query.order_by(ENTRY.c.id))
        titles = self._titles({id_ for row in rows for id_ in row["data"].get("alerts") or ()})
        for row in rows:
            named = [titles[id_] for id_ in row["data"].get("alerts") or () if id_ in titles]
            yield Entry(
                id=row["id"], at=row["at"], source="incident", kind=row["kind"],
                actor=row["actor"], text=words_of(row["kind"], {**row["data"], "titles": named}),
                comment=row["comment"], flow_run_id=row["flow_run_id"] or "",
            )  # fmt: skip

    def _titles(self, ids: set[str]) -> dict[str, str]:
        """Return the titles of alerts that whoever asks may see, by id."""
        found: dict[str, str] = {}
        for piece in chunks(sorted(ids)):
            query = select(ALERT.c.id, ALERT.c.title, ALERT.c.rule).where(
                ALERT.c.id.in_(piece), *alert_in(self._scope)
            )
            found |= {row.id: row.title or row.rule for row in self._connection.execute(query)}
        return found

    def alerts(self) -> Iterator[Entry]:
        query = (
            select(TIMELINE, ALERT.c.title, ALERT.c.rule)
            .join(ALERT, ALERT.c.id == TIMELINE.c.alert_id)
            .where(TIMELINE.c.alert_id.in_(self._members), *alert_in(self._scope))
            .order_by(TIMELINE.c.id)
        )
        for row in self._rows(query):
            yield Entry(
                id=row["id"], at=row["at"], source="alert", kind=row["kind"], actor=row["actor"],
                text=f"{row['title'] or row['rule']}: {alert_words(row['reason'])}",
                comment=row["comment"], alert_id=row["alert_id"],
                flow_run_id=row["flow_run_id"] or "",
            )  # fmt: skip

    def deliveries(self) -> Iterator[Entry]:
        groups = select(MEMBER.c.group_id).where(MEMBER.c.alert_id.in_(self._members))
        notices = select(_NOTICE.c.id).where(_NOTICE.c.about == self._incident.id)
        of_groups = [
            DELIVERY.c.group_id.in_(groups), DELIVERY.c.started_at >= self._first,
            *group_in(self._scope, DELIVERY.c.group_id),
        ]  # fmt: skip
        if self._until is not None:
            of_groups.append(DELIVERY.c.started_at <= self._until)
        for where in (of_groups, [DELIVERY.c.group_id.in_(notices)]):
            for row in self._rows(select(DELIVERY).where(*where).order_by(DELIVERY.c.id)):
                yield Entry(
                    id=row["id"], at=row["ended_at"] or row["started_at"], source="notification",
                    kind=row["state"], comment=row["error"],
                    text=f"{_SENT.get(row['state'], row['state'])} {row['receiver']} through "
                    f"{row['channel']}: {notification_words(row['reason'])}",
                )  # fmt: skip

    def changes(self) -> Iterator[Entry]:
        rules = select(ALERT.c.rule).where(ALERT.c.id.in_(self._members), *alert_in(self._scope))
        query = (
            select(AUDIT, AUDIT_PERSON.c.name)
            .outerjoin(AUDIT_PERSON, AUDIT_PERSON.c.id == AUDIT.c.actor)
            .where(AUDIT.c.object_kind.in_(_KINDS), AUDIT.c.object_name.in_(rules),
                   or_(AUDIT.c.tenant == self._incident.tenant, AUDIT.c.tenant == ""),
                   AUDIT.c.at >= self._first - BEFORE)
            .order_by(AUDIT.c.id)
        )  # fmt: skip
        if self._until is not None:
            query = query.where(AUDIT.c.at <= self._until)
        for row in self._rows(query):
            yield Entry(
                id=row["id"], at=row["at"], source="change", kind=row["action"],
                actor=row["name"] or f"erased-{row['actor']:.8}",
                text=f"{audit_words(row['action'])} {row['object_name']}", comment=row["note"],
            )  # fmt: skip


_SENT = {
    "sent": "notified", "failed": "could not notify", "refused": "was refused by",
    "sending": "is notifying",
}  # fmt: skip
