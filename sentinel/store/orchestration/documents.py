"""Versions of a tenant's orchestration and of its tables: applied, kept, read and rolled back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sqlalchemy import Connection, select

from sentinel.errors import ConfigurationError
from sentinel.orchestration.decision import orchestration_of
from sentinel.orchestration.document import read_orchestration
from sentinel.orchestration.tables import table_of
from sentinel.orchestration.trial import failures
from sentinel.schema.orchestration import (
    OrchestrationTable,
    OrchestrationTableVersion,
    OrchestrationVersion,
)
from sentinel.store.database.tables import table_of as core_table
from sentinel.store.documents.versioned import DocumentKind, VersionedDocuments
from sentinel.store.orchestration.active import ACTIVE_ORCHESTRATION, ACTIVE_TABLE, tables_in

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = [
    "MOST_TABLES",
    "Orchestrations",
    "TableVersions",
    "check_table_name",
    "table_names",
    "uploaded_names",
]

MOST_TABLES = 50
_KIND = DocumentKind(
    noun="the orchestration", none="there is no orchestration",
    history="sentinel orchestration history", area="orchestration",
)  # fmt: skip
_TABLE = DocumentKind(
    noun="the table", none="there is no such table",
    history="sentinel orchestration table history NAME", area="orchestration_table",
)  # fmt: skip
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,49}")
_VERSION, _CACHED = core_table(OrchestrationTableVersion), core_table(OrchestrationTable)


class Orchestrations(VersionedDocuments[OrchestrationVersion]):
    """The orchestration of one tenant.

    Args:
        store: the shared database
        tenant: whose
    """

    def __init__(self, store: Store, tenant: str) -> None:
        scope = {"tenant": tenant}
        super().__init__(store, OrchestrationVersion, _KIND, ACTIVE_ORCHESTRATION, scope)
        self.tenant = tenant

    def check_text(self, text: str) -> None:
        """Refuse rules that cannot be used.

        Raises:
            ConfigurationError: so it is; names line and column
        """
        read_orchestration(text)

    def admit(self, connection: Connection, text: str) -> None:
        """Refuse rules that name a table which there is not, or whose tests fail.

        Raises:
            ConfigurationError: so it is
        """
        if not text:
            return
        document = orchestration_of(text).document
        known = table_names(connection, self.tenant)
        missing = sorted(document.tables - known)
        if missing:
            raise ConfigurationError(
                f"there is no table {', '.join(missing)}, which the rules enrich from",
                hint=f"Upload it first: sentinel orchestration table set {missing[0]} FILE.csv",
            )
        tables, _ = tables_in(connection, self.tenant, document.tables, self._store.now())
        wrong = failures(document, tables)
        if wrong:
            raise ConfigurationError(
                "; ".join(wrong[:5]), hint="Correct the rules, or what the tests expect."
            )


class TableVersions(VersionedDocuments[OrchestrationTableVersion]):
    """The versions of one table of one tenant, as CSV.

    Args:
        store: the shared database
        tenant: whose
        name: of the table

    Raises:
        ConfigurationError: no table can be called so
    """

    def __init__(self, store: Store, tenant: str, name: str) -> None:
        check_table_name(name)
        scope = {"tenant": tenant, "name": name}
        super().__init__(store, OrchestrationTableVersion, _TABLE, ACTIVE_TABLE, scope)
        self.tenant, self.name = tenant, name

    def version_name(self, number: int) -> str:
        """Return what the audit trail calls a version."""
        return f"{self.name} version {number}"

    def check_text(self, text: str) -> None:
        """Refuse what is no table.

        Raises:
            ConfigurationError: so it is; names the line
        """
        table_of(text, f"the table {self.name}")

    def admit(self, connection: Connection, text: str) -> None:
        """Refuse to remove a table that active rules enrich from, and more tables than are kept.

        Raises:
            ConfigurationError: so it is
        """
        names = table_names(connection, self.tenant)
        read = select(_CACHED.c.name).where(
            _CACHED.c.tenant == self.tenant, _CACHED.c.name == self.name
        )
        if text and connection.execute(read).first() is not None:
            raise ConfigurationError(
                f"the table {self.name} is read from a database",
                hint=f"Remove that first: sentinel orchestration table remove {self.name}",
            )
        if text and self.name not in names and len(names) >= MOST_TABLES:
            raise ConfigurationError(f"there are {len(names)} tables, which is the most")
        active = ACTIVE_ORCHESTRATION.of(connection, {"tenant": self.tenant})
        if not text and active is not None and self.name in active.tables:
            raise ConfigurationError(
                f"the active rules enrich from the table {self.name}",
                hint="Apply rules without it first.",
            )


def check_table_name(name: str) -> None:
    """Refuse a name that no table can have.

    Raises:
        ConfigurationError: it has other letters, or is too long
    """
    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"no table can be called {name[:60]!r}",
            hint="Write a small letter, then small letters, digits, - and _, at most 50.",
        )


def table_names(connection: Connection, tenant: str) -> set[str]:
    """Return the names of the tables that a tenant has, uploaded or read from a database.

    Args:
        connection: an open transaction
        tenant: whose

    Returns:
        The names.
    """
    query = select(_CACHED.c.name).where(_CACHED.c.tenant == tenant)
    return uploaded_names(connection, tenant) | set(connection.execute(query).scalars())


def uploaded_names(connection: Connection, tenant: str) -> set[str]:
    """Return the names of the tables that were uploaded.

    Args:
        connection: an open transaction
        tenant: whose

    Returns:
        Those whose newest version is not empty.
    """
    query = (
        select(_VERSION.c.name, _VERSION.c.document != "")
        .where(_VERSION.c.tenant == tenant)
        .order_by(_VERSION.c.number)
    )
    newest = {name: bool(there) for name, there in connection.execute(query)}
    return {name for name, there in newest.items() if there}
