"""Pages that an acknowledgement or an end dropped, once that is taken back."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, Integer, bindparam, select

from sentinel.schema.columns import Moment
from sentinel.store.escalations.rows import PAGE

__all__ = ["put_back_dropped"]


def put_back_dropped(
    connection: Connection, escalation_id: str, level: int, since: datetime | None, now: datetime
) -> list[datetime]:
    """Put back the pages of the last step that were dropped, each with what was left of its wait.

    Args:
        connection: the caller's open transaction, in which the escalation is locked
        escalation_id: of the escalation
        level: how many steps are done
        since: the moment of what is taken back; None for whatever dropped them
        now: the present moment

    Returns:
        When they are sent now.
    """
    found: list[datetime] = []
    asked = {"escalation": escalation_id, "level": level}
    for row in connection.execute(_DROPPED, asked).all():
        if since is not None and row.answered_at < since:
            continue  # of an earlier round
        at = row.at + (now - row.answered_at)
        connection.execute(_PUT_BACK, {"page": row.id, "moment": at})
        found.append(at)
    return found


# Built once, since SQLAlchemy compiles a statement once for each object.
_DROPPED = (
    select(PAGE.c.id, PAGE.c.at, PAGE.c.answered_at)
    .where(PAGE.c.escalation_id == bindparam("escalation"))
    .where(PAGE.c.level == bindparam("level", type_=Integer), PAGE.c.kind == "page")
    .where(PAGE.c.state == "dropped", PAGE.c.answered_at.is_not(None))
    .order_by(PAGE.c.id)
)
_MOMENT = bindparam("moment", type_=Moment())
_PUT_BACK = (
    PAGE.update()
    .where(PAGE.c.id == bindparam("page"))
    .values(state="pending", at=_MOMENT, planned_at=_MOMENT, answered_at=None)
)
