"""The statements that change groups, each built once: compiling costs more than the row."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, literal_column, select

from sentinel.store.database.among import among
from sentinel.store.database.tables import GROUP, MEMBER

__all__ = ["FIRES_AGAIN", "LIVE_BY_KEY", "LOCKED", "LOCKED_OF"]

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
FIRES_AGAIN = """
    fired_seq = excluded.fired_seq, resolved_seq = NULL, quiet = FALSE, ended_seq = CASE
    WHEN group_member.fired_seq <= (
        SELECT max(heard.notified_seq) FROM notification_log AS heard
        WHERE heard.group_id = group_member.group_id AND heard.notified_at IS NOT NULL
    ) THEN group_member.resolved_seq ELSE group_member.ended_seq END
"""
"""What becomes of a member that fires again.

Where a channel was notified while it fired, the end of that is what the channel has not heard yet.
"""
