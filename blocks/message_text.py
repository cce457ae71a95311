"""Texts that the messages of all channels share."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sentinel.alerts.reasons import Reason
from sentinel.duration import format_duration
from sentinel.links import Addresses, safe_link
from sentinel.notifications.channel import NOTICE, Message, MessageAlert, shown
from sentinel.settings import settings

__all__ = [
    "actions_of",
    "alert_lines",
    "clipped",
    "colour",
    "counts",
    "duration_text",
    "fitted",
    "footer",
    "harmless",
    "is_resolved",
    "json_size",
    "labels_of",
    "link_lines",
    "links_of",
    "one_line",
    "resources_of",
    "sign",
    "since",
    "status_text",
    "utf8_size",
    "utf16_size",
]

_CLASSIFYING = frozenset((
    "alertgroup", "alertname", "category", "env", "environment", "grafana_folder", "monitor",
    "owner", "priority", "prometheus", "receiver", "rule", "rule_id", "severity", "team", "tenant",
))  # fmt: skip
"""Labels that say what kind of alert it is or who takes it, and not what is affected."""

_COLOURS = {
    "critical": "#d32f2f", "high": "#f57c00", "medium": "#fbc02d", "low": "#1976d2",
}  # fmt: skip
_SIGNS = {"critical": "🔴", "high": "🟠", "medium": "🟡", "low": "🔵"}


def is_resolved(message: Message) -> bool:
    """Return whether the message says that the group is resolved."""
    return message.status == "resolved"


def colour(message: Message) -> str:
    """Return the colour of a message as `#rrggbb`: of its severity, or green for a resolve."""
    return "#388e3c" if is_resolved(message) else _COLOURS.get(message.severity, "#757575")


def sign(message: Message) -> str:
    """Return one emoji for the severity of a message, or for its resolve."""
    return "✅" if is_resolved(message) else _SIGNS.get(message.severity, "⚪")


def footer(message: Message) -> str:
    """Return the counts of a message and why it is sent: `2 firing · severity rose`."""
    return " · ".join(filter(None, (counts(message), one_line(message.reason_text))))


def harmless(text: str, markup: str = "") -> str:
    """Return text of a check so that it mentions nobody and is no markup.

    Args:
        text: any text
        markup: the characters that mean something to the vendor; each gets a backslash before it

    Returns:
        The text, with a zero-width space after each `@`.
    """
    escaped = "".join(f"\\{one}" if one in markup else one for one in text)
    return escaped.replace("@", "@\u200b")


def counts(message: Message) -> str:
    """Return the counts of firing and newly resolved alerts: `2 firing, 1 resolved`.

    Args:
        message: the message

    Returns:
        The counts; empty for a message that is about no alerts.
    """
    if message.status == NOTICE:
        return ""
    parts = [(message.firing, "firing"), (message.resolved, "resolved")]
    return ", ".join(f"{count:,} {word}" for count, word in parts if count) or "none firing"


def status_text(alert: MessageAlert) -> str:
    """Return the status of an alert, who acknowledged it, and why it is over without recovery."""
    if alert.resolution in ("", str(Reason.RECOVERED)):
        by = one_line(alert.acknowledged_by)
        return f"{alert.status} by {by}" if by and alert.status == "acknowledged" else alert.status
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


def actions_of(message: Message) -> list[tuple[str, str]]:
    """Return what a person can do about a message: acknowledge, where it has a link, and open it.

    Args:
        message: the message

    Returns:
        Pairs of name and URL. The first is a secret of those who get the message.
    """
    acknowledge = [("Acknowledge", message.acknowledge_url)] if message.acknowledge_url else []
    return [*acknowledge, ("Open", message.url)]


def link_lines(message: Message) -> str:
    """Return `actions_of` for plain text, a line for each; the page that opens is a bare URL."""
    return "\n".join(
        url if name == "Open" else f"{name}: {url}" for name, url in actions_of(message)
    )


def links_of(alert: MessageAlert) -> list[tuple[str, str]]:
    """Return the links of an alert: those of its annotations, such as a runbook, and its flow run.

    Args:
        alert: the alert

    Returns:
        Pairs of name and URL. Only http and https URLs, because a check can put anything into an
        annotation.
    """
    found = [
        (one_line(name.removesuffix("_url").replace("_", " ")) or "link", link)
        for name, text in alert.annotations.items()
        if (link := safe_link(text)) is not None
    ]
    if alert.flow_run_id:
        found.append(("flow run", Addresses.of(settings()).flow_run(alert.flow_run_id)))
    return found


def one_line(text: str) -> str:
    """Return `text` with every run of white space replaced by one space."""
    return " ".join(text.split())


class OwnText(list[str]):
    """The lines of a text that is not about one alert each."""


def alert_lines(message: Message, most: int, write: Callable[[str], str] = str) -> list[str]:
    """Return a line about each alert that a message names: severity, title, status and duration.

    Args:
        message: the message
        most: how many lines at most
        write: escapes text for the vendor

    Returns:
        The lines, those that fire first; the text of the receiver's template in place of them,
        where it has one, which `fitted` cuts without counting alerts.
    """
    if message.text:
        return OwnText(write(line) for line in message.text.splitlines())
    return [
        f"{write(alert.severity)}: {write(one_line(alert.title))} "
        f"({write(status_text(alert))} {duration_text(alert, message.at)})"
        for alert in shown(message, most)
    ]


def utf8_size(text: str) -> int:
    """Return how many bytes a text has in UTF-8."""
    return len(text.encode("utf-8", "replace"))


def utf16_size(text: str) -> int:
    """Return how many code units a text has in UTF-16, in which many vendors count characters."""
    return len(text.encode("utf-16-le", "replace")) // 2


def json_size(text: str) -> int:
    """Return how many bytes a text has in JSON, where a quote has two."""
    return len(json.dumps(text, ensure_ascii=False).encode("utf-8", "replace")) - 2


def clipped(text: str, most: int, size: Callable[[str], int] = len) -> str:
    """Return a text that is cut between characters, with an ellipsis, where it is too long.

    Args:
        text: any text
        most: the largest size of the result
        size: how the size of a text is measured

    Returns:
        The text, or its start and an ellipsis.
    """
    if size(text) <= most:
        return text
    low, high = 0, min(len(text), most)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if size(text[:middle] + "…") <= most else (low, middle - 1)
    return text[:low] + "…"


def fitted(lines: Sequence[str], most: int, total: int, size: Callable[[str], int] = len) -> str:
    """Return as many lines as fit, and how many are left out: `… and 12 more`.

    Args:
        lines: each is about one of what there are `total` of
        most: the largest size of the result
        total: how many there are, at least as many as lines
        size: how the size of a text is measured

    Returns:
        Whole lines; where not even the first fits, its start.
    """
    if isinstance(lines, OwnText):
        return clipped("\n".join(lines), most, size)
    lines, whole = lines[:total], "\n".join(lines)
    if len(lines) == total and size(whole) <= most:
        return whole
    if not lines:
        return ""
    rest = f"… and {total - 1:,} more" if total > 1 else ""
    kept = clipped(lines[0], most - size(f"\n{rest}"), size)
    best, head = "\n".join(filter(None, (kept, rest))), ""
    for number, line in enumerate(lines, 1):
        head = f"{head}\n{line}" if number > 1 else line
        left = total - number
        text = f"{head}\n… and {left:,} more" if left else head
        if size(text) > most:
            break
        best = text
    return best
