"""Compose the message about a group. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any

import msgspec

from sentinel.alerts.reasons import Reason as AlertReason
from sentinel.alerts.reasons import words as resolution_words
from sentinel.notifications.channel import Message, MessageAlert
from sentinel.notifications.grouping import group_title
from sentinel.notifications.reasons import Reason, words
from sentinel.schema.groups import AlertGroup
from sentinel.severity import Severity, severity_of

__all__ = ["MAY_REPEAT", "Named", "compose", "message_alert", "message_id"]

MAY_REPEAT = "may repeat: an earlier attempt ended without an answer"
"""Notice of a message that the channel may have got before."""


def message_id(group_id: str, receiver: str, channel: str, seq: int, attempt_of: str) -> str:
    """Return the id of a message: a retry of one send has the same id, the next message another.

    Args:
        group_id: of the group that it is about
        receiver: name of the receiver
        channel: reference of the channel
        seq: the group's `seq` that it reports
        attempt_of: time of the channel's last notification, which differs for a repeat

    Returns:
        32 hex digits.
    """
    text = "\x1f".join([group_id, receiver, channel, str(seq), attempt_of])
    return blake2b(text.encode(), digest_size=16).hexdigest()


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """The alerts of both sides of a message, each with the highest severity first.

    Attributes:
        firing: those that fire and are not suppressed
        resolved: those that the channel knows as firing and that are over
    """

    firing: list[MessageAlert] = msgspec.field(default_factory=list[MessageAlert])
    resolved: list[MessageAlert] = msgspec.field(default_factory=list[MessageAlert])


def compose(
    group: AlertGroup,
    named: Named,
    *,
    id_: str,
    receiver: str,
    reason: Reason,
    void: Sequence[str] = (),
    held: int = 0,
    now: datetime,
    dashboard: str,
    answers: str = "",
    progress: str = "",
    acknowledge_url: str = "",
    notices: Sequence[str] = (),
    muted: Sequence[str] = (),
) -> Message:
    """Compose the message for one channel about `group`.

    Title, severity and counts are those of `named`, so that they say what the alerts say.

    Args:
        group: as it is now
        named: the alerts of the message
        id_: of the message
        receiver: name of the receiver
        reason: why it is sent
        void: who had acknowledged alerts before a higher severity made that void
        held: notifications that limits held back since the last one
        now: the present moment
        dashboard: address of the dashboard, for links
        answers: reference of the channel's last message about the group
        progress: what the channel took of this message when it was last tried
        acknowledge_url: of the page that acknowledges what fires; empty for none
        notices: what is out of order with the delivery itself
        muted: what is left out since another alert explains it, and what these alerts explain

    Returns:
        The message; its status is resolved where `reason` is that all alerts are resolved, or
        that what was paged for is over.
    """
    severities = [severity_of(alert.severity) for alert in named.firing]
    word = Severity(max(severities, default=group.severity)).word
    return Message(
        id=id_,
        group_id=group.id,
        dedup_key=f"sentinel-{group.id}",
        at=now,
        status="resolved" if reason in (Reason.RESOLVED, Reason.PAGE_RESOLVED) else "firing",
        reason=str(reason),
        reason_text="; ".join([_why(reason, void, held), *muted, *notices]),
        receiver=receiver,
        title=_title(group, named, word),
        severity=word,
        firing=len(named.firing),
        resolved=len(named.resolved),
        alerts=[*named.firing, *named.resolved],
        url=f"{dashboard.rstrip('/')}/?group={group.id}",
        answers=answers,
        progress=progress,
        acknowledge_url=acknowledge_url,
        notices=tuple(notices),
        seq=group.seq,
    )


def _why(reason: Reason, void: Sequence[str], held: int) -> str:
    said = words(reason, held)
    return f"{said}; the acknowledgement is void ({', '.join(void)})" if void else said


def _title(group: AlertGroup, named: Named, word: str) -> str:
    side = named.firing or named.resolved
    title = group_title(len(side), side[0].title, group.labels) if side else group.title
    if named.firing:
        return f"[{word}] {title}"
    ends = {alert.resolution for alert in named.resolved} or {group.resolution}
    ended = ends.pop() if len(ends) == 1 else ""
    recovered = ended in ("", AlertReason.RECOVERED)
    return f"[{'resolved' if recovered else resolution_words(ended)}] {title}"


def message_alert(alert: Any, dashboard: str, *, new: bool = False) -> MessageAlert:
    """Return an alert as messages have it.

    Args:
        alert: a row of the table of alerts, or an `Alert`
        dashboard: address of the dashboard, for the link
        new: whether it fires since the channel's last message

    Returns:
        The alert.
    """
    return MessageAlert(
        id=alert.id,
        rule=alert.rule,
        title=alert.title,
        description=alert.description,
        severity=alert.severity_word,
        category=alert.category,
        status=alert.status,
        value=alert.value,
        opened_at=alert.opened_at or alert.first_bad_at,
        started_at=alert.started_at or alert.opened_at or alert.first_bad_at,
        resolved_at=alert.resolved_at,
        resolution=alert.resolution,
        resolution_text=resolution_words(alert.resolution),
        labels=alert.labels,
        annotations=alert.annotations,
        team=alert.team,
        flow_run_id=alert.flow_run_id,
        url=f"{dashboard.rstrip('/')}/?alert={alert.id}",
        acknowledged_by=alert.acknowledged_by if alert.status == "acknowledged" else "",
        new=new,
    )
