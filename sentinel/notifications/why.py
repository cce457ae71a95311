"""Why channels are and were notified of an alert, or not, as sentences. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from sentinel.notifications.escalation_why import EscalationWhy, OnCallWhy
from sentinel.notifications.reasons import words
from sentinel.notifications.silence import SilenceTerms
from sentinel.printable import counted

__all__ = [
    "AlertFacts",
    "AlertWhy",
    "ChannelWhy",
    "GroupWhy",
    "Outcome",
    "explained",
    "shown",
    "without_others",
]


class AlertFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The alert itself: its stored status and its suppression, the silence that ends last, and id,
    title and rule of the alert that inhibits it.
    """

    id: str
    status: str
    suppressed_until: datetime | None = None
    suppress_reason: str = ""
    silence: SilenceTerms | None = None
    silenced_until: datetime | None = None
    inhibited_by: tuple[str, str, str] | None = None


class Outcome(BaseModel):
    """An outcome of the past for one receiver and channel of a group."""

    model_config = ConfigDict(frozen=True)

    at: datetime = Field(description="When it was decided.")
    receiver: str = Field(description="Name of the receiver; empty where there was none.")
    channel: str = Field(description="Its channel; empty where there was none.")
    state: str = Field(
        description="held where nothing was sent; else that of the attempt: sending, sent, failed "
        "or refused."
    )
    reason: str = Field(description="Reason code.", examples=["repeat_interval"])
    reason_text: str = Field(default="", description="`reason` in words.")
    next_at: datetime | None = Field(
        default=None, description="When the next decision was due then, where nothing was sent."
    )
    attempt: int = Field(default=0, description="Of the message; 0 where nothing was sent.")
    error: str = Field(default="", description="Of the attempt.")
    answer: str = Field(default="", description="What the provider said that took it.")
    latency_ms: int | None = Field(
        default=None, description="Milliseconds from the start of the send to its end."
    )
    text: str = Field(default="", description="All of it as a sentence.")


class ChannelWhy(BaseModel):
    """Whether one channel of a receiver is notified of the group now, and why."""

    model_config = ConfigDict(frozen=True)

    receiver: str = Field(description="Name of the receiver; empty where there is none.")
    channel: str = Field(description="inbox, or a Prefect block as type/name; empty for none.")
    notified_at: datetime | None = Field(
        description="When it was last notified of the group; null for never."
    )
    knows: bool = Field(description="Whether that message named this alert.")
    send: bool = Field(description="Whether it is notified now.")
    reason: str = Field(description="Reason code.", examples=["group_wait"])
    reason_text: str = Field(default="", description="`reason` in words.")
    next_at: datetime | None = Field(
        default=None,
        description="Exact time of the next decision; null where only a change leads to one.",
    )
    error: str = Field(default="", description="Of its last attempt, if that failed.")
    text: str = Field(default="", description="All of it in sentences.")


class GroupWhy(BaseModel):
    """A group that the alert belongs to, or belonged to."""

    model_config = ConfigDict(frozen=True)

    id: str = Field(description="Empty where it is hidden.")
    hidden: bool = Field(
        default=False,
        description="It has alerts out of your reach: only its status and the reasons are given.",
    )
    status: str = Field(description="open, acknowledged or resolved.")
    route: str = Field(description="The way on which its receivers are notified.")
    labels: dict[str, str] = Field(description="Those that its alerts have in common.")
    firing: int | None = Field(
        description="Number of its alerts that fire; null where it is hidden."
    )
    receivers: list[str]
    unknown: list[str] = Field(
        description="Receivers that do not exist; `default` is notified in their place."
    )
    next_at: datetime | None = Field(
        description="When the next decision is due; null where only a change leads to one."
    )
    channels: list[ChannelWhy] = Field(description="The decisions of now.")
    history: list[Outcome] = Field(description="The newest outcomes, oldest first.")
    escalation: EscalationWhy | None = Field(
        default=None, description="Who is paged while nobody acknowledges; null for nobody."
    )
    text: str = Field(default="", description="A sentence.")


class AlertWhy(BaseModel):
    """Why channels are and were notified of one alert, or not."""

    model_config = ConfigDict(frozen=True)

    alert_id: str
    at: datetime = Field(description="The moment of the decisions of now.")
    status: str = Field(description="Stored status of the alert.")
    text: str = Field(description="A sentence about the alert itself.")
    groups: list[GroupWhy] = Field(description="The newest first.")
    announcements: list[Outcome] = Field(
        default_factory=list["Outcome"],
        description="What was announced of the silences that mute or muted it, oldest first.",
    )
    on_call: OnCallWhy | None = Field(
        default=None,
        description="Who is called for its team now; null where the on-call document has no such "
        "team, and for whoever may not see on-call.",
    )
    orchestration: list[str] = Field(
        default_factory=list[str],
        description="What orchestration did before it opened or when it was posted last, a "
        "sentence for each rule.",
    )


def explained(
    alert: AlertFacts, groups: Sequence[GroupWhy], now: datetime,
    announcements: Sequence[Outcome] = (),
) -> AlertWhy:  # fmt: skip
    """Put what was decided about an alert into sentences.

    Args:
        alert: the alert
        groups: its groups, the newest first, without sentences
        now: the moment of the decisions
        announcements: what receivers were notified of, about silences that mute or muted it

    Returns:
        The same with a sentence at each.
    """
    return AlertWhy(
        alert_id=alert.id, at=now, status=alert.status, text=_of_alert(alert, groups, now),
        groups=[_of_group(one, alert) for one in groups],
        announcements=[_of_outcome(one) for one in announcements],
    )  # fmt: skip


def without_others(group: GroupWhy) -> GroupWhy:
    """Return a group that has alerts out of the reader's reach, without all that is told of them.

    Args:
        group: the group, without sentences

    Returns:
        Its status, and each reason once.
    """
    reasons = dict.fromkeys((one.send, one.reason) for one in group.channels)
    return GroupWhy(
        id="", hidden=True, status=group.status, route="", labels={}, firing=None, receivers=[],
        unknown=[], next_at=None, history=[],
        channels=[
            ChannelWhy(
                receiver="", channel="", notified_at=None, knows=False, send=send, reason=reason
            )
            for send, reason in reasons
        ],
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
    until, silence = alert.suppressed_until, alert.silence
    if alert.inhibited_by is not None and alert.status != "resolved":
        source, title, rule = alert.inhibited_by
        return (
            f"The alert is inhibited by {title!r} of the rule {rule}, alert {source}: messages of "
            "its group do not name it while that fires."
        )
    if silence is not None and alert.silenced_until is not None and alert.status != "resolved":
        why = f" ({silence.comment})" if silence.comment else ""
        held = "in a maintenance window of" if silence.maintenance else "silenced by"
        return (
            f"The alert is {held} {silence.author} until {shown(alert.silenced_until)}{why}, "
            f"silence {silence.id}: messages of its group do not name it before that."
        )
    if until is not None and until > now and alert.status != "resolved":
        why = f" ({alert.suppress_reason})" if alert.suppress_reason else ""
        return (
            f"The alert is suppressed until {shown(until)}{why}: messages of its group do not name "
            "it before that."
        )
    return f"The alert is {alert.status}."


def _of_group(group: GroupWhy, alert: AlertFacts) -> GroupWhy:
    if group.hidden:
        channels = [_of_hidden(one) for one in group.channels]
        text = f"A group with alerts out of your reach: {group.status}."
        return group.model_copy(update={"text": text, "channels": channels})
    labels = ", ".join(f"{name}={value}" for name, value in group.labels.items())
    fires = counted(group.firing or 0, "alert fires", "alerts fire")
    route = f"Route {group.route}" if group.route else "No route"
    text = f"{route}, grouped by {labels or 'nothing'}: {group.status}, {fires}."
    if group.unknown:
        text += f" There is no receiver {', '.join(group.unknown)}: default is notified instead."
    return group.model_copy(
        update={
            "text": text,
            "channels": [_of_channel(one, alert) for one in group.channels],
            "history": [_of_outcome(one) for one in group.history],
        }
    )


def _of_hidden(one: ChannelWhy) -> ChannelWhy:
    said = words(one.reason)
    text = f"{'Due' if one.send else 'Not notified'} now: {said}."
    return one.model_copy(update={"reason_text": said, "text": text})


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
    return one.model_copy(update={"reason_text": said, "text": " ".join(sentences)})


_STATES = {
    "sent": "notified", "failed": "the attempt failed", "refused": "the channel refused it",
    "sending": "being sent",
}  # fmt: skip


def _of_outcome(one: Outcome) -> Outcome:
    said = words(one.reason)
    text = f"{_STATES.get(one.state, 'not notified')}: {said}"
    if one.attempt > 1:
        text += f", attempt {one.attempt}"
    if one.latency_ms is not None:
        text += f", in {one.latency_ms:,} ms"
    if one.error or one.answer:
        text += f" ({one.error or one.answer})"
    if one.next_at is not None:
        text += f"; next decision at {shown(one.next_at)}"
    return one.model_copy(update={"reason_text": said, "text": text})
