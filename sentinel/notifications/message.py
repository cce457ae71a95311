"""Compose the message about a group. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any

from sentinel.alerts.reasons import Reason as AlertReason
from sentinel.alerts.reasons import words as resolution_words
from sentinel.notifications.channel import Message, MessageAlert
from sentinel.notifications.reasons import Reason, words
from sentinel.schema.alerts import Alert
from sentinel.schema.groups import AlertGroup
from sentinel.severity import Severity

__all__ = ["MOST_NAMED", "compose", "message_id"]

MOST_NAMED = 50
"""The most alerts that a message names; it counts all of them."""


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


def compose(
    group: AlertGroup,
    alerts: Sequence[Alert],
    *,
    id_: str,
    receiver: str,
    reason: Reason,
    held: int = 0,
    firing: int,
    resolved: int,
    now: datetime,
    dashboard: str,
    answers: str = "",
) -> Message:
    """Compose the message for one channel about `group`.

    Args:
        group: as it is now
        alerts: the highest severity first; the message names the first `MOST_NAMED`
        id_: of the message
        receiver: name of the receiver
        reason: why it is sent
        held: notifications that limits held back since the last one
        firing: number of firing alerts
        resolved: number of alerts that resolved since the channel's last notification
        now: the present moment
        dashboard: address of the dashboard, for links
        answers: reference of the channel's last message about the group

    Returns:
        The message; its status is resolved where `reason` is that all alerts are resolved.
    """
    resolves = reason is Reason.RESOLVED
    word = Severity(group.severity).word
    return Message(
        id=id_,
        group_id=group.id,
        dedup_key=f"sentinel-{group.id}",
        at=now,
        status="resolved" if resolves else "firing",
        reason=str(reason),
        reason_text=words(reason, held),
        receiver=receiver,
        title=_title(group, resolves, word),
        severity=word,
        firing=firing,
        resolved=resolved,
        alerts=[_alert(alert, dashboard) for alert in alerts[:MOST_NAMED]],
        url=f"{dashboard.rstrip('/')}/?group={group.id}",
        answers=answers,
    )


def _title(group: AlertGroup, resolves: bool, word: str) -> str:
    if not resolves:
        return f"[{word}] {group.title}"
    ended = group.resolution
    recovered = ended in ("", AlertReason.RECOVERED)
    return f"[{'resolved' if recovered else resolution_words(ended)}] {group.title}"


def _alert(alert: Alert, dashboard: str) -> MessageAlert:
    run: Mapping[str, Any] = {"flow_run_id": alert.flow_run_id}
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
        resolved_at=alert.resolved_at,
        labels=alert.labels,
        annotations=alert.annotations,
        url=f"{dashboard.rstrip('/')}/?alert={alert.id}",
        **run,
    )
