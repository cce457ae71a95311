"""Versions of the on-call document: each that was applied, kept, read and rolled back."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Connection, select

from sentinel.errors import ConfigurationError
from sentinel.oncall.document import OnCallDocument, read_oncall
from sentinel.schema.oncall import OnCallOverride, OnCallVersion
from sentinel.store.database.tables import table_of
from sentinel.store.documents.active import ActiveDocument
from sentinel.store.documents.versioned import DocumentKind, VersionedDocuments
from sentinel.store.notifications.active_routes import active_tree

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = [
    "OVERRIDE", "VERSION", "OnCallDocuments", "active_document", "document_to_read",
]  # fmt: skip

VERSION, OVERRIDE = table_of(OnCallVersion), table_of(OnCallOverride)
_ACTIVE = ActiveDocument(OnCallVersion, lambda text: read_oncall(text, known=True))
_NONE = OnCallDocument()
_KIND = DocumentKind(
    noun="the on-call document", none="there is no on-call document",
    history="sentinel oncall history", area="oncall",
)  # fmt: skip


def active_document(connection: Connection) -> OnCallDocument:
    """Return the active document as an open transaction reads it; an empty one where none is.

    Args:
        connection: an open transaction

    Returns:
        The document.
    """
    return _ACTIVE.of(connection) or _NONE


def document_to_read(connection: Connection) -> OnCallDocument:
    """Return the active document as `active_document` does; an empty one where it cannot be read.

    So what people do to alerts, and pages on their way, never fail by what another version stored.

    Args:
        connection: an open transaction

    Returns:
        The document.
    """
    try:
        return active_document(connection)
    except ConfigurationError:
        return _NONE


class OnCallDocuments(VersionedDocuments[OnCallVersion]):
    """The on-call document in the shared database.

    Args:
        store: the shared database
    """

    def __init__(self, store: Store) -> None:
        super().__init__(store, OnCallVersion, _KIND, _ACTIVE)

    def active(self) -> OnCallDocument:
        """Return the active document; an empty one where none was applied."""
        with self._store.read() as connection:
            return active_document(connection)

    def check_text(self, text: str) -> None:
        """Refuse a document that cannot be used.

        Raises:
            ConfigurationError: so it is
        """
        read_oncall(text)

    def admit(self, connection: Connection, text: str) -> None:
        """Refuse a document without a receiver that it names, or what an override to come needs.

        Raises:
            ConfigurationError: so it is
        """
        document = _read(text)
        self.refuse_missing(connection, document.receivers)
        _refuse_orphans(connection, document, self._store.now())
        _refuse_unrouted(connection, document)


def _read(text: str) -> OnCallDocument:
    """Return a document that is checked or stored."""
    return read_oncall(text, known=True) if text else _NONE


def _refuse_orphans(connection: Connection, document: OnCallDocument, now: datetime) -> None:
    """Refuse a document that lacks a schedule or a person of an override to come.

    Raises:
        ConfigurationError: there is such an override
    """
    query = (
        select(OVERRIDE.c.id, OVERRIDE.c.schedule, OVERRIDE.c.people, OVERRIDE.c.replaces)
        .where(OVERRIDE.c.removed_at.is_(None), OVERRIDE.c.ends_at > now)
        .order_by(OVERRIDE.c.id)
    )
    for row in connection.execute(query):
        people = [name for name in (*row.people.split("\n"), row.replaces) if name]
        missing = [name for name in people if name not in document.people]
        if row.schedule not in document.schedules or missing:
            named = f"the person {missing[0]}" if missing else f"the schedule {row.schedule}"
            raise ConfigurationError(
                f"an override to come of the schedule {row.schedule} needs {named}",
                hint=f"Take it back first: sentinel oncall remove {row.id}",
            )


def _refuse_unrouted(connection: Connection, document: OnCallDocument) -> None:
    """Refuse a document that lacks an escalation policy which the active routes name.

    Raises:
        ConfigurationError: there is such a policy
    """
    tree = active_tree(connection)
    named = set[str]() if tree is None else tree.document.escalations
    missing = sorted(named - set(document.escalation_policies))
    if missing:
        raise ConfigurationError(
            f"the routes name the escalation policy {', '.join(missing)}, which the document lacks",
            hint="Take it out of the routes first: sentinel route show, sentinel route apply FILE",
        )
