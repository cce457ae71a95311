"""One change of one incident by a person, in one transaction.

The row is locked, the change decided from what it says then, and everything that follows is
written: the next version, entries, the audit row, an event, messages to receivers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Connection

from sentinel.access import Scope
from sentinel.incidents.state import Incident
from sentinel.store.incidents.rows import NewEntry, incident_of, incident_row, write_entries
from sentinel.store.incidents.writing import (
    announce,
    audited,
    incident_event,
    missing_receivers,
    write_incident,
)

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["Changed", "Check", "Work", "change"]


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    """What a change makes of an incident.

    Attributes:
        incident: afterwards, of whichever version
        entries: for its timeline, in their order; without any, nothing has changed and nothing is
            written
        action: code of the audit row
        note: further fields of the audit row
        receivers: of a message about it
        says: of that message
    """

    incident: Incident
    entries: Sequence[NewEntry]
    action: str
    note: Mapping[str, Any] = {}
    receivers: Sequence[str] = ()
    says: str = ""


Check = Callable[[Incident], None]
"""What may refuse a change by what the incident is before."""
Work = Callable[[Connection, Incident], Changed]


def _any(_: Incident) -> None:
    """Refuse nothing."""


def change(
    store: Store, scope: Scope, incident_id: str, actor: str, work: Work, check: Check | None = None
) -> Incident:
    """Change an incident.

    Args:
        store: the shared database
        scope: of whoever changes it
        incident_id: of the incident
        actor: who changes it
        work: is given the open transaction and the incident as it is, and returns what it becomes
        check: is given the incident as it is, and may refuse

    Returns:
        The incident afterwards.

    Raises:
        NotFound: there is none, or it is out of scope
        Conflict: its state forbids this
        ConfigurationError: a receiver does not exist
    """

    def transaction(connection: Connection) -> Incident:
        before = incident_of(incident_row(connection, scope, incident_id, locked=True))
        (check or _any)(before)
        made = work(connection, before)
        if not made.entries:
            return before
        after = msgspec.structs.replace(
            made.incident, version=before.version + 1, updated_at=store.now()
        )
        missing_receivers(store, connection, made.receivers)
        write_incident(connection, before, after)
        written = write_entries(connection, after, made.entries, actor)
        announce(store, connection, after, made.receivers, written[0], made.says, actor)
        audited(store, connection, made.action, actor, before, after, made.note)
        store.outbox.add(connection, [incident_event(_what(before, after), after)])
        store.changed(connection)
        return after

    return store.in_transaction(transaction)


def _what(before: Incident, after: Incident) -> str:
    if before.is_open and not after.is_open:
        return "resolved"
    return "reopened" if after.is_open and not before.is_open else "updated"
