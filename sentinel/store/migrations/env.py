"""How Alembic runs here: on the connection it is handed, inside its transaction."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from sqlmodel import SQLModel

from sentinel.schema import Moment


def render_item(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Write our own column type by its short name."""
    if kind == "type" and isinstance(item, Moment):
        return "Moment()"
    return False


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=SQLModel.metadata,
    transactional_ddl=True,
    compare_type=True,
    render_item=render_item,
)
context.run_migrations()
