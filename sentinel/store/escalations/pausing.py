"""Pages of an escalation that was paused wait for as long as that lasted."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, and_, select

from sentinel.store.escalations.leases import WAITS
from sentinel.store.escalations.rows import PAGE

__all__ = ["put_back"]


def put_back(
    connection: Connection, escalation_id: str, since: datetime, now: datetime
) -> list[datetime]:
    """Move the messages of an escalation that was paused by as long as that lasted.

    What quiet hours put off to a moment still ahead stays there.

    Args:
        connection: the caller's open transaction
        escalation_id: whose
        since: when it was paused
        now: the present moment

    Returns:
        When they are sent now.
    """
    found: list[datetime] = []
    waiting = and_(PAGE.c.escalation_id == escalation_id, PAGE.c.state.in_(WAITS))
    for row in connection.execute(select(PAGE.c.id, PAGE.c.at, PAGE.c.state).where(waiting)).all():
        if row.state == "put_off" and row.at > now:
            found.append(row.at)
            continue
        at = row.at + (now - since)
        connection.execute(PAGE.update().where(PAGE.c.id == row.id).values(at=at, planned_at=at))
        found.append(at)
    return found
