"""Who calls whom, as traces and flow runs showed it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, select

from sentinel.schema.services import ServiceEdgeRow
from sentinel.services.graph import Edge, Source
from sentinel.store.database.alone import alone
from sentinel.store.database.chunks import chunks
from sentinel.store.database.insert import insert_into
from sentinel.store.database.tables import table_of

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["KEPT_FOR", "MOST_EDGES", "forget_edges", "observe", "observed_edges"]

_EDGE = table_of(ServiceEdgeRow)
KEPT_FOR = timedelta(days=30)
"""A dependency that was not seen for so long is deleted."""
MOST_EDGES = 10_000
"""Observed dependencies that are kept of a tenant, beside those of its last look: spans may name
ever new services, and whoever asks who calls whom reads all of them."""
_LONGEST = 200
_MOST = 1_000
"""Observed dependencies of one look."""


def observe(store: Store, tenant: str, calls: Mapping[tuple[str, str], int], source: Source) -> int:
    """Keep dependencies that were seen just now.

    Args:
        store: the shared database
        tenant: whose
        calls: of callers to callees; of more than 1,000 those with most calls are kept, and of a
            tenant the 10,000 that were seen last
        source: where they were seen

    Returns:
        How many were kept.
    """
    now = store.now()
    most = sorted(calls.items(), key=lambda one: (-one[1], one[0]))[:_MOST]
    rows: list[dict[str, Any]] = [
        {"tenant": tenant, "caller": caller, "callee": callee, "source": source,
         "calls": min(count, 2**31 - 1), "first_seen": now, "last_seen": now}
        for (caller, callee), count in sorted(most)
        if caller and callee and max(len(caller), len(callee)) <= _LONGEST
        and "\0" not in caller + callee
    ]  # fmt: skip
    insert = insert_into(store.dialect, _EDGE)
    statement = insert.on_conflict_do_update(
        index_elements=["tenant", "caller", "callee", "source"],
        set_={"calls": insert.excluded.calls, "last_seen": insert.excluded.last_seen},
    )

    def work(connection: Connection) -> int:
        alone(connection)
        for some in chunks(rows):
            connection.execute(statement, some)
        seen = select(_EDGE.c.last_seen).where(_EDGE.c.tenant == tenant)
        last = seen.order_by(_EDGE.c.last_seen.desc()).offset(MOST_EDGES - 1).limit(1)
        oldest = connection.execute(last).scalar()
        if oldest is not None:
            old = (_EDGE.c.tenant == tenant, _EDGE.c.last_seen < oldest)
            connection.execute(_EDGE.delete().where(*old))
        return len(rows)

    return store.in_transaction(work)


def observed_edges(connection: Connection, tenant: str) -> list[Edge]:
    """Return the dependencies that were seen of a tenant, in no order."""
    rows = connection.execute(select(_EDGE).where(_EDGE.c.tenant == tenant))
    return [
        Edge(caller=row.caller, callee=row.callee, source=row.source, calls=row.calls,
             last_seen=row.last_seen)
        for row in rows
    ]  # fmt: skip


def forget_edges(store: Store) -> int:
    """Delete dependencies that were not seen for 30 days, and return how many."""
    old = _EDGE.c.last_seen < store.now() - KEPT_FOR
    return store.in_transaction(
        lambda connection: connection.execute(_EDGE.delete().where(old)).rowcount
    )
