"""When a group or an alert changes next by time alone, as a replay asks that has no Prefect."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, func, select

from sentinel.schema.columns import Moment
from sentinel.store.database.tables import ALERT, GROUP, NOT_RESOLVED

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["next_deadlines"]

# Made once: a replay asks this after each evaluation.
_NEXT = select(
    select(func.min(GROUP.c.due_at))
    .where(GROUP.c.due_at.is_not(None))
    .scalar_subquery()
    .label("due"),
    select(func.min(ALERT.c.expires_at))
    .where(NOT_RESOLVED, ALERT.c.expires_at.is_not(None))
    .where(ALERT.c.expires_at > bindparam("expired", type_=Moment()))
    .scalar_subquery()
    .label("ends"),
)


def next_deadlines(
    store: Store, expired: datetime | None
) -> tuple[datetime | None, datetime | None]:
    """Return when the next group is due, and when the next alert expires.

    Args:
        store: the database
        expired: alerts that expire then or before are not asked for again

    Returns:
        Both moments; None where there is none.
    """
    with store.read() as connection:
        row = connection.execute(_NEXT, {"expired": expired}).one()
    return row.due, row.ends
