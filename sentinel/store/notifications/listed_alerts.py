"""The alerts that a message that was sent lists as firing, as they are now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlalchemy import Integer, bindparam, select

from sentinel.store.database.tables import ALERT, MEMBER

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["listed_alerts"]


def listed_alerts(store: Store, group_id: str, seq: int, statuses: Sequence[str]) -> Sequence[str]:
    """Return the alerts that fired when a message was sent, and still fire.

    Args:
        store: the shared database
        group_id: of the group that the message is about
        seq: the message's
        statuses: only alerts that have one of these now

    Returns:
        Their ids.

    Raises:
        SQLAlchemyError: the database failed
    """
    asked = {"group": group_id, "seq": seq, "statuses": statuses}
    with store.read() as connection:
        return list(connection.execute(_LISTED, asked).scalars())


_LISTED = (
    select(ALERT.c.id)
    .join(MEMBER, MEMBER.c.alert_id == ALERT.c.id)
    .where(
        MEMBER.c.group_id == bindparam("group"),
        MEMBER.c.resolved_seq.is_(None),
        MEMBER.c.fired_seq <= bindparam("seq", type_=Integer),
        ALERT.c.status.in_(bindparam("statuses", expanding=True)),
    )
    .order_by(ALERT.c.id)
)
