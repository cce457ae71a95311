"""The alerts of a message as CSV, for a mail that has no room for all of them. Pure."""

from __future__ import annotations

import csv
import io

from sentinel.notifications.channel import Message, MessageAlert

__all__ = ["MOST_ROWS", "csv_of"]

MOST_ROWS = 10_000
_COLUMNS = (
    "id", "rule", "title", "severity", "status", "category", "team", "value", "opened_at",
    "resolved_at", "acknowledged_by", "labels", "url",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def csv_of(message: Message) -> str:
    """Return the alerts of a message as CSV (RFC 4180) with a line of names.

    Args:
        message: the message

    Returns:
        At most `MOST_ROWS` lines of alerts. A text that a spreadsheet would run as a formula has an
        apostrophe before it.
    """
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(_COLUMNS)
    for alert in message.alerts[:MOST_ROWS]:
        writer.writerow([_cell(alert, name) for name in _COLUMNS])
    return out.getvalue()


def _cell(alert: MessageAlert, name: str) -> str:
    if name == "labels":
        value: object = ", ".join(f"{key}={text}" for key, text in sorted(alert.labels.items()))
    else:
        value = getattr(alert, name)
    if value is None:
        return ""
    if name in ("opened_at", "resolved_at"):
        return f"{value:%Y-%m-%dT%H:%M:%SZ}"
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(_FORMULA) else text
