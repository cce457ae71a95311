"""What a message to one channel names: its alerts, and the acknowledgements that became void."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BindParameter,
    Connection,
    Integer,
    String,
    and_,
    bindparam,
    case,
    not_,
    or_,
    select,
)

from sentinel.alerts.reasons import Reason
from sentinel.notifications.decision import Notified
from sentinel.notifications.message import Named, message_alert
from sentinel.schema.columns import Moment
from sentinel.store.database.tables import ALERT, MEMBER, TIMELINE
from sentinel.store.notifications.known_members import channel_mark, over_since, unheard_of
from sentinel.store.notifications.queries import muted_after

__all__ = ["named_alerts", "void_acknowledgements"]


def named_alerts(
    connection: Connection, group_id: str, channel: str, last: Notified, now: datetime,
    dashboard: str,
) -> Named:  # fmt: skip
    """Return the alerts of both sides of a message.

    Args:
        connection: the claim's transaction
        group_id: of the group
        channel: its reference
        last: the channel's last notification
        now: the present moment
        dashboard: address of the dashboard, for links

    Returns:
        The highest severity first, and of one severity those that are new to the channel.
    """
    named = Named()
    heard = 0 if last.at is None else last.seq
    asked = {"group": group_id, "seq": last.seq, "heard": heard, "mark": channel_mark(channel)}
    rows = connection.execute(_NAMED, {**asked, "now": now})
    for row in rows:
        side = named.firing if row.fires else named.resolved
        side.append(message_alert(row, dashboard, new=bool(row.fires and row.is_new)))
    return named


def void_acknowledgements(connection: Connection, group_id: str, last: Notified) -> list[str]:
    """Return who had acknowledged alerts before a higher severity made that void.

    Args:
        connection: the claim's transaction
        group_id: of the group
        last: the channel's last notification

    Returns:
        At most three since that notification, each as `by ann: on it`.
    """
    if last.at is None:
        return []
    return list(connection.execute(_VOID, {"group": group_id, "since": last.at}).scalars())


_MARK: BindParameter[Any] = bindparam("mark", type_=String)
_SEQ: BindParameter[Any] = bindparam("seq", type_=Integer)
_NEW = or_(MEMBER.c.fired_seq > _SEQ, unheard_of(_SEQ, _MARK))
_NAMED = (
    select(
        ALERT,
        MEMBER.c.resolved_seq.is_(None).label("fires"),
        _NEW.label("is_new"),
    )
    .join(MEMBER, MEMBER.c.alert_id == ALERT.c.id)
    .where(
        MEMBER.c.group_id == bindparam("group"),
        or_(
            and_(
                MEMBER.c.resolved_seq.is_(None), not_(muted_after(bindparam("now", type_=Moment())))
            ),
            over_since(bindparam("heard", type_=Integer), _MARK),
        ),
    )
    .order_by(
        ALERT.c.severity.desc(),
        case((_NEW, 0), else_=1),
        ALERT.c.opened_at,
        ALERT.c.id,
    )
)
# `heard` is `seq`, or 0 for a channel that was never notified and was added at `seq`.
_VOID = (
    select(TIMELINE.c.comment)
    .join(MEMBER, MEMBER.c.alert_id == TIMELINE.c.alert_id)
    .where(MEMBER.c.group_id == bindparam("group"), MEMBER.c.resolved_seq.is_(None))
    .where(TIMELINE.c.reason == str(Reason.ACKNOWLEDGEMENT_VOID))
    .where(TIMELINE.c.at >= bindparam("since", type_=Moment()))
    .order_by(TIMELINE.c.id)
    .limit(3)
)
