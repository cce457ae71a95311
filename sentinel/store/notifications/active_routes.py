"""The active routes, as every transaction reads them."""

from __future__ import annotations

from sqlalchemy import Connection

from sentinel.notifications.routing import RouteTree, compiled
from sentinel.schema.routes import RouteVersion
from sentinel.store.documents.active import ActiveDocument

__all__ = ["ACTIVE_ROUTES", "active_tree"]

ACTIVE_ROUTES = ActiveDocument(RouteVersion, compiled)


def active_tree(connection: Connection) -> RouteTree | None:
    """Return the active routes as an open transaction reads them; None for none.

    Args:
        connection: an open transaction

    Returns:
        The compiled tree.
    """
    return ACTIVE_ROUTES.of(connection)
