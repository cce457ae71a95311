"""INSERT with ON CONFLICT, which SQLAlchemy gives to each dialect by itself."""

from __future__ import annotations

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite

__all__ = ["insert_into"]


def insert_into(dialect: str, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Return an INSERT that knows `on_conflict_do_nothing` and `on_conflict_do_update`.

    Args:
        dialect: `sqlite` or `postgresql`, as `Store.dialect` says it
        table: where the rows go

    Returns:
        The statement, without values.

    Raises:
        ValueError: `dialect` is neither.
    """
    if dialect == "sqlite":
        return sqlite.insert(table)
    if dialect == "postgresql":
        return postgresql.insert(table)
    raise ValueError(f"dialect must be sqlite or postgresql, got {dialect!r}")
