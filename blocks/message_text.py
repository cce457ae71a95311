"""Texts that the messages of all channels share."""

from __future__ import annotations

from datetime import datetime, timedelta

from sentinel.alerts.reasons import Reason
from sentinel.duration import format_duration
from sentinel.links import Addresses, safe_link
from sentinel.notifications.channel import Message, MessageAlert
from sentinel.settings import settings

__all__ = [
    "counts",
    "duration_text",
    "is_resolved",
    "labels_of",
    "links_of",
    "one_line",
    "resources_of",
    "since",
    "status_text",
]

_CLASSIFYING = frozenset((
    "alertgroup", "alertname", "category", "env", "environment", "grafana_folder", "monitor",
    "owner", "priority", "prometheus", "receiver", "rule", "rule_id", "severity", "team", "tenant",
))  # fmt: skip
"""Labels that say what kind of alert it is or who takes it, and not what is affected."""


def is_resolved(message: Message) -> bool:
    """Return whether the message says that the group is resolved."""
    return message.status == "resolved"


def counts(message: Message) -> str:
    """Return the counts of firing and newly resolved alerts: `2 firing, 1 resolved`."""
    parts = [(message.firing, "firing"), (message.resolved, "resolved")]
    return ", ".join(f"{count:,} {word}" for count, word in parts if count) or "none firing"


def status_text(alert: MessageAlert) -> str:
    """Return the status of an alert, and why it is over if it did not recover."""
    if alert.resolution in ("", str(Reason.RECOVERED)):
        return alert.status
    return f"{alert.status} ({alert.resolution_text or alert.resolution})"


def duration_text(alert: MessageAlert, at: datetime) -> str:
    """Return how long an alert has lasted: `for 5m`, or `after 5m` if it is resolved.

    Args:
        alert: the alert
        at: the time of the message

    Returns:
        The duration in words, rounded down to minutes from an hour on.
    """
    end = alert.resolved_at or at
    seconds = max(0, int((end - since(alert)).total_seconds()))
    length = format_duration(timedelta(seconds=seconds if seconds < 3600 else seconds // 60 * 60))
    return f"{'after' if alert.resolved_at else 'for'} {length}"


def since(alert: MessageAlert) -> datetime:
    """Return when an alert began, as the system says that reports it, else when it opened."""
    return alert.started_at or alert.opened_at


def labels_of(alert: MessageAlert) -> str:
    """Return the labels as text: `host=db1, mount=/data`."""
    return ", ".join(f"{name}={value}" for name, value in alert.labels.items())


def resources_of(alert: MessageAlert) -> list[str]:
    """Return what is affected: the values of labels but for those that classify or route."""
    return sorted({value for name, value in alert.labels.items() if name not in _CLASSIFYING})


def links_of(alert: MessageAlert) -> list[tuple[str, str]]:
    """Return the links of an alert: those of its annotations, such as a runbook, and its flow run.

    Args:
        alert: the alert

    Returns:
        Pairs of name and URL. Only http and https URLs, because a check can put anything into an
        annotation.
    """
    found = [
        (one_line(name.removesuffix("_url").replace("_", " ")), link)
        for name, text in alert.annotations.items()
        if (link := safe_link(text)) is not None
    ]
    if alert.flow_run_id:
        found.append(("flow run", Addresses.of(settings()).flow_run(alert.flow_run_id)))
    return found


def one_line(text: str) -> str:
    """Return `text` with every run of white space replaced by one space."""
    return " ".join(text.split())
