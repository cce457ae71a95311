"""Versions of the incident policies: each that was applied, kept, read and rolled back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection

from sentinel.incidents.policy import Policies, compiled, read_policies
from sentinel.schema.incidents import IncidentPolicyVersion
from sentinel.store.documents.active import ActiveDocument
from sentinel.store.documents.versioned import DocumentKind, VersionedDocuments

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["IncidentPolicyDocuments", "active_policies"]

_ACTIVE = ActiveDocument(IncidentPolicyVersion, compiled)
_KIND = DocumentKind(
    noun="the incident policies", none="there are no incident policies",
    history="sentinel incident policy history", area="incident_policies",
)  # fmt: skip


def active_policies(connection: Connection) -> Policies | None:
    """Return the active incident policies as an open transaction reads them; None for none.

    Args:
        connection: an open transaction

    Returns:
        The policies, ready to be asked.
    """
    return _ACTIVE.of(connection)


class IncidentPolicyDocuments(VersionedDocuments[IncidentPolicyVersion]):
    """The incident policies in the shared database.

    Args:
        store: the shared database
    """

    def __init__(self, store: Store) -> None:
        super().__init__(store, IncidentPolicyVersion, _KIND, _ACTIVE)

    def active(self) -> Policies | None:
        """Return the active policies; None where there are none."""
        with self._store.read() as connection:
            return active_policies(connection)

    def check_text(self, text: str) -> None:
        """Refuse a document that cannot be used.

        Raises:
            ConfigurationError: so it is
        """
        read_policies(text)

    def admit(self, connection: Connection, text: str) -> None:
        """Refuse a document that names a receiver which there is not.

        Raises:
            ConfigurationError: so it is
        """
        if text:
            document = read_policies(text, known=True)
            named = {name for one in document.policies for name in one.receivers}
            self.refuse_missing(connection, named)
