"""The active routes, as every transaction reads them."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from sentinel.notifications.routing import RouteTree, compiled
from sentinel.schema.routes import RouteVersion
from sentinel.store.database.tables import table_of

__all__ = ["ACTIVE", "ROUTE", "active_tree"]

ROUTE = table_of(RouteVersion)


def active_tree(connection: Connection) -> RouteTree | None:
    """Return the active routes as an open transaction reads them; None for none.

    The document itself is read only where this process has not compiled it yet.

    Args:
        connection: an open transaction

    Returns:
        The compiled tree.
    """
    row = connection.execute(ACTIVE).first()
    if row is None or not row.length:
        return None
    known = _TREES.get(row.digest)
    if known is None:
        query = select(ROUTE.c.document).where(ROUTE.c.number == row.number)
        known = compiled(connection.execute(query).scalar_one())
        if len(_TREES) >= _MOST_TREES:
            _TREES.clear()
        _TREES[row.digest] = known
    return known


# Built once, since SQLAlchemy compiles a statement once for each object.
ACTIVE = (
    select(ROUTE.c.number, ROUTE.c.digest, func.length(ROUTE.c.document).label("length"))
    .order_by(ROUTE.c.number.desc())
    .limit(1)
)
_TREES: dict[str, RouteTree] = {}
"""Compiled trees by the digest of their document, of all databases of this process."""
_MOST_TREES = 8
