"""What came in and which tables there are, as lists; and a draft checked against them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import select

from sentinel.errors import ConfigurationError
from sentinel.orchestration.document import OrchestrationDocument, read_orchestration
from sentinel.orchestration.trial import checked
from sentinel.schema.orchestration import OrchestrationTableVersion
from sentinel.store.alerts.posted_batches import micros_of
from sentinel.store.database.tables import table_of
from sentinel.store.orchestration.active import (
    ACTIVE_ORCHESTRATION,
    ACTIVE_TABLE,
    INCOMING,
    tables_in,
)
from sentinel.store.orchestration.documents import table_names, uploaded_names

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["CURSOR_PATTERN", "TableView", "checked_draft", "incoming_page", "tables_of"]

CURSOR_PATTERN = "^[0-9]{1,16}\\.[0-9a-f]{32}$"
_CURSOR = re.compile(CURSOR_PATTERN)
_VERSION = table_of(OrchestrationTableVersion)


class TableView(msgspec.Struct, frozen=True, kw_only=True):
    """A table that rules may enrich from; `used` by the active ones."""

    name: str
    version: int
    columns: list[str]
    rows: int
    digest: str
    applied_by: str
    applied_at: datetime
    used: bool


def checked_draft(store: Store, tenant: str, text: str) -> tuple[OrchestrationDocument, list[str]]:
    """Check a draft and run its tests.

    Args:
        store: the shared database
        tenant: whose tables
        text: YAML

    Returns:
        The document, and the tables that it needs and that there are not.

    Raises:
        ConfigurationError: it cannot be used, or a test in it fails
    """
    names = read_orchestration(text).tables
    with store.read() as connection:
        known = table_names(connection, tenant)
        tables, _ = tables_in(connection, tenant, names, store.now())
        return checked(text, tables), sorted(names - known)


def tables_of(store: Store, tenant: str) -> list[TableView]:
    """Return the tables of a tenant by name.

    Args:
        store: the shared database
        tenant: whose

    Returns:
        Their active versions.
    """
    found: list[TableView] = []
    with store.read() as connection:
        rules = ACTIVE_ORCHESTRATION.of(connection, {"tenant": tenant})
        used: set[str] = set() if rules is None else rules.tables
        for name in sorted(uploaded_names(connection, tenant)):
            scope = {"tenant": tenant, "name": name}
            table = ACTIVE_TABLE.of(connection, scope)
            query = (
                select(_VERSION)
                .where(_VERSION.c.tenant == tenant, _VERSION.c.name == name)
                .order_by(_VERSION.c.number.desc())
            )
            row = connection.execute(query.limit(1)).one()
            found.append(
                TableView(
                    name=name, version=row.number, digest=row.digest, applied_by=row.applied_by,
                    columns=[] if table is None else list(table.columns),
                    rows=0 if table is None else len(table.rows),
                    applied_at=row.applied_at, used=name in used,
                )
            )  # fmt: skip
    return found


def incoming_page(
    store: Store, tenant: str, state: str | None, limit: int, cursor: str | None
) -> tuple[list[dict[str, Any]], str | None]:
    """Return alerts that came in, the newest first.

    Args:
        store: the shared database
        tenant: whose
        state: only these; None for all
        limit: so many
        cursor: of the page before; None for the first

    Returns:
        Rows by column, and the cursor of the next page.

    Raises:
        ConfigurationError: the cursor is none of ours
    """
    at, source = INCOMING.c.last_seen, INCOMING.c.source
    query = select(INCOMING).where(INCOMING.c.tenant == tenant)
    if state is not None:
        query = query.where(INCOMING.c.state == state)
    if cursor is not None:
        moment, last = _cursor(cursor)
        query = query.where((at < moment) | ((at == moment) & (source > last)))
    with store.read() as connection:
        rows = connection.execute(query.order_by(at.desc(), source).limit(limit + 1)).mappings()
        found = [dict(row) for row in rows]
    if len(found) <= limit:
        return found, None
    last_row = found[limit - 1]
    return found[:limit], f"{micros_of(last_row['last_seen'])}.{last_row['source']}"


def _cursor(given: str) -> tuple[datetime, str]:
    if not _CURSOR.fullmatch(given):
        raise ConfigurationError(f"the cursor {given[:60]!r} is none of ours")
    micros, _, source = given.partition(".")
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(micros)), source
