"""Why channels are and were notified of an alert, or not, as sentences. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from sentinel.notifications.reasons import words

__all__ = ["AlertFacts", "AlertWhy", "ChannelWhy", "GroupWhy", "Outcome", "explained", "shown"]


class AlertFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The alert itself: its stored status, and its suppression, which ends at a time."""

    id: str
    status: str
    suppressed_until: datetime | None = None
    suppress_reason: str = ""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """An outcome of the past for one receiver and channel of a group.

    Attributes:
        at: when it was decided
        receiver: name of the receiver; empty where there was none
        channel: its channel; empty where there was none
        state: `held` where nothing was sent; else that of the attempt: sending, sent, failed or
            refused
        reason: code of why
        reason_text: the words for it
        next_at: when the next decision was due then; None for none, and for what was sent
        attempt: number of the attempt to send; 0 where nothing was sent
        error: of the attempt; empty for none
        text: a sentence
    """

    at: datetime
    receiver: str
    channel: str
    state: str
    reason: str
    reason_text: str = ""
    next_at: datetime | None = None
    attempt: int = 0
    error: str = ""
    text: str = ""


class ChannelWhy(msgspec.Struct, frozen=True, kw_only=True):
    """Whether one channel of a receiver is notified of the group now, and why.

    Attributes:
        receiver: name of the receiver; empty where there is none
        channel: `inbox` or a block as type/name; empty where there is none
        notified_at: when it was last notified of the group; None for never
        knows: whether that notification named the alert
        send: whether it is notified now
        reason: code of why
        reason_text: the words for it
        next_at: exact time of the next decision; None where only a change of the group leads to one
        error: of its last attempt, if that failed
        text: a sentence
    """

    receiver: str
    channel: str
    notified_at: datetime | None
    knows: bool
    send: bool
    reason: str
    reason_text: str = ""
    next_at: datetime | None = None
    error: str = ""
    text: str = ""


class GroupWhy(msgspec.Struct, frozen=True, kw_only=True):
    """A group that the alert belongs to, or belonged to.

    Attributes:
        id: of the group
        status: open, acknowledged or resolved
        route: the way on which it was notified
        labels: that its alerts have in common
        firing: number of its alerts that fire
        receivers: names of its receivers
        unknown: those of them that do not exist, in whose place `default` is notified
        next_at: when the next decision on the group is due; None where only a change leads to one
        channels: the decisions of now
        history: the newest outcomes, oldest first
        text: a sentence
    """

    id: str
    status: str
    route: str
    labels: Mapping[str, str]
    firing: int
    receivers: Sequence[str]
    unknown: Sequence[str]
    next_at: datetime | None
    channels: Sequence[ChannelWhy]
    history: Sequence[Outcome]
    text: str = ""


class AlertWhy(msgspec.Struct, frozen=True, kw_only=True):
    """All that is to say about the notifications of one alert at the moment `at`."""

    alert_id: str
    at: datetime
    status: str
    text: str
    groups: Sequence[GroupWhy]


def explained(alert: AlertFacts, groups: Sequence[GroupWhy], now: datetime) -> AlertWhy:
    """Put what was decided about an alert into sentences.

    Args:
        alert: the alert
        groups: its groups, the newest first, without sentences
        now: the moment of the decisions

    Returns:
        The same with a sentence at each.
    """
    return AlertWhy(
        alert_id=alert.id, at=now, status=alert.status, text=_of_alert(alert, groups, now),
        groups=[_of_group(one, alert, now) for one in groups],
    )  # fmt: skip


def shown(moment: datetime) -> str:
    """Return a moment as sentences have it: to the second, rounded up, in UTC."""
    up = moment + timedelta(microseconds=-moment.microsecond % 1_000_000)
    return up.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _of_alert(alert: AlertFacts, groups: Sequence[GroupWhy], now: datetime) -> str:
    if alert.status == "pending":
        return "The alert is pending: nobody is notified before it opens."
    if not groups:
        return "The alert is in no group, so nothing is decided about it any more."
    until = alert.suppressed_until
    if until is not None and until > now and alert.status != "resolved":
        why = f" ({alert.suppress_reason})" if alert.suppress_reason else ""
        return (
            f"The alert is suppressed until {shown(until)}{why}: messages of its group do not name "
            "it before that."
        )
    return f"The alert is {alert.status}."


def _of_group(group: GroupWhy, alert: AlertFacts, now: datetime) -> GroupWhy:
    labels = ", ".join(f"{name}={value}" for name, value in group.labels.items())
    fires = "one alert fires" if group.firing == 1 else f"{group.firing:,} alerts fire"
    route = f"Route {group.route}" if group.route else "No route"
    text = f"{route}, grouped by {labels or 'nothing'}: {group.status}, {fires}."
    if group.unknown:
        text += f" There is no receiver {', '.join(group.unknown)}: default is notified instead."
    return msgspec.structs.replace(
        group,
        text=text,
        channels=[_of_channel(one, alert) for one in group.channels],
        history=[_of_outcome(one) for one in group.history],
    )


def _of_channel(one: ChannelWhy, alert: AlertFacts) -> ChannelWhy:
    said = words(one.reason)
    sentences: list[str] = []
    if one.notified_at is not None:
        sentences.append(f"Last notified at {shown(one.notified_at)}.")
        if not one.knows and alert.status in ("open", "acknowledged"):
            sentences.append("That message did not name this alert.")
    if not one.channel:
        sentences.append(f"Nobody is notified: {said}.")
    elif one.send:
        sentences.append(f"Due now: {said}.")
    else:
        sentences.append(f"Not notified now: {said}.")
        if one.next_at is not None:
            sentences.append(f"The next decision is at {shown(one.next_at)}.")
        else:
            sentences.append("The next decision follows the next change of the group.")
    if one.error:
        sentences.append(f"The last attempt failed: {one.error}")
    return msgspec.structs.replace(one, reason_text=said, text=" ".join(sentences))


_STATES = {
    "sent": "notified", "failed": "the attempt failed", "refused": "the channel refused it",
    "sending": "being sent",
}  # fmt: skip


def _of_outcome(one: Outcome) -> Outcome:
    said = words(one.reason)
    text = f"{_STATES.get(one.state, 'not notified')}: {said}"
    if one.attempt > 1:
        text += f", attempt {one.attempt}"
    if one.error:
        text += f" ({one.error})"
    if one.next_at is not None:
        text += f"; next decision at {shown(one.next_at)}"
    return msgspec.structs.replace(one, reason_text=said, text=text)
