"""What telling asks of the database, for every group that is due.

Each is made once: SQLAlchemy works out how a statement is said once for each object, and that costs
more than what the database does with it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Integer,
    Select,
    and_,
    bindparam,
    case,
    false,
    func,
    or_,
    select,
)

from sentinel.schema.columns import Moment
from sentinel.store.database.tables import ALERT, GROUP, MEMBER, NOTIFICATION_LOG
from sentinel.store.notifications.deliveries import DELIVERY

__all__ = ["BURIED", "DUE", "TOLD", "due", "known_before", "seen_by"]


def due(before: Any, now: Any) -> tuple[Any, ...]:
    """The condition that picks groups due since `before` that nobody has claimed."""
    return (
        GROUP.c.due_at.is_not(None),
        GROUP.c.due_at <= before,
        or_(GROUP.c.claimed_until.is_(None), GROUP.c.claimed_until <= now),
    )


DUE = (
    select(GROUP)
    .where(*due(bindparam("before"), bindparam("now")))
    .order_by(GROUP.c.severity.desc(), GROUP.c.due_at, GROUP.c.id)
    .limit(bindparam("most", type_=Integer))
    .with_for_update(skip_locked=True)
)
TOLD = select(NOTIFICATION_LOG).where(NOTIFICATION_LOG.c.group_id == bindparam("group"))
BURIED = (
    DELIVERY.update()
    .where(DELIVERY.c.group_id == bindparam("group"), DELIVERY.c.state == "sending")
    .values(state="failed", error="its sender died")
)


@lru_cache
def seen_by(*, was_told: bool, fires: bool) -> Select[Any]:
    """A group in relation to what a channel was told, for parameters group, seq, now and told_at.

    Made once of each kind, as SQLAlchemy works out how a statement is said once for each.

    Args:
        was_told: whether the channel ever was; else there is no told_at
        fires: whether anything of the group does
    """
    fired, over, until = MEMBER.c.fired_seq, MEMBER.c.resolved_seq, ALERT.c.suppressed_until
    seq: BindParameter[Any] = bindparam("seq")
    told_at: BindParameter[Any] = bindparam("told_at")
    now = bindparam("now", type_=Moment())
    muted = and_(over.is_(None), until.is_not(None), until > now)
    heard = and_(over.is_(None), or_(until.is_(None), until <= now))
    # Suppressed when this channel was last told, and no longer: news, however old it is.
    emerged = and_(until.is_not(None), until > told_at) if was_told else false()
    known = known_before(fires or not was_told, seq, told_at)
    ended = and_(known, over.is_not(None), over > seq)
    acknowledged = ALERT.c.status == "acknowledged"
    return (
        select(
            func.count().filter(heard, or_(fired > seq, emerged)).label("new"),
            func.count().filter(heard, acknowledged).label("acknowledged"),
            func.count().filter(muted).label("muted"),
            func.min(case((muted, until))).label("muted_until"),
            func.max(case((heard, ALERT.c.severity))).label("severity"),
            func.count().filter(ended, MEMBER.c.quiet.is_(False)).label("resolved"),
            func.count().filter(ended, MEMBER.c.quiet.is_(True)).label("quiet"),
        )
        .select_from(MEMBER.outerjoin(ALERT, ALERT.c.id == MEMBER.c.alert_id))
        .where(MEMBER.c.group_id == bindparam("group"))
    )


def known_before(simple: bool, seq: Any, told_at: Any) -> ColumnElement[bool]:
    """Whether the channel knew of a member before it was over; the others are never told.

    When all is over, one that came back unheard and ended again was known as well: it had
    opened before the channel was last told.
    """
    known = MEMBER.c.fired_seq <= seq
    return known if simple else or_(known, ALERT.c.opened_at <= told_at)
