"""The commands of the editor of a document: make a draft active, or an earlier version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from sentinel.expression.yaml_document import MOST_LETTERS
from sentinel.store.documents.versioned import Applied, VersionedDocuments
from sentinel.store.notifications.routes import Routes
from sentinel.store.oncall.documents import OnCallDocuments

if TYPE_CHECKING:
    from dashboard.commands import Services
    from sentinel.store import Store

__all__ = ["ApplyDocument", "Area", "RollBackDocument", "documents_of"]

Area = Literal["oncall", "routes"]
Reason = Annotated[str, msgspec.Meta(max_length=2000)]


def documents_of(store: Store, area: Area) -> VersionedDocuments[Any]:
    """Return the versions of a document.

    Args:
        store: the shared database
        area: of which

    Returns:
        What reads and applies them.
    """
    return OnCallDocuments(store) if area == "oncall" else Routes(store)


class ApplyDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Make a document the active one.

    Attributes:
        area: which
        document: YAML; empty for none
        expected: number of the version that the draft began from; 0 for none
        note: why
    """

    area: Area
    document: Annotated[str, msgspec.Meta(max_length=MOST_LETTERS)]
    expected: int
    note: Reason = ""

    def carry_out(self, services: Services, actor: str) -> Applied:
        """Apply the document.

        Args:
            services: what commands work on
            actor: who sent it

        Returns:
            The active version.

        Raises:
            ConfigurationError: the document cannot be used
            Conflict: another version is active by now
        """
        documents = documents_of(services.within.instance, self.area)
        check = documents.expecting(self.expected)
        return documents.apply(self.document, actor=actor, note=self.note.strip(), check=check)


class RollBackDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Make an earlier version of a document active again.

    Attributes:
        area: which document
        number: of the version; 0 for no document
        expected: number of the version that is active
    """

    area: Area
    number: int
    expected: int

    def carry_out(self, services: Services, actor: str) -> Applied:
        """Roll back.

        Args:
            services: what commands work on
            actor: who sent it

        Returns:
            The active version.

        Raises:
            NotFound: there is no version of that number
            Conflict: another version is active by now
        """
        documents = documents_of(services.within.instance, self.area)
        check = documents.expecting(self.expected)
        return documents.rollback(self.number, actor=actor, check=check)
