"""Notices: added once, claimed by one sender, and finished with what came of it.

Each attempt is committed as a delivery before it is made. A claim outlasts the longest send; if its
sender dies, the next one repeats the same message with the same id, which says that it may be a
repeat.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Connection, Integer, Row, bindparam, or_, select

from sentinel.notifications.channel import Message
from sentinel.notifications.decision import pause_after
from sentinel.notifications.message import MAY_REPEAT
from sentinel.notifications.notice import (
    GIVE_UP,
    NewNotice,
    notice_message,
    takes_files,
    takes_notices,
)
from sentinel.notifications.reasons import words
from sentinel.schema.columns import Moment, new_id
from sentinel.schema.notices import Notice
from sentinel.store.database.insert import insert_into
from sentinel.store.database.tables import DELIVERY, model_of, table_of
from sentinel.store.notifications.channel_health import Gates, record
from sentinel.store.notifications.deliveries import Outcome, ToSend
from sentinel.store.notifications.message_limits import sent_recently
from sentinel.store.notifications.receivers import DEFAULT

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["add_notices", "claim_notices", "finish_notices", "notices_about"]

NOTICE = table_of(Notice)
_CLAIM = timedelta(minutes=3)
"""Longer than any send takes."""


def add_notices(
    store: Store, connection: Connection, new: Sequence[NewNotice], now: datetime
) -> int:
    """Add notices for each channel of their receivers that takes them, each once for good.

    Args:
        store: the shared database
        connection: an open writing transaction
        new: what is said; of a receiver that there is not, to `default`
        now: the present moment

    Returns:
        How many messages are to be sent now that were not added before.
    """
    channels = store.receivers.all_in(connection)
    rows: list[dict[str, Any]] = []
    for one in new:
        for ref in channels.get(one.receiver, channels[DEFAULT]):
            if not takes_notices(ref):
                continue
            id_ = new_id()
            says = one if takes_files(ref) else _without_files(one)
            body = msgspec.to_builtins(notice_message(says, id_, words(one.kind), now))
            rows.append({
                "id": id_, "once": one.once(ref), "kind": str(one.kind), "about": one.about,
                "receiver": one.receiver, "channel": ref, "body": body, "state": "waiting",
                "attempts": 0, "error": "", "created_at": now, "due_at": now,
                "claimed_until": None, "ended_at": None,
            })  # fmt: skip
    added = 0
    for row in rows:
        insert = insert_into(store.dialect, NOTICE).values(**row).on_conflict_do_nothing()
        added += connection.execute(insert.returning(NOTICE.c.id)).first() is not None
    if added:
        store.wakes.request(connection, now)
    return added


def _without_files(new: NewNotice) -> NewNotice:
    """Return a notice without what only a mail has, which may be long."""
    return msgspec.structs.replace(new, html="", attachment=None)


def claim_notices(
    store: Store, by: str, *, due_before: datetime | None = None, limit: int = 50
) -> list[ToSend]:
    """Claim notices that are due, and commit the attempt to send each.

    Args:
        store: the shared database
        by: who sends, for the record
        due_before: only those that have been due since before this moment; None for now
        limit: at most so many

    Returns:
        The messages to send.
    """
    now = store.now()
    asked = {"before": due_before or now, "now": now, "most": limit}
    with store.glance() as connection:
        if connection.execute(_ANY, asked).first() is None:
            return []

    def work(connection: Connection) -> list[ToSend]:
        rows = connection.execute(_DUE, asked).all()
        if not rows:
            return []
        limits = sent_recently(store, connection, now, alone=True)
        gates = Gates(connection, now, claims=True)
        sends: list[ToSend] = []
        for row in rows:
            later = max(
                filter(None, (gates.closed_until(row.channel),
                              limits.limited_until(row.receiver, row.channel))),
                default=None,
            )  # fmt: skip
            if later is not None and later > now:
                connection.execute(_PUT_OFF, {"notice": row.id, "later": later})
                continue
            gates.sends(row.channel)
            limits.sends(row.receiver, row.channel)
            sends.append(_attempt(connection, row, by, now))
        gates.save(connection)
        return sends

    return store.in_transaction(work)


def _attempt(connection: Connection, row: Row[Any], by: str, now: datetime) -> ToSend:
    message = msgspec.convert(row.body, Message)
    if connection.execute(_UNANSWERED, {"notice": row.id}).first() is not None:
        connection.execute(_ABANDONED, {"notice": row.id, "ended_at": now})
        message = msgspec.structs.replace(
            message, notices=(MAY_REPEAT,), reason_text=f"{message.reason_text}; {MAY_REPEAT}"
        )
    delivery = new_id()
    connection.execute(
        _NEW_DELIVERY,
        {
            "id": delivery, "group_id": row.id, "receiver": row.receiver, "channel": row.channel,
            "message_id": row.id, "reason": row.kind, "state": "sending",
            "attempt": row.attempts + 1, "error": "", "by": by, "reference": "",
            "started_at": now,
        },
    )  # fmt: skip
    connection.execute(_CLAIMED, {"notice": row.id, "until": now + _CLAIM})
    return ToSend(
        delivery_id=delivery, group_id=row.id, receiver=row.receiver, channel=row.channel, seq=0,
        firing=0, severity=0, attempts=row.attempts, repeat=GIVE_UP, message=message,
    )  # fmt: skip


def finish_notices(store: Store, outcomes: Sequence[Outcome]) -> None:
    """Record what came of attempts to send notices.

    Args:
        store: the shared database
        outcomes: of `claim_notices`
    """
    for outcome in sorted(outcomes, key=lambda one: one.sent.group_id):
        store.in_transaction(lambda connection, one=outcome: _finish(store, connection, one))


def _finish(store: Store, connection: Connection, outcome: Outcome) -> None:
    now, sent = store.now(), outcome.sent
    row = connection.execute(_LOCKED, {"notice": sent.group_id}).first()
    if outcome.untried:
        connection.execute(DELIVERY.delete().where(DELIVERY.c.id == sent.delivery_id))
    else:
        state = "refused" if outcome.permanent else "failed"
        connection.execute(
            _END,
            {
                "delivery": sent.delivery_id, "state": state if outcome.error else "sent",
                "error": outcome.error[:2000], "reference": outcome.reference, "ended_at": now,
                "unanswered": outcome.unanswered, "answer": outcome.answer[:2000],
                "latency_ms": outcome.latency_ms,
            },
        )  # fmt: skip
        record(store, connection, [outcome], now)
    if row is None or row.ended_at is not None:
        return
    attempts = row.attempts + (not outcome.untried)
    values: dict[str, Any] = {
        "attempts": attempts, "error": outcome.error[:2000], "claimed_until": None
    }  # fmt: skip
    # Nobody sends it again, so what it said, which may be long, is not kept.
    ended: dict[str, Any] = {"due_at": None, "ended_at": now, "body": {}}
    if not outcome.error and not outcome.untried:
        values |= {"state": "sent", **ended}
    elif outcome.permanent or now - row.created_at >= GIVE_UP:
        state = "refused" if outcome.permanent else "failed"
        values |= {"state": state, **ended}
        does = "refused" if outcome.permanent else "could not be sent for a day through"
        store.log.add(
            connection, "error", "notice.given_up",
            f"{sent.channel} {does} a notice, {sent.message.title!r}: {outcome.error}",
            {"notice": sent.group_id, "receiver": sent.receiver},
        )  # fmt: skip
    else:
        spread = int(sent.delivery_id[-4:], 16) / 0xFFFF
        pause = max(pause_after(max(attempts, 1), spread), timedelta(seconds=outcome.retry_after))
        values |= {"due_at": now + pause}
    connection.execute(NOTICE.update().where(NOTICE.c.id == row.id).values(**values))
    store.changed(connection)


def notices_about(connection: Connection, about: Sequence[str]) -> list[Notice]:
    """Return the notices about silences or teams, the newest first, at most 50."""
    rows = connection.execute(_ABOUT, {"about": list(about)}) if about else ()
    return [model_of(Notice, row) for row in rows]


# Built once, since SQLAlchemy compiles a statement once for each object.
_OPEN = (
    NOTICE.c.due_at.is_not(None),
    NOTICE.c.due_at <= bindparam("before", type_=Moment()),
    or_(
        NOTICE.c.claimed_until.is_(None), NOTICE.c.claimed_until <= bindparam("now", type_=Moment())
    ),
)
_ANY = select(NOTICE.c.id).where(*_OPEN).limit(1)
_DUE = (
    select(NOTICE)
    .where(*_OPEN)
    .order_by(NOTICE.c.due_at, NOTICE.c.id)
    .limit(bindparam("most", type_=Integer))
    .with_for_update(skip_locked=True)
)
_LOCKED = select(NOTICE).where(NOTICE.c.id == bindparam("notice")).with_for_update()
_ID = NOTICE.c.id == bindparam("notice")
_PUT_OFF = NOTICE.update().where(_ID).values(due_at=bindparam("later"))
_CLAIMED = NOTICE.update().where(_ID).values(claimed_until=bindparam("until"))
_NEW_DELIVERY = DELIVERY.insert()
_UNANSWERED = (
    select(DELIVERY.c.id)
    .where(DELIVERY.c.group_id == bindparam("notice"))
    .where(or_(DELIVERY.c.state == "sending", DELIVERY.c.unanswered.is_(True)))
    .limit(1)
)
_ABANDONED = (
    DELIVERY.update()
    .where(DELIVERY.c.group_id == bindparam("notice"), DELIVERY.c.state == "sending")
    .values(state="failed", error="its sender died", unanswered=True)
)
_END = DELIVERY.update().where(DELIVERY.c.id == bindparam("delivery"))
_ABOUT = (
    select(NOTICE)
    .where(NOTICE.c.about.in_(bindparam("about", expanding=True)))
    .order_by(NOTICE.c.id.desc())
    .limit(50)
)
