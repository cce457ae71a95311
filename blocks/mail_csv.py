"""The alerts of a message as CSV, for a mail that has no room for all of them. Pure."""

from __future__ import annotations

import csv
import io

from sentinel.labels.spreadsheet_text import spreadsheet_text
from sentinel.notifications.channel import Message, MessageAlert, shown

__all__ = ["MOST_ROWS", "csv_of"]

MOST_ROWS = 10_000
_COLUMNS = (
    "id", "rule", "title", "severity", "status", "category", "team", "value", "opened_at",
    "resolved_at", "acknowledged_by", "labels", "url",
)  # fmt: skip


def csv_of(message: Message) -> str:
    """Return the alerts of a message as CSV (RFC 4180) with a line of names.

    Args:
        message: the message

    Returns:
        At most `MOST_ROWS` lines of alerts, and a last one with how many it leaves out, if any. An
        apostrophe is before whatever a spreadsheet would run as a formula.
    """
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(_COLUMNS)
    rows = shown(message, MOST_ROWS)
    for alert in rows:
        writer.writerow([_cell(alert, name) for name in _COLUMNS])
    if more := message.firing + message.resolved - len(rows):
        writer.writerow([f"… and {more:,} more", *[""] * (len(_COLUMNS) - 1)])
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
    return spreadsheet_text(value) if isinstance(value, str) else str(value)
