"""The name of a person in incidents, erased and found."""

from __future__ import annotations

from sqlalchemy import Connection, Table, select

from sentinel.audit.erased_names import ErasedName
from sentinel.incidents.post_mortem import escaped
from sentinel.schema.incidents import IncidentPolicyVersion
from sentinel.store.database.tables import table_of
from sentinel.store.incidents.rows import (
    ACTION,
    ENTRY,
    INCIDENT,
    INCIDENT_ALERT,
    POST_MORTEM,
    STEP,
)

__all__ = ["NAMED", "erase_from_incidents"]

NAMED: tuple[tuple[Table, str], ...] = (
    (INCIDENT, "assignee"), (INCIDENT, "opened_by"), (INCIDENT, "acknowledged_by"),
    (INCIDENT, "resolved_by"), (INCIDENT, "severity_by"), (INCIDENT_ALERT, "added_by"),
    (INCIDENT_ALERT, "removed_by"), (ENTRY, "actor"), (STEP, "done_by"), (ACTION, "owner"),
    (ACTION, "done_by"), (ACTION, "created_by"), (POST_MORTEM, "saved_by"),
    (table_of(IncidentPolicyVersion), "applied_by"),
)  # fmt: skip
"""Columns that hold the name of a person."""


def erase_from_incidents(connection: Connection, name: str, label: str) -> None:
    """Replace a name where incidents have it within other values: roles, entries, post-mortems.

    What people wrote, such as updates, stays as it is; a post-mortem has names that Sentinel wrote
    into it, so it does not.

    Args:
        connection: a writing transaction
        name: of the person
        label: the pseudonym
    """
    for row in connection.execute(select(INCIDENT.c.id, INCIDENT.c.roles)).all():
        roles = {role: _instead(one, name, label) for role, one in row.roles.items()}
        if roles != row.roles:
            connection.execute(INCIDENT.update().where(INCIDENT.c.id == row.id).values(roles=roles))
    assigned = select(ENTRY.c.id, ENTRY.c.data).where(ENTRY.c.kind == "assigned")
    for row in connection.execute(assigned).all():
        person = _instead(row.data.get("person") or "", name, label)
        if person != (row.data.get("person") or ""):
            data = {**row.data, "person": person}
            connection.execute(ENTRY.update().where(ENTRY.c.id == row.id).values(data=data))
    for written in {name, escaped(name)}:  # a generated post-mortem has it as Markdown
        _erase_from_post_mortems(connection, ErasedName(written, label), written)


def _erase_from_post_mortems(connection: Connection, erased: ErasedName, name: str) -> None:
    query = select(POST_MORTEM).where(POST_MORTEM.c.document.contains(name, autoescape=True))
    for row in connection.execute(query).all():
        key = (
            POST_MORTEM.c.incident_id == row.incident_id, POST_MORTEM.c.version == row.version
        )  # fmt: skip
        document = erased.in_text(row.document)
        connection.execute(POST_MORTEM.update().where(*key).values(document=document))


def _instead(text: str, name: str, label: str) -> str:
    """Return a whole name with the pseudonym in its place; any other text as it is."""
    via = f"{name} via "
    return label if text == name or text.startswith(via) else text
