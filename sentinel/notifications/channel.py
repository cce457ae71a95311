"""The port that every channel implements, and the message that it is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from sentinel.notifications.reasons import Reason

__all__ = [
    "EMERGENCY",
    "INBOX",
    "NOTICE",
    "SEND_SECONDS",
    "Channel",
    "Message",
    "MessageAlert",
    "Receipt",
    "all_acknowledged",
    "send_seconds",
    "shown",
]

INBOX = "inbox"
"""Reference of the inbox, which is in the database."""
NOTICE = "notice"
"""Status of a message that is about no group of alerts, and has none."""
EMERGENCY = "emergency"
"""Reference of the emergency channel, which is in the environment."""
SEND_SECONDS = 120.0
"""Seconds that a whole send may take where its channel states no deadline of its own."""


class MessageAlert(msgspec.Struct, frozen=True, kw_only=True):
    """One alert inside a message.

    Attributes:
        started_at: when it began, as the system says that reports it; else when it opened
        resolution: why it is over: the code of a `sentinel.alerts.reasons.Reason`; empty while it
            fires
        resolution_text: the same in words
        acknowledged_by: who acknowledged it; empty while nobody has
        new: whether it fires since the channel's last message
    """

    id: str
    rule: str
    title: str
    description: str
    severity: str
    category: str
    status: str
    value: float | None
    opened_at: datetime
    started_at: datetime | None = None
    resolved_at: datetime | None
    resolution: str = ""
    resolution_text: str = ""
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    team: str = ""
    flow_run_id: str | None
    url: str
    acknowledged_by: str = ""
    new: bool = False


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message to one channel about one group.

    Attributes:
        dedup_key: the same for every message of one group's life, so that a provider which
            deduplicates makes one incident of them
        status: firing or resolved; of a message about no group of alerts, `NOTICE`
        reason: why it is sent now: the code of a `sentinel.notifications.reasons.Reason`
        reason_text: the same in words, with how many notifications limits held back before it, and
            with `notices`
        severity: the highest of the alerts that fire; of a resolve, the group's last one
        firing: how many of `alerts` fire
        resolved: how many of `alerts` are over since the channel's last message
        alerts: all of both sides: those that fire, the highest severity first, then those that
            are over. Suppressed alerts are on neither side
        answers: the `Receipt.reference` of the channel's last message about the group, so that a
            provider can keep one thread; empty for the first message
        progress: the `DeliveryError.progress` of the last attempt at this message
        seq: the group's `seq` that it reports: it lists what fires then
        text: by the receiver's template, in place of the list of alerts; empty for the built-in
            one
        acknowledge_url: a page that asks, and then acknowledges those of `alerts` that fire; empty
            where there is none. A secret: whoever has it may acknowledge
        notices: what is out of order with the delivery itself, in words: that Prefect is down
        html: `text` for a mail, in HTML that Sentinel made; empty for the text itself
        attachment: name and content of a CSV file for a mail; None for none
    """

    id: str
    group_id: str
    dedup_key: str
    at: datetime
    status: str
    reason: str
    reason_text: str
    receiver: str
    title: str
    severity: str
    firing: int
    resolved: int
    alerts: Sequence[MessageAlert]
    url: str
    answers: str = ""
    progress: str = ""
    acknowledge_url: str = ""
    seq: int = 0
    text: str = ""
    notices: Sequence[str] = ()
    html: str = ""
    attachment: tuple[str, str] | None = None


def shown(message: Message, most: int) -> list[MessageAlert]:
    """Return the alerts that a message for people names, where it cannot name all.

    Args:
        message: the message
        most: how many alerts it has room for

    Returns:
        The first of both sides: those that are over get up to half of the places, and those that
        the other side leaves.
    """
    firing, resolved = message.alerts[: message.firing], message.alerts[message.firing :]
    places = min(len(resolved), max(most - len(firing), most // 2))
    return [*firing[: most - places], *resolved[:places]]


def all_acknowledged(message: Message) -> bool:
    """Return whether somebody has acknowledged all that fires, and something does.

    Args:
        message: the message

    Returns:
        Never of a page: where all of a step must acknowledge, it wants an answer of its own person.
    """
    firing = message.alerts[: message.firing] if message.reason != str(Reason.PAGE) else ()
    return bool(firing) and all(alert.status == "acknowledged" for alert in firing)


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """The channel's answer.

    Attributes:
        reference: the provider's own id of the message
        answer: what it said, for people: short, and without secrets
    """

    reference: str = ""
    answer: str = ""


class Channel(Protocol):
    """Anything that takes messages.

    A channel may state `send_seconds`, the deadline of one whole `send` of all its requests, which
    it keeps itself. Who sends gives it up soon after that, and tries again.
    """

    def send(self, message: Message) -> Receipt:
        """Deliver, or raise.

        Raises:
            DeliveryError: it was not delivered; `permanent` where a retry cannot help
        """
        ...


def send_seconds(channel: Channel) -> float:
    """Return the seconds after which a send through `channel` has failed."""
    return float(getattr(channel, "send_seconds", SEND_SECONDS))
