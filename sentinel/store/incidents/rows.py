"""Rows of incidents, and what decisions make of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, select

from sentinel.access import Scope
from sentinel.errors import NotFound
from sentinel.incidents.post_mortem import ActionItem
from sentinel.incidents.runbook import Step
from sentinel.incidents.state import Incident, Status
from sentinel.schema.columns import new_id
from sentinel.schema.incidents import (
    IncidentActionItem,
    IncidentAlert,
    IncidentEntry,
    IncidentRow,
    IncidentStep,
    PostMortemVersion,
)
from sentinel.store.database.lifecycle_numbers import note_changes
from sentinel.store.database.scoped import in_scope
from sentinel.store.database.tables import table_of

__all__ = [
    "ACTION",
    "ENTRY",
    "INCIDENT",
    "INCIDENT_ALERT",
    "POST_MORTEM",
    "STEP",
    "NewEntry",
    "action_of",
    "incident_of",
    "incident_row",
    "seen_by",
    "step_rows",
    "values_of",
    "write_entries",
]

INCIDENT, INCIDENT_ALERT = table_of(IncidentRow), table_of(IncidentAlert)
ENTRY, STEP = table_of(IncidentEntry), table_of(IncidentStep)
ACTION, POST_MORTEM = table_of(IncidentActionItem), table_of(PostMortemVersion)
_FIELDS = tuple(name for name in Incident.__struct_fields__ if name not in ("status", "gather_for"))


class NewEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry to write: what happened to an incident, see `IncidentEntry`."""

    kind: str
    comment: str = ""
    data: dict[str, Any] = {}
    flow_run_id: str | None = None


def incident_of(row: Row[Any]) -> Incident:
    """Return the incident of a row of its table."""
    cells = row._mapping  # pyright: ignore[reportPrivateUsage] - SQLAlchemy's documented public name
    return Incident(
        **{name: cells[name] for name in _FIELDS}, status=Status(row.status),
        gather_for=timedelta(seconds=row.gather_seconds),
    )  # fmt: skip


def values_of(incident: Incident) -> dict[str, Any]:
    """Return the cells of an incident's row by column, but for `gather_key`."""
    return {
        **{name: getattr(incident, name) for name in _FIELDS},
        "status": str(incident.status),
        "gather_seconds": incident.gather_for.total_seconds(),
        "gathers_until": incident.gathers_until,
    }


def seen_by(scope: Scope) -> list[Any]:
    """Return the conditions under which an incident is in scope: by its tenant and team."""
    return in_scope(scope, INCIDENT.c.tenant, INCIDENT.c.team)


def incident_row(
    connection: Connection, scope: Scope, incident_id: str, *, locked: bool = False
) -> Row[Any]:
    """Return the row of an incident.

    Args:
        connection: an open transaction
        scope: of whoever asks
        incident_id: 32 hex digits
        locked: until the end of the transaction

    Returns:
        The row.

    Raises:
        NotFound: there is none, or it is out of scope
    """
    query = select(INCIDENT).where(INCIDENT.c.id == incident_id, *seen_by(scope))
    row = None
    if "\0" not in incident_id:
        row = connection.execute(query.with_for_update() if locked else query).first()
    if row is None:
        raise NotFound(
            f"there is no incident {incident_id[:40]!r}", hint="sentinel incident list shows all."
        )
    return row


def write_entries(
    connection: Connection, incident: Incident, entries: Sequence[NewEntry], actor: str
) -> list[str]:
    """Write what happened to an incident, and return the ids of the entries.

    Args:
        connection: the caller's open transaction
        incident: as it is afterwards; its `updated_at` is when it happened
        entries: in their order
        actor: who did it; empty where no person did

    Returns:
        Ids, which rise with time.
    """
    rows = [
        {
            "id": new_id(), "incident_id": incident.id, "at": incident.updated_at,
            "kind": one.kind, "actor": actor, "comment": one.comment, "data": one.data,
            "flow_run_id": one.flow_run_id,
        }
        for one in entries
    ]  # fmt: skip
    if rows:
        connection.execute(ENTRY.insert(), rows)
        ids = [str(one["id"]) for one in rows]
        note_changes(connection, "incident", incident.tenant, incident.updated_at, ids)
    return [str(one["id"]) for one in rows]


def step_rows(incident_id: str, steps: Sequence[Step]) -> list[dict[str, Any]]:
    """Return the rows of a runbook's steps, all of them open."""
    return [
        {
            "incident_id": incident_id, "number": one.number, "title": one.title,
            "text": one.text, "deployment": one.deployment, "parameters": one.parameters,
            "status": "open", "attempt": 0, "done_by": "", "flow_run_name": "", "state": "",
            "state_name": "", "error": "", "outcome": "", "approval": {},
        }
        for one in steps
    ]  # fmt: skip


def action_of(row: Row[Any]) -> ActionItem:
    """Return the action item of a row."""
    return ActionItem(
        id=row.id, title=row.title, owner=row.owner, due=row.due, done_at=row.done_at,
        done_by=row.done_by, created_at=row.created_at, created_by=row.created_by,
        version=row.version,
    )  # fmt: skip
