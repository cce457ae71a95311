"""The name of a person in overrides and in earlier versions of the on-call document, erased."""

from __future__ import annotations

from sqlalchemy import Connection, RowMapping, select

from sentinel.errors import ConfigurationError
from sentinel.oncall.document import read_oncall
from sentinel.schema.handoffs import HandoffTold
from sentinel.store.database.tables import table_of
from sentinel.store.oncall.documents import VERSION
from sentinel.store.oncall.overrides import OVERRIDE

__all__ = ["erase_from_oncall", "overrides_of"]

_TOLD = table_of(HandoffTold)

_ERASED = "The document was deleted, since it had the name of a person who was erased."


def overrides_of(connection: Connection, name: str) -> list[RowMapping]:
    """Return the overrides that put a person on call.

    Args:
        connection: an open transaction
        name: of the person

    Returns:
        The rows, also of those that were taken back.
    """
    query = select(OVERRIDE).where(OVERRIDE.c.people.contains(name, autoescape=True))
    rows = connection.execute(query).mappings().all()
    return [row for row in rows if name in row["people"].split("\n")]


def erase_from_oncall(connection: Connection, name: str, label: str) -> None:
    """Replace a name in overrides, and delete the documents of earlier versions that have it.

    Args:
        connection: an open transaction
        name: of the person, who is not in the active document
        label: the pseudonym
    """
    for row in overrides_of(connection, name):
        names = (label if one == name else one for one in row["people"].split("\n"))
        where = OVERRIDE.c.id == row["id"]
        connection.execute(OVERRIDE.update().where(where).values(people="\n".join(names)))
    told = select(_TOLD).where(_TOLD.c.people.contains(name, autoescape=True))
    for row in connection.execute(told).all():
        left = (one for one in row.people.split("\n") if one != name)
        where = _TOLD.c.schedule == row.schedule
        connection.execute(_TOLD.update().where(where).values(people="\n".join(left)))
    versions = select(VERSION.c.number, VERSION.c.document, VERSION.c.note).where(
        VERSION.c.document.contains(name, autoescape=True)
    )
    for row in connection.execute(versions).all():
        if _names(row.document, name):
            note = f"{row.note} {_ERASED}".strip()
            connection.execute(
                VERSION.update()
                .where(VERSION.c.number == row.number)
                .values(document="", note=note)
            )


def _names(document: str, name: str) -> bool:
    """Return whether a document has the person; one of an older form that cannot be read has."""
    try:
        return name in read_oncall(document).people
    except ConfigurationError:
        return True
