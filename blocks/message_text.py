"""What messages to people have in common, whatever the channel."""

from __future__ import annotations

from datetime import datetime, timedelta

from sentinel.duration import format_duration
from sentinel.links import Addresses, safe_link
from sentinel.notifications.channel import Message, MessageAlert
from sentinel.settings import settings

__all__ = ["counts", "is_over", "labels_of", "lasted", "links_of", "one_line"]


def is_over(message: Message) -> bool:
    """Whether it tells of the end."""
    return message.status == "resolved"


def counts(message: Message) -> str:
    """How many fire, and how many are over since the last message: `2 firing, 1 resolved`."""
    parts = [(message.firing, "firing"), (message.resolved, "resolved")]
    return ", ".join(f"{count:,} {word}" for count, word in parts if count) or "nothing fires"


def lasted(alert: MessageAlert, at: datetime) -> str:
    """`for 5m`, or `after 5m` where it is over.

    Args:
        alert: the one
        at: when the message was written
    """
    end = alert.resolved_at or at
    seconds = max(0, int((end - alert.opened_at).total_seconds()))
    length = format_duration(timedelta(seconds=seconds if seconds < 3600 else seconds // 60 * 60))
    return f"{'after' if alert.resolved_at else 'for'} {length}"


def labels_of(alert: MessageAlert) -> str:
    """`host=db1, mount=/data`."""
    return ", ".join(f"{name}={value}" for name, value in alert.labels.items())


def links_of(alert: MessageAlert) -> list[tuple[str, str]]:
    """Where to look: what its annotations link to, such as a runbook, and its flow run.

    Only addresses that a person may be sent to; a check can put anything into an annotation.
    """
    found = [
        (one_line(name.replace("_", " ")), link)
        for name, text in alert.annotations.items()
        if (link := safe_link(text)) is not None
    ]
    if alert.flow_run_id:
        found.append(("flow run", Addresses.of(settings()).flow_run(alert.flow_run_id)))
    return found


def one_line(text: str) -> str:
    """`text` with every run of white space as one space."""
    return " ".join(text.split())
