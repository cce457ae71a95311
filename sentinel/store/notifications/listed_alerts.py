"""The alerts that a message that was sent lists as firing, as they are now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Integer, bindparam, not_, select

from sentinel.schema.columns import Moment
from sentinel.store.database.tables import ALERT, MEMBER
from sentinel.store.notifications.queries import muted_after

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["listed_alerts"]


def listed_alerts(
    store: Store, group_id: str, seq: int, at: datetime, statuses: Sequence[str]
) -> Sequence[str]:
    """Return the alerts that a message listed as firing when it was sent, and that still fire.

    What was muted then is not among them. A mute that ends early keeps its end, so the latest end
    says whether an alert was muted: one that somebody muted since then is left out, too.

    Args:
        store: the shared database
        group_id: of the group that the message is about
        seq: the message's
        at: when it was composed
        statuses: only alerts that have one of these now

    Returns:
        Their ids.

    Raises:
        SQLAlchemyError: the database failed
    """
    asked = {"group": group_id, "seq": seq, "at": at, "statuses": statuses}
    with store.read() as connection:
        return list(connection.execute(_LISTED, asked).scalars())


_LISTED = (
    select(ALERT.c.id)
    .join(MEMBER, MEMBER.c.alert_id == ALERT.c.id)
    .where(
        MEMBER.c.group_id == bindparam("group"),
        MEMBER.c.resolved_seq.is_(None),
        MEMBER.c.fired_seq <= bindparam("seq", type_=Integer),
        not_(muted_after(bindparam("at", type_=Moment()))),
        ALERT.c.status.in_(bindparam("statuses", expanding=True)),
    )
    .order_by(ALERT.c.id)
)
