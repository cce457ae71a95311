"""The name of a person in overrides, earlier on-call documents and copies of calendars, erased."""

from __future__ import annotations

from sqlalchemy import Connection, RowMapping, or_, select

from sentinel.audit.erased_names import ErasedName
from sentinel.errors import ConfigurationError
from sentinel.oncall.calendar_names import without_person
from sentinel.oncall.document import OnCallDocument, read_oncall
from sentinel.schema.calendar_copies import CalendarCopy
from sentinel.schema.handoffs import HandoffNotified
from sentinel.store.database.tables import table_of
from sentinel.store.oncall.documents import VERSION
from sentinel.store.oncall.overrides import OVERRIDE

__all__ = ["erase_from_oncall", "overrides_of"]

_NOTIFIED, _COPY = table_of(HandoffNotified), table_of(CalendarCopy)

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
    """Replace a name in overrides and copies, and delete earlier documents that have it.

    Args:
        connection: an open transaction
        name: of the person, who is not in the active document
        label: the pseudonym
    """
    for row in overrides_of(connection, name):
        names = (label if one == name else one for one in row["people"].split("\n"))
        where = OVERRIDE.c.id == row["id"]
        connection.execute(OVERRIDE.update().where(where).values(people="\n".join(names)))
    notified = select(_NOTIFIED).where(_NOTIFIED.c.people.contains(name, autoescape=True))
    for row in connection.execute(notified).all():
        left = (one for one in row.people.split("\n") if one != name)
        where = _NOTIFIED.c.schedule == row.schedule
        connection.execute(_NOTIFIED.update().where(where).values(people="\n".join(left)))
    versions = select(VERSION.c.number, VERSION.c.document, VERSION.c.note).where(
        # YAML may escape a letter within quotes.
        or_(*(VERSION.c.document.contains(one, autoescape=True) for one in (name, "\\")))
    )
    mails: set[str] = set()
    for row in connection.execute(versions).all():
        document = _read(row.document)
        if document is None and name not in row.document:
            continue
        if document is not None and name not in document.people:
            continue
        if document is not None:
            mails.add(document.people[name].email)
        note = f"{row.note} {_ERASED}".strip()
        connection.execute(
            VERSION.update().where(VERSION.c.number == row.number).values(document="", note=note)
        )
    _erase_from_calendars(connection, name, mails, label)


def _read(document: str) -> OnCallDocument | None:
    """Return a document; None for one of an older form, which may have anybody."""
    try:
        return read_oncall(document, known=True)
    except ConfigurationError:
        return None


def _erase_from_calendars(connection: Connection, name: str, mails: set[str], label: str) -> None:
    """Replace the name in copies of calendars, whose next change brings what it says then."""
    erased = ErasedName(name, label, any_case=True)
    for row in connection.execute(select(_COPY.c.schedule, _COPY.c.body, _COPY.c.error)).all():
        body = without_person(row.body, erased.in_text, mails, label)
        error = erased.in_text(row.error)
        if (body, error) != (row.body, row.error):
            where = _COPY.c.schedule == row.schedule
            connection.execute(
                _COPY.update().where(where).values(body=body, error=error, expanded="")
            )
