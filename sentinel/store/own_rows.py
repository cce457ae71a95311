"""What belongs to a person alone: saved views and dashboards of their own."""

from __future__ import annotations

from sqlalchemy import Connection, or_

from sentinel.access.principal import owner_named
from sentinel.schema.custom_dashboards import CustomDashboard
from sentinel.schema.saved_views import SavedView
from sentinel.store.database.tables import table_of

__all__ = ["delete_own_rows"]

_OWNED = (table_of(CustomDashboard), table_of(SavedView))


def delete_own_rows(connection: Connection, name: str) -> None:
    """Delete a person's own rows, so that the next account of that name does not find them.

    Args:
        connection: an open writing transaction
        name: of the person
    """
    for table in _OWNED:
        owner = table.c.owner
        # Earlier versions kept what a key saved for a person under `maria via bot`.
        by_key = owner.startswith(f"{name} via ", autoescape=True)
        connection.execute(table.delete().where(or_(owner == owner_named(name), by_key)))
