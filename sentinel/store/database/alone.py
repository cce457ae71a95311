"""One change of what is configured at a time."""

from __future__ import annotations

from sqlalchemy import Connection, text

__all__ = ["alone"]

_LOCK = 0x5E471E3
"""Key of PostgreSQL's advisory lock: any number that never changes."""


def alone(connection: Connection) -> None:
    """Let transactions that change receivers or documents follow each other, as SQLite lets all."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
