"""Groups of which a member is still muted by something that is over.

Whoever ends what mutes makes the groups due that it has muted, except those that another
transaction holds at that moment. This is the net for those.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Integer, bindparam, exists, or_, select

from sentinel.notifications.reasons import Reason
from sentinel.schema.columns import Moment
from sentinel.store.database.tables import GROUP, MEMBER, SILENCE
from sentinel.store.notifications.inhibition import firing_source, make_due

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["decide_on_stale_mutes"]

_AT_ONCE = 500


def decide_on_stale_mutes(store: Store, now: datetime) -> int:
    """Make a decision due on groups of which a member is muted by what does not mute any more.

    Args:
        store: the shared database
        now: the moment at which the groups are due

    Returns:
        How many there are, at most 500; the caller requests the wake.
    """
    asked = {"now": now, "most": _AT_ONCE}
    with store.read() as connection:
        if connection.execute(_STALE, {**asked, "most": 1}).first() is None:
            return 0

    def work(connection: Connection) -> int:
        groups = connection.execute(_STALE, asked).scalars().all()
        make_due(connection, groups, now)
        return len(groups)

    return store.in_transaction(work)


# Built once, since SQLAlchemy compiles a statement once for each object.
_NOW = bindparam("now", type_=Moment())
_SILENCED = exists().where(
    SILENCE.c.id == MEMBER.c.muted_by, SILENCE.c.ended_at.is_(None), SILENCE.c.until > _NOW
)
_OVER = or_(
    (MEMBER.c.muted == str(Reason.INHIBITED)) & ~firing_source(MEMBER.c.muted_by),
    (MEMBER.c.muted == str(Reason.SILENCED)) & ~_SILENCED,
)
_STALE = (
    select(GROUP.c.id)
    .where(
        GROUP.c.suppressed > 0,
        GROUP.c.status != "resolved",
        or_(GROUP.c.due_at.is_(None), GROUP.c.due_at > _NOW),
        exists().where(
            MEMBER.c.group_id == GROUP.c.id,
            MEMBER.c.muted_by != "",
            MEMBER.c.resolved_seq.is_(None),
            MEMBER.c.muted_until > _NOW,
            _OVER,
        ),
    )
    .order_by(GROUP.c.id)
    .limit(bindparam("most", type_=Integer))
)
