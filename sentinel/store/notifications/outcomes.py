"""Outcomes of notification decisions: one row when a channel is held back for another reason.

What was sent has a row of its own, its delivery. A decision that comes to the same reason as the
last one writes nothing, however often it is made.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select

from sentinel.notifications.decision import Decision
from sentinel.notifications.why import Outcome
from sentinel.schema.columns import new_id
from sentinel.schema.notifications import NotificationOutcome
from sentinel.store.database.tables import DELIVERY, table_of

__all__ = ["ADD_OUTCOME", "MOST_OUTCOMES", "held_outcome", "outcomes_of"]

OUTCOME = table_of(NotificationOutcome)
MOST_OUTCOMES = 200
"""So many of the newest outcomes of a group are read, of both kinds."""


def held_outcome(
    group_id: str, receiver: str, channel: str, decision: Decision, now: datetime
) -> dict[str, Any]:
    """Return the row which says that a channel is held back for another reason than before.

    Args:
        group_id: of the group
        receiver: name of the receiver; empty where there is none
        channel: of the receiver; empty where there is none
        decision: not to send
        now: the present moment

    Returns:
        The values of `ADD_OUTCOME`.
    """
    return {
        "id": new_id(), "group_id": group_id, "receiver": receiver, "channel": channel,
        "reason": str(decision.reason), "at": now, "next_at": decision.next_at,
    }  # fmt: skip


def outcomes_of(connection: Connection, group_id: str) -> list[Outcome]:
    """Return the newest outcomes of a group.

    Args:
        connection: an open transaction
        group_id: of the group

    Returns:
        At most `MOST_OUTCOMES`, oldest first.
    """
    held = connection.execute(_HELD, {"group": group_id}).all()
    tried = connection.execute(_TRIED, {"group": group_id}).all()
    found = [
        *(
            Outcome(at=row.at, receiver=row.receiver, channel=row.channel, state="held",
                    reason=row.reason, next_at=row.next_at)
            for row in held
        ),
        *(
            Outcome(at=row.started_at, receiver=row.receiver, channel=row.channel,
                    state=row.state, reason=row.reason, attempt=row.attempt, error=row.error,
                    answer=row.answer, latency_ms=row.latency_ms)
            for row in tried
        ),
    ]  # fmt: skip
    # At one moment, what was sent comes before what was decided after it.
    found.sort(key=lambda one: (one.at, one.state == "held"))
    return found[-MOST_OUTCOMES:]


# Built once, since SQLAlchemy compiles a statement once for each object.
ADD_OUTCOME = OUTCOME.insert()
"""Adds outcomes."""
_HELD = (
    select(OUTCOME)
    .where(OUTCOME.c.group_id == bindparam("group"))
    .order_by(OUTCOME.c.id.desc())
    .limit(MOST_OUTCOMES)
)
_TRIED = (
    select(DELIVERY)
    .where(DELIVERY.c.group_id == bindparam("group"))
    .order_by(DELIVERY.c.started_at.desc())
    .limit(MOST_OUTCOMES)
)
