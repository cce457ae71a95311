"""The port that every channel implements, and the message that it is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

__all__ = ["Channel", "Message", "MessageAlert", "Receipt"]


class MessageAlert(msgspec.Struct, frozen=True, kw_only=True):
    """One alert inside a message."""

    id: str
    rule: str
    title: str
    description: str
    severity: str
    category: str
    status: str
    value: float | None
    opened_at: datetime
    resolved_at: datetime | None
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    flow_run_id: str | None
    url: str


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message to one channel about one group.

    Attributes:
        dedup_key: the same for every message of one group's life, so that a provider which
            deduplicates makes one incident of them
        status: firing or resolved
        reason: why it is sent now: the code of a `sentinel.notifications.reasons.Reason`
        reason_text: the same in words, with how many notifications limits held back before it
        alerts: at most 50 of them, the highest severity first; `firing` and `resolved` count all
        answers: the `Receipt.reference` of the channel's last message about the group, so that a
            provider can keep one thread; empty for the first message
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


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """The channel's answer: `reference` is the provider's own id of the message."""

    reference: str = ""


class Channel(Protocol):
    """Anything that takes messages."""

    def send(self, message: Message) -> Receipt:
        """Deliver, or raise.

        Raises:
            DeliveryError: it was not delivered; `permanent` where a retry cannot help
        """
        ...
