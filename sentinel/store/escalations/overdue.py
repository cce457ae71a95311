"""What of escalations has been due for a while, and nobody has claimed."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, func, or_, select

from sentinel.schema.columns import Moment
from sentinel.store.escalations.leases import LEASE
from sentinel.store.escalations.pages import SENDABLE, WANTED
from sentinel.store.escalations.rows import ESCALATION, PAGE

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["due_since"]


def due_since(store: Store, before: datetime) -> int:
    """Return how many steps and pages have been due since a moment and nobody has claimed.

    Args:
        store: the shared database
        before: since when

    Returns:
        The number of both.
    """
    now = store.now()
    asked = {"before": before, "now": now, "lost": now - LEASE}
    with store.read() as connection:
        return sum(connection.execute(query, asked).scalar_one() for query in (_STEPS, _PAGES))


# Built once, since SQLAlchemy compiles a statement once for each object.
_BEFORE, _NOW = bindparam("before", type_=Moment()), bindparam("now", type_=Moment())
_STEPS = select(func.count()).where(
    ESCALATION.c.due_at.is_not(None),
    ESCALATION.c.due_at <= _BEFORE,
    or_(ESCALATION.c.claimed_until.is_(None), ESCALATION.c.claimed_until <= _NOW),
)
_PAGES = (
    select(func.count())
    .select_from(PAGE.join(ESCALATION, ESCALATION.c.id == PAGE.c.escalation_id))
    .where(SENDABLE, PAGE.c.at <= _BEFORE, PAGE.c.at <= _NOW)
    .where(WANTED)
)
