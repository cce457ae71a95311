"""The statements that change groups, each built once: compiling costs more than the row."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BindParameter, bindparam, case, func, literal_column, select

from sentinel.store.database.tables import GROUP, MEMBER, NOTIFICATION_LOG

__all__ = ["ENDED_SEQ", "LIVE_BY_KEY", "LOCKED"]

LIVE_BY_KEY = select(GROUP.c.id, GROUP.c.key).where(
    literal_column("status") != literal_column("'resolved'"),
    GROUP.c.key.in_(bindparam("keys", expanding=True)),
)
_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
LOCKED = select(GROUP).where(GROUP.c.id.in_(_IDS)).order_by(GROUP.c.id).with_for_update()
# Where a channel was notified while the member fired, the end of that is what it has not heard yet.
# The outer row is named in words: within DO UPDATE, SQLAlchemy adds MEMBER to the FROM instead.
ENDED_SEQ = case(
    (
        MEMBER.c.fired_seq
        <= select(func.max(NOTIFICATION_LOG.c.notified_seq))
        .where(NOTIFICATION_LOG.c.group_id == literal_column("group_member.group_id"))
        .where(NOTIFICATION_LOG.c.notified_at.is_not(None))
        .scalar_subquery(),
        MEMBER.c.resolved_seq,
    ),
    else_=MEMBER.c.ended_seq,
)
