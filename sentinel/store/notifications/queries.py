"""The statements that decide on every group that is due.

Each is built once, since SQLAlchemy compiles a statement once for each object, and compiling costs
more than what the database does with it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Integer,
    Select,
    String,
    and_,
    bindparam,
    case,
    func,
    not_,
    or_,
    select,
)

from sentinel.notifications.reasons import PAGES
from sentinel.notifications.summary import ROUTE, STORM
from sentinel.prefect_client.channel_types import OURS
from sentinel.schema.columns import Moment
from sentinel.store.database.tables import ALERT, DELIVERY, GROUP, MEMBER, NOTIFICATION_LOG
from sentinel.store.notifications.known_members import over_since, unheard_of

__all__ = [
    "ABANDONED",
    "DUE",
    "FOREVER",
    "LOG_ENTRIES",
    "OWN_GROUP",
    "SEEN_BY",
    "SO_FAR",
    "UNAWARE",
    "due",
    "muted_after",
]


def due(before: Any, now: Any) -> tuple[Any, ...]:
    """Return the conditions that select unclaimed groups that have been due since `before`."""
    return (
        GROUP.c.due_at.is_not(None),
        GROUP.c.due_at <= before,
        or_(GROUP.c.claimed_until.is_(None), GROUP.c.claimed_until <= now),
    )


DUE = (
    select(GROUP)
    .where(*due(bindparam("before"), bindparam("now")))
    # What is due of a storm would else wait for all that it is to name.
    .order_by(
        GROUP.c.route.like(f"{STORM}%").desc(), GROUP.c.severity.desc(), GROUP.c.due_at, GROUP.c.id
    )
    .limit(bindparam("most", type_=Integer))
    .with_for_update(skip_locked=True)
)
_GROUPS: BindParameter[Any] = bindparam("groups", expanding=True)
LOG_ENTRIES = select(NOTIFICATION_LOG).where(NOTIFICATION_LOG.c.group_id.in_(_GROUPS))
_CHANNEL = NOTIFICATION_LOG.c.channel
OWN_GROUP = and_(GROUP.c.route.not_like(f"{ROUTE}%"), GROUP.c.route.not_like(f"{STORM}%"))
"""Groups that are no summaries of others and no storms."""
UNAWARE = and_(
    NOTIFICATION_LOG.c.notified_firing > 0,
    NOTIFICATION_LOG.c.notified_acknowledged.is_(False),
    _CHANNEL.like("sentinel-%/%"),
    *(_CHANNEL.not_like(f"{slug}/%") for slug in OURS),
)
"""Log entries that an acknowledgement is news for: see `channel_types.takes_acknowledgements`."""
SO_FAR = (
    select(
        NOTIFICATION_LOG.c.group_id,
        func.max(NOTIFICATION_LOG.c.notified_at).label("notified_at"),
        func.max(NOTIFICATION_LOG.c.notified_severity).label("notified_severity"),
        func.max(case((UNAWARE, 1), else_=0)).label("unaware"),
    )
    .where(
        NOTIFICATION_LOG.c.group_id.in_(bindparam("ids", expanding=True)),
        or_(NOTIFICATION_LOG.c.notified_seq > 0, NOTIFICATION_LOG.c.attempts > 0),
    )
    .group_by(NOTIFICATION_LOG.c.group_id)
)
"""By group of `ids`, the notifications so far over all its channels."""
ABANDONED = (
    DELIVERY.update()
    .where(DELIVERY.c.group_id.in_(_GROUPS), DELIVERY.c.state == "sending")
    .where(DELIVERY.c.reason.not_in([str(one) for one in PAGES]))
    .values(state="failed", error="its sender died", unanswered=True)
)


FOREVER = datetime(9000, 1, 1, tzinfo=UTC)
"""Until when a member is muted by what has no end that is known before."""
_END_OF_MUTE = case(
    (ALERT.c.suppressed_until.is_(None), MEMBER.c.muted_until),
    (MEMBER.c.muted_until > ALERT.c.suppressed_until, MEMBER.c.muted_until),
    else_=ALERT.c.suppressed_until,
)
"""When the last of what mutes a member ends."""


def _seen_by() -> Select[Any]:
    """Return the query that compares a group with what a channel was last notified of.

    Its parameters are group, seq, now and mark, the channel's.

    Returns:
        A query of one row: new, acknowledged, muted, by_matchers (how many of those are muted by
        more than a suppression), inhibited, muted_until, severity, resolved, quiet.
    """
    fired, over = MEMBER.c.fired_seq, MEMBER.c.resolved_seq
    seq: BindParameter[Any] = bindparam("seq", type_=Integer)
    mark: BindParameter[Any] = bindparam("mark", type_=String)
    now = bindparam("now", type_=Moment())
    muted = and_(over.is_(None), muted_after(now))
    heard = and_(over.is_(None), not_(muted_after(now)))
    by_matchers = and_(muted, _after(MEMBER.c.muted_until, now))
    ended = over_since(seq, mark)
    acknowledged = ALERT.c.status == "acknowledged"
    return (
        select(
            func.count().filter(heard, or_(fired > seq, unheard_of(seq, mark))).label("new"),
            func.count().filter(heard, acknowledged).label("acknowledged"),
            func.count().filter(muted).label("muted"),
            func.count().filter(by_matchers).label("by_matchers"),
            func.count().filter(by_matchers, MEMBER.c.muted == "inhibited").label("inhibited"),
            # What inhibits has no end that is known before.
            func.min(case((and_(muted, _END_OF_MUTE < FOREVER), _END_OF_MUTE))).label(
                "muted_until"
            ),
            func.max(case((heard, ALERT.c.severity))).label("severity"),
            func.count().filter(ended, MEMBER.c.quiet.is_(False)).label("resolved"),
            func.count().filter(ended, MEMBER.c.quiet.is_(True)).label("quiet"),
        )
        .select_from(MEMBER.outerjoin(ALERT, ALERT.c.id == MEMBER.c.alert_id))
        .where(MEMBER.c.group_id == bindparam("group"))
    )


def muted_after(moment: Any) -> ColumnElement[bool]:
    """Return the condition that an alert is suppressed, or a member muted, until after a moment.

    Args:
        moment: a parameter or a column

    Returns:
        A condition on members of groups, joined with their alerts; never NULL.
    """
    return or_(_after(ALERT.c.suppressed_until, moment), _after(MEMBER.c.muted_until, moment))


def _after(until: Any, moment: Any) -> ColumnElement[bool]:
    return and_(until.is_not(None), until > moment)


SEEN_BY = _seen_by()
