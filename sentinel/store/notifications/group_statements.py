"""The statements that change groups, each built once: compiling costs more than the row."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, case, func, literal_column, select

from sentinel.store.database.among import among
from sentinel.store.database.tables import GROUP, MEMBER, NOTIFICATION_LOG

__all__ = ["ENDED_SEQ", "LIVE_BY_KEY", "LOCKED", "LOCKED_OF"]

LIVE_BY_KEY = select(GROUP.c.id, GROUP.c.key).where(
    literal_column("status") != literal_column("'resolved'"),
    among(GROUP.c.key, "keys"),
)
LOCKED = select(GROUP).where(among(GROUP.c.id, "ids")).order_by(GROUP.c.id).with_for_update()
# The groups in which alerts fire, found and locked by one statement, in the order of their ids.
LOCKED_OF: Select[Any] = (
    select(GROUP)
    .where(
        GROUP.c.id.in_(
            select(MEMBER.c.group_id).where(
                MEMBER.c.resolved_seq.is_(None),
                among(MEMBER.c.alert_id, "alerts"),
            )
        )
    )
    .order_by(GROUP.c.id)
    .with_for_update(of=GROUP)
)
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
