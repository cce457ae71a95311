"""What decides on the alerts of a tenant that come in, as every transaction reads it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import blake2b

import msgspec
from sqlalchemy import BindParameter, Connection, bindparam, exists, func, select

from sentinel.orchestration.decision import Orchestration, Tables, orchestration_of
from sentinel.orchestration.tables import Table, table_of
from sentinel.schema.orchestration import (
    IncomingAlert,
    OrchestrationShadow,
    OrchestrationTable,
    OrchestrationTableVersion,
    OrchestrationVersion,
)
from sentinel.store.database.tables import table_of as core_table
from sentinel.store.documents.active import ActiveDocument

__all__ = [
    "ACTIVE_ORCHESTRATION", "ACTIVE_TABLE", "INCOMING", "Active", "active_of", "tables_in",
]  # fmt: skip

ACTIVE_ORCHESTRATION = ActiveDocument(OrchestrationVersion, orchestration_of, ("tenant",))
ACTIVE_TABLE = ActiveDocument(OrchestrationTableVersion, table_of, ("tenant", "name"))
INCOMING = core_table(IncomingAlert)
_VERSION, _SHADOW = core_table(OrchestrationVersion), core_table(OrchestrationShadow)
_CACHED = core_table(OrchestrationTable)
_MOST_TABLES = 64
_read: dict[str, Table] = {}
"""Tables of other databases by the digest of their rows, which a process reads once."""


class Active(msgspec.Struct, frozen=True):
    """What decides.

    Attributes:
        number: of the active version; 0 for none
        rules: of it; None for none
        tables: finds what they enrich from
        salt: changes with whatever may change a decision
    """

    number: int
    rules: Orchestration | None
    tables: Tables
    salt: str


def active_of(connection: Connection, tenant: str, now: datetime) -> Active | None:
    """Return what decides on the alerts of a tenant.

    Args:
        connection: an open transaction
        tenant: whose
        now: the present moment

    Returns:
        Its rules and tables; None where there is no version, no shadow, and nothing that an earlier
        version decided on.
    """
    row = connection.execute(_FACTS, {"tenant": tenant}).one()
    if not row.length and not row.shadow and not row.came:
        return None
    scope = {"tenant": tenant}
    found = ACTIVE_ORCHESTRATION.row(connection, scope) if row.length else None
    if found is None or not found.length:
        return Active(0, None, lambda _: None, "")
    rules = ACTIVE_ORCHESTRATION.read(connection, found, scope)
    tables, digests = tables_in(connection, tenant, rules.tables, now)
    salt = blake2b(
        repr((found.number, found.digest, sorted(digests.items()))).encode(), digest_size=8
    ).hexdigest()
    return Active(found.number, rules, tables, salt)


def tables_in(
    connection: Connection, tenant: str, names: set[str], now: datetime
) -> tuple[Tables, dict[str, str]]:
    """Return the tables that rules ask for.

    Args:
        connection: an open transaction
        tenant: whose
        names: of the tables
        now: the present moment

    Returns:
        What finds a table by its name, and the digest of each that may be used now.
    """
    readers: dict[str, Callable[[], Table]] = {}
    digests: dict[str, str] = {}
    for name in sorted(names):
        scope = {"tenant": tenant, "name": name}
        row = ACTIVE_TABLE.row(connection, scope)
        if row is not None and row.length:
            table = ACTIVE_TABLE.read(connection, row, scope)
            digests[name], readers[name] = row.digest, lambda table=table: table
            continue
        cached = connection.execute(_OF_CACHE, scope).first()
        if cached is None or cached.read_at is None:
            continue
        if now < cached.read_at + timedelta(seconds=cached.usable):
            table, digests[name] = _cached(connection, cached.digest, scope)
            readers[name] = lambda table=table: table
    return lambda name: readers[name]() if name in readers else None, digests


def _cached(connection: Connection, digest: str, scope: dict[str, str]) -> tuple[Table, str]:
    known = _read.get(digest)
    if known is None:
        # Meanwhile other rows may have been read: they come with their own digest.
        row = connection.execute(_ROWS, scope).one()
        known, digest = table_of(row.rows), row.digest
        while len(_read) >= _MOST_TABLES:
            _read.pop(next(iter(_read)), None)
        _read[digest] = known
    return known, digest


_TENANT: BindParameter[str] = bindparam("tenant")
# Built once, since SQLAlchemy compiles a statement once for each object.
_LENGTH = (
    select(func.length(_VERSION.c.document))
    .where(_VERSION.c.tenant == _TENANT)
    .order_by(_VERSION.c.number.desc())
    .limit(1)
    .scalar_subquery()
)
_FACTS = select(
    _LENGTH.label("length"),
    exists().where(_SHADOW.c.tenant == _TENANT, _SHADOW.c.stopped_at.is_(None)).label("shadow"),
    exists().where(INCOMING.c.tenant == _TENANT).label("came"),
)
_OF_ONE = (_CACHED.c.tenant == _TENANT, _CACHED.c.name == bindparam("name"))
_OF_CACHE = select(_CACHED.c.digest, _CACHED.c.read_at, _CACHED.c.usable).where(*_OF_ONE)
_ROWS = select(_CACHED.c.rows, _CACHED.c.digest).where(*_OF_ONE)
