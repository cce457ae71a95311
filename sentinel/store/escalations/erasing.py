"""The name of a person in escalations and their pages, erased."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, or_, select

from sentinel.schema.acknowledge_links import AcknowledgeLink
from sentinel.store.database.json_text import json_contains
from sentinel.store.database.tables import table_of
from sentinel.store.escalations.rows import ESCALATION, PAGE

__all__ = ["erase_from_escalations"]

_LINK = table_of(AcknowledgeLink)


def erase_from_escalations(connection: Connection, name: str, label: str) -> None:
    """Replace a name in snapshotted policies, in what was missing, and among who acknowledged.

    Args:
        connection: an open transaction
        name: of the person
        label: the pseudonym
    """
    target = f"person {name}"
    columns = (ESCALATION.c.snapshot, ESCALATION.c.acknowledgements, ESCALATION.c.missing)
    holds = or_(
        *(json_contains(one, name) for one in columns[:2]),
        ESCALATION.c.missing.contains(name, autoescape=True),
    )
    query = select(ESCALATION.c.id, *columns).where(holds)
    for row in connection.execute(query).all():
        values: dict[str, Any] = {
            "snapshot": _without(row.snapshot, name, label),
            "acknowledgements": [label if one == name else one for one in row.acknowledgements],
            "missing": "\n".join(
                f"person {label}" if one == target else one for one in row.missing.split("\n")
            ),
        }
        where = ESCALATION.c.id == row.id
        connection.execute(ESCALATION.update().where(where).values(**values))
    connection.execute(PAGE.update().where(PAGE.c.why == target).values(why=f"person {label}"))
    connection.execute(_LINK.update().where(_LINK.c.person == name).values(person=label))


def _without(snapshot: dict[str, Any], name: str, label: str) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [
        {
            **step,
            "notify": [
                {**one, "name": label} if one == {"kind": "person", "name": name} else one
                for one in step["notify"]
            ],
        }
        for step in snapshot["steps"]
    ]
    return {**snapshot, "steps": steps}
