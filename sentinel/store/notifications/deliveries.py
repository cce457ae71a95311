"""Deliveries: attempts to send one message through one channel.

A row is added when the message is decided on, and finished once with what came of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Connection, bindparam, or_, select

from sentinel.notifications.channel import Message, all_acknowledged
from sentinel.notifications.decision import Notified, pause_after
from sentinel.store.database.tables import DELIVERY, GROUP, NOTIFICATION_LOG
from sentinel.store.notifications.channel_health import record

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = [
    "CLAIM",
    "UPDATE_LOG_ENTRY",
    "Outcome",
    "ToSend",
    "end_delivery",
    "finish",
    "is_log_entry",
    "log_entry_key",
    "may_repeat",
    "progress_of",
    "release_claims",
]


class ToSend(msgspec.Struct, frozen=True, kw_only=True):
    """A message that a decision asks for, and the receiver and channel that it goes to.

    A refused one is tried again after `repeat`, the group's repeat_interval.
    """

    delivery_id: str
    group_id: str
    receiver: str
    channel: str
    seq: int
    firing: int
    severity: int
    attempts: int
    repeat: timedelta
    message: Message


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The result of sending one message; an empty `error` is success.

    `reference` is the provider's id of the message, or what a failed channel has taken of it.
    `of_message` is a refusal of what is in the message, after which the channel may take others.
    `untried` is a message that was claimed and not sent, because others had found its channel down.
    `retry_after` is for how many seconds the channel wants to be left alone.
    `unanswered` is a failure after which the channel may have taken the message all the same.
    `answer` is what it said when it took it, and `latency_ms` how long the send took.
    """

    sent: ToSend
    error: str = ""
    permanent: bool = False
    of_message: bool = False
    untried: bool = False
    reference: str = ""
    retry_after: float = 0.0
    unanswered: bool = False
    answer: str = ""
    latency_ms: int | None = None


def finish(store: Store, outcomes: Sequence[Outcome]) -> None:
    """Record the results of sending.

    Each group is one transaction, in the order of their ids, so that two callers cannot deadlock.

    Args:
        store: the shared database
        outcomes: the results, of any groups; those of one claim of a group belong together
    """
    by_group: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        by_group.setdefault(outcome.sent.group_id, []).append(outcome)
    for group_id in sorted(by_group):
        store.in_transaction(partial(_finish_group, store, group_id, by_group[group_id]))


def release_claims(store: Store, by: str) -> int:
    """End the claims of a sender that died, so that the next one sends at once.

    Args:
        store: the shared database
        by: who claimed: the id of a flow run

    Returns:
        The number of groups whose notifications are due again.
    """
    with store.write() as connection:
        released = connection.execute(_RELEASE, {"by": by}).rowcount
        if released:
            store.changed(connection)
    return released


def progress_of(connection: Connection, message_id: str, last: Notified, group_id: str) -> str:
    """Return what a channel took of a message when it was last tried.

    Args:
        connection: the claim's transaction
        message_id: of the message, the same for each attempt
        last: the channel's last notification
        group_id: of the group that the message is about

    Returns:
        The `DeliveryError.progress` of an attempt at it; empty for nothing.
    """
    if last.retry_at is None:
        return ""
    tried = connection.execute(_PROGRESS, {"group": group_id, "message": message_id})
    return tried.scalar() or ""


def may_repeat(connection: Connection, group_id: str, channel: str, last: Notified) -> bool:
    """Return whether a channel may have taken a message since its last notification.

    Args:
        connection: the claim's transaction
        group_id: of the group
        channel: reference of the channel
        last: its last notification that is known to have been taken

    Returns:
        Whether an attempt since then ended without an answer: its sender died, or the channel got
        the message and did not say whether it took it.
    """
    asked: dict[str, Any] = {"group": group_id, "channel": channel}
    if last.at is None:
        return connection.execute(_UNANSWERED, asked).first() is not None
    since = connection.execute(_UNANSWERED_SINCE, {**asked, "at": last.at})
    return since.first() is not None


def _finish_group(
    store: Store, group_id: str, outcomes: Sequence[Outcome], connection: Connection
) -> None:
    now = store.now()
    connection.execute(_LOCK, {"group": group_id})
    if not _held(connection, outcomes):
        _finish_late(connection, group_id, outcomes, now)
        store.changed(connection)
        return
    first = record(store, connection, outcomes, now)
    for outcome in outcomes:
        sent = outcome.sent
        if outcome.untried:
            connection.execute(DELIVERY.delete().where(DELIVERY.c.id == sent.delivery_id))
            continue
        if not outcome.error:
            state = "sent"
            values: dict[str, Any] = _as_notified(outcome, now)
        elif outcome.permanent:
            state = "refused"
            values = {
                "refused_seq": sent.seq, "attempts": 0, "error": outcome.error[:2000],
                "retry_at": now + sent.repeat,
            }  # fmt: skip
            if sent.channel in first:
                _log_failure(store, connection, outcome)
        else:
            state = "failed"
            attempts = sent.attempts + 1
            spread = int(sent.delivery_id[-4:], 16) / 0xFFFF
            pause = max(pause_after(attempts, spread), timedelta(seconds=outcome.retry_after))
            values = {
                "attempts": attempts, "error": outcome.error[:2000], "refused_seq": None,
                "retry_at": now + pause,
            }  # fmt: skip
            if attempts == 1 and sent.channel in first:
                _log_failure(store, connection, outcome)
        connection.execute(
            UPDATE_LOG_ENTRY, {**log_entry_key(group_id, sent.receiver, sent.channel), **values}
        )
        end_delivery(connection, outcome, state, now)
    # Due at once: the next decision reads these rows and sets when the next is due.
    claim = {"due_at": now, "claimed_by": "", "claimed_until": None}
    connection.execute(CLAIM, {"group": group_id, **claim})
    store.changed(connection)


def _held(connection: Connection, outcomes: Sequence[Outcome]) -> bool:
    """Return whether the claim under which they were sent still stands: none has replaced it."""
    return connection.execute(_HELD, {"delivery": outcomes[0].sent.delivery_id}).first() is not None


def _finish_late(
    connection: Connection, group_id: str, outcomes: Sequence[Outcome], now: datetime
) -> None:
    """Record what was sent under a claim that ran out, without touching the claim that replaced it.

    A success counts, so that the present claim sends no third message. A failure changes nothing.
    """
    for outcome in outcomes:
        sent = outcome.sent
        if outcome.untried:
            continue
        end_delivery(connection, outcome, "failed" if outcome.error else "sent", now)
        if outcome.error:
            continue
        notified_at = NOTIFICATION_LOG.c.notified_at
        connection.execute(
            NOTIFICATION_LOG.update()
            .where(*is_log_entry(group_id, sent.receiver, sent.channel))
            .where(or_(notified_at.is_(None), notified_at < sent.message.at))
            .values(**_as_notified(outcome, now))
        )


def _as_notified(outcome: Outcome, now: datetime) -> dict[str, Any]:
    sent = outcome.sent
    return {
        "notified_seq": sent.seq, "notified_firing": sent.firing,
        "notified_severity": sent.severity if sent.firing else 0, "notified_at": now,
        "attempts": 0, "retry_at": None, "refused_seq": None, "error": "",
        "reference": outcome.reference, "notified_acknowledged": all_acknowledged(sent.message),
    }  # fmt: skip


def end_delivery(connection: Connection, outcome: Outcome, state: str, now: datetime) -> None:
    """Record what came of one attempt: `sent`, `failed` or `refused`."""
    values = {
        "state": state, "error": outcome.error[:2000], "reference": outcome.reference,
        "ended_at": now, "unanswered": outcome.unanswered, "answer": outcome.answer[:2000],
        "latency_ms": outcome.latency_ms,
    }  # fmt: skip
    connection.execute(_END, {"delivery": outcome.sent.delivery_id, **values})


def _log_failure(store: Store, connection: Connection, outcome: Outcome) -> None:
    sent = outcome.sent
    how = (
        "refused a message; Sentinel tries again when it repeats"
        if outcome.permanent
        else "failed; Sentinel tries again"
    )
    store.log.add(
        connection,
        "error" if outcome.permanent else "warning",
        "delivery.refused" if outcome.permanent else "delivery.failed",
        f"{sent.channel} {how}: {outcome.error}",
        {"group": sent.group_id, "receiver": sent.receiver},
    )


def is_log_entry(group_id: str, receiver: str, channel: str) -> tuple[Any, ...]:
    """Return the conditions that select the log entry of one group, receiver and channel."""
    return (
        NOTIFICATION_LOG.c.group_id == group_id,
        NOTIFICATION_LOG.c.receiver == receiver,
        NOTIFICATION_LOG.c.channel == channel,
    )


def log_entry_key(group_id: str, receiver: str, channel: str) -> dict[str, Any]:
    """Return the parameters of `UPDATE_LOG_ENTRY` that select an entry, without the new values."""
    return {"of_group": group_id, "of_receiver": receiver, "of_channel": channel}


# Built once, since SQLAlchemy compiles a statement once for each object.
UPDATE_LOG_ENTRY = NOTIFICATION_LOG.update().where(
    NOTIFICATION_LOG.c.group_id == bindparam("of_group"),
    NOTIFICATION_LOG.c.receiver == bindparam("of_receiver"),
    NOTIFICATION_LOG.c.channel == bindparam("of_channel"),
)
"""Sets the given columns of one entry of the notification log."""
CLAIM = GROUP.update().where(GROUP.c.id == bindparam("group"))
"""Sets the given columns of one group."""
_RELEASE = (
    GROUP.update()
    .where(GROUP.c.due_at.is_not(None), GROUP.c.claimed_by == bindparam("by"))
    .values(claimed_by="", claimed_until=None)
)
_LOCK = select(GROUP.c.id).where(GROUP.c.id == bindparam("group")).with_for_update()
_HELD = (
    select(DELIVERY.c.id)
    .where(DELIVERY.c.id == bindparam("delivery"), DELIVERY.c.state == "sending")
    .with_for_update()
)
_PROGRESS = (
    select(DELIVERY.c.reference)
    .where(
        DELIVERY.c.group_id == bindparam("group"),
        DELIVERY.c.message_id == bindparam("message"),
        DELIVERY.c.state.in_(("failed", "refused")),
        DELIVERY.c.reference != "",
    )
    .order_by(DELIVERY.c.started_at.desc())
    .limit(1)
)
_UNANSWERED = (
    select(DELIVERY.c.id)
    .where(
        DELIVERY.c.group_id == bindparam("group"),
        DELIVERY.c.channel == bindparam("channel"),
        DELIVERY.c.unanswered.is_(True),
    )
    .limit(1)
)
_UNANSWERED_SINCE = _UNANSWERED.where(DELIVERY.c.started_at > bindparam("at"))
_END = DELIVERY.update().where(DELIVERY.c.id == bindparam("delivery"))
