"""Tables that are read from other databases: which, when they are due, and the rows read last.

Alerts that come in only read the rows that are kept here, so that another database which is slow or
away holds up no alert. The rows are used until they are `usable` old; then rules that ask for the
table leave the alert as it is and say so in its record.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import ColumnElement, Connection, delete, select, update

from sentinel.audit.change import Change
from sentinel.errors import ConfigurationError, Conflict, NotFound
from sentinel.schema.orchestration import OrchestrationTable
from sentinel.store.database.alone import alone
from sentinel.store.database.insert import insert_into
from sentinel.store.database.tables import model_of, table_of
from sentinel.store.orchestration.active import ACTIVE_ORCHESTRATION
from sentinel.store.orchestration.documents import (
    MOST_TABLES,
    check_table_name,
    table_names,
    uploaded_names,
)

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = [
    "TableQuery", "cached_tables", "due_tables", "keep_rows", "keep_trouble", "remove_query",
    "set_query",
]  # fmt: skip

_TABLE = table_of(OrchestrationTable)
_EVERY = timedelta(seconds=30), timedelta(days=1)
_USABLE = timedelta(minutes=1), timedelta(days=30)
_MOST_QUERY = 10_000
_MOST_ERROR = 1000


class TableQuery(msgspec.Struct, frozen=True, kw_only=True):
    """How a table is read.

    Attributes:
        block: of prefect-sqlalchemy: `sqlalchemy-connector/NAME` or `database-credentials/NAME`
        query: one statement that reads; its columns are the table's
        every: it is read again after this
        usable: its rows are used so long after they were read, also while the database is away
    """

    block: str
    query: str
    every: timedelta = timedelta(minutes=10)
    usable: timedelta = timedelta(days=1)


def set_query(store: Store, tenant: str, name: str, asked: TableQuery, *, actor: str) -> None:
    """Have a table read from another database.

    Of a table that is read already, the rows that were read last stay until it is read again, so
    that nothing that comes in meanwhile opens without them.

    Args:
        store: the shared database
        tenant: whose
        name: of the table
        asked: how it is read
        actor: who says so

    Raises:
        ConfigurationError: a length is out of bounds, or a name is none
        Conflict: a table of that name was uploaded
    """
    check_table_name(name)
    kind, _, block = asked.block.partition("/")
    if kind not in ("sqlalchemy-connector", "database-credentials") or not block:
        raise ConfigurationError(
            "the block is none of prefect-sqlalchemy",
            hint="Write sqlalchemy-connector/NAME or database-credentials/NAME.",
        )
    if not asked.query.strip() or len(asked.query) > _MOST_QUERY or "\0" in asked.query:
        raise ConfigurationError(f"the query is empty, or longer than {_MOST_QUERY:,} characters")
    for what, length, (least, most) in (
        ("every", asked.every, _EVERY), ("usable", asked.usable, _USABLE)
    ):  # fmt: skip
        if not least <= length <= most:
            raise ConfigurationError(f"{what}: must be from {least} to {most}")
    if asked.usable < asked.every:
        raise ConfigurationError("usable: must be at least every, or the table is never used")
    now = store.now()
    row = {
        "tenant": tenant, "name": name, "block": asked.block, "query": asked.query,
        "every": int(asked.every.total_seconds()), "usable": int(asked.usable.total_seconds()),
        "saved_by": actor, "saved_at": now, "rows": "", "digest": "", "read_at": None,
        "due_at": now, "error": "",
    }  # fmt: skip

    def work(connection: Connection) -> None:
        alone(connection)
        if name in uploaded_names(connection, tenant):
            raise Conflict(
                f"the table {name} was uploaded",
                hint=f"Remove it first: sentinel orchestration table rollback {name} 0",
            )
        known = table_names(connection, tenant)
        if name not in known and len(known) >= MOST_TABLES:
            raise ConfigurationError(f"there are {len(known)} tables, which is the most")
        before = connection.execute(select(_TABLE).where(*_one(tenant, name))).first()
        first = insert_into(store.dialect, _TABLE).values(row)
        # What was read before is used until the new query has answered.
        stays = ("tenant", "name", "rows", "digest", "read_at")
        moved = {column: value for column, value in row.items() if column not in stays}
        connection.execute(
            first.on_conflict_do_update(index_elements=["tenant", "name"], set_=moved)
        )
        shown = ("block", "query", "every", "usable")
        change = Change(
            action="orchestration_table.queried", object_kind="orchestration_table",
            object_id=name, object_name=name, tenant=tenant,
            before=None if before is None else {one: getattr(before, one) for one in shown},
            after={one: row[one] for one in shown},
        )  # fmt: skip
        store.audit.add(connection, change, actor=actor)

    store.in_transaction(work)


def remove_query(store: Store, tenant: str, name: str, *, actor: str) -> None:
    """Have a table read no longer, and forget its rows.

    Args:
        store: the shared database
        tenant: whose
        name: of the table
        actor: who says so

    Raises:
        NotFound: no such table is read
        ConfigurationError: the active rules enrich from it
    """

    def work(connection: Connection) -> None:
        alone(connection)
        active = ACTIVE_ORCHESTRATION.of(connection, {"tenant": tenant})
        if active is not None and name in active.tables:
            raise ConfigurationError(
                f"the active rules enrich from the table {name}",
                hint="Apply rules without it first.",
            )
        if not connection.execute(delete(_TABLE).where(*_one(tenant, name))).rowcount:
            raise NotFound(f"no table {name[:60]!r} is read from a database")
        change = Change(
            action="orchestration_table.removed", object_kind="orchestration_table",
            object_id=name, object_name=name, tenant=tenant,
        )  # fmt: skip
        store.audit.add(connection, change, actor=actor)

    store.in_transaction(work)


def cached_tables(store: Store, tenant: str) -> list[OrchestrationTable]:
    """Return the tables of a tenant that are read from other databases, without their rows.

    Args:
        store: the shared database
        tenant: whose

    Returns:
        By name.
    """
    query = select(*_WITHOUT_ROWS).where(_TABLE.c.tenant == tenant).order_by(_TABLE.c.name)
    with store.read() as connection:
        return [model_of(OrchestrationTable, row) for row in connection.execute(query)]


def due_tables(store: Store, now: datetime) -> Sequence[OrchestrationTable]:
    """Return the tables that are to be read now, of all tenants, the first due first."""
    query = select(*_WITHOUT_ROWS).where(_TABLE.c.due_at <= now).order_by(_TABLE.c.due_at)
    with store.read() as connection:
        return [model_of(OrchestrationTable, row) for row in connection.execute(query.limit(100))]


def keep_rows(store: Store, table: OrchestrationTable, text: str, now: datetime) -> None:
    """Keep what a database answered.

    Args:
        store: the shared database
        table: as it was when it was asked; one that was changed meanwhile takes nothing
        text: CSV
        now: when it was asked
    """
    digest = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    _keep(store, table, now, rows=text, digest=digest, read_at=now, error="")


def keep_trouble(store: Store, table: OrchestrationTable, error: str, now: datetime) -> None:
    """Note that a database did not answer; the rows that were read before stay.

    Args:
        store: the shared database
        table: as it was when it was asked
        error: why
        now: when it was asked
    """
    _keep(store, table, now, error=error[:_MOST_ERROR])


def _keep(store: Store, table: OrchestrationTable, now: datetime, **values: object) -> None:
    due = now + timedelta(seconds=table.every)
    query = (
        update(_TABLE)
        .where(*_one(table.tenant, table.name), _TABLE.c.saved_at == table.saved_at)
        .values(due_at=due, **values)
    )
    with store.write() as connection:
        connection.execute(query)


def _one(tenant: str, name: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return _TABLE.c.tenant == tenant, _TABLE.c.name == name


_WITHOUT_ROWS = [one for one in _TABLE.c if one.name != "rows"]
