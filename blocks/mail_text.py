"""The two parts of an email, plain text and HTML with the same content. Pure."""

from __future__ import annotations

from html import escape

from blocks.message_text import (
    actions_of,
    counts,
    duration_text,
    is_resolved,
    labels_of,
    links_of,
    one_line,
    since,
    status_text,
)
from sentinel.notifications.channel import Message, MessageAlert, shown

__all__ = ["html_of", "text_of"]

MOST_ALERTS = 50
_COLOURS = {
    "critical": "#c62828",
    "high": "#e65100",
    "medium": "#f9a825",
    "low": "#1565c0",
    "info": "#616161",
}
_RESOLVED_COLOUR = "#2e7d32"
_FONT = "font-family:system-ui,-apple-system,'Segoe UI',Roboto,sans-serif"


def text_of(message: Message) -> str:
    """Return the plain text part."""
    parts = [f"{one_line(message.title)}\n{_about(message)}\n{message.url}"]
    if message.acknowledge_url:
        parts.append(f"Acknowledge: {message.acknowledge_url}")
    if message.text:
        parts.append("\n".join(f"  {line.rstrip()}" for line in message.text.splitlines()))
    else:
        parts += [_alert_text(message, alert) for alert in shown(message, MOST_ALERTS)]
    if more := _more(message):
        parts.append(f"and {more:,} more: {message.url}")
    parts.append(f"-- \nSent by Sentinel to the receiver {message.receiver}.")
    return "\n\n".join(parts) + "\n"


def _alert_text(message: Message, alert: MessageAlert) -> str:
    lines = [f"* {one_line(alert.title)}", f"  {_state(message, alert)}"]
    # Indented, so that no line of a check can pass for one of Sentinel's.
    lines += [f"  {line.rstrip()}" for line in alert.description.splitlines() if line.strip()]
    if alert.labels:
        lines.append(f"  {one_line(labels_of(alert))}")
    lines.append(f"  {alert.url}")
    lines += [f"  {name}: {url}" for name, url in links_of(alert)]
    return "\n".join(lines)


def html_of(message: Message) -> str:
    """Return the HTML part; all text that comes from checks is escaped."""
    colour = _RESOLVED_COLOUR if is_resolved(message) else _COLOURS.get(message.severity, "#616161")
    if message.html:
        rows = message.html
    elif message.text:
        said = escape(message.text).replace("\n", "<br>\n")
        rows = f'<p style="margin:0 0 12px">{said}</p>'
    else:
        rows = "\n".join(_alert_html(message, alert) for alert in shown(message, MOST_ALERTS))
    more = _more(message)
    left = f"<p>and {more:,} more: {_link(message.url, 'see all')}</p>" if more else ""
    do = " ".join(_button(url, text) for text, url in actions_of(message))
    title, sent = (
        escape(one_line(message.title)),
        escape(f"Sent by Sentinel to the receiver {message.receiver}."),
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>{title}</title></head>
<body style="margin:0;padding:16px;{_FONT};font-size:14px;line-height:1.4">
<div style="max-width:680px;border-left:6px solid {colour};padding:4px 0 4px 14px">
<h2 style="margin:0 0 4px;font-size:18px">{_link(message.url, one_line(message.title))}</h2>
<p style="margin:0 0 12px;color:#666">{escape(_about(message))}</p>
<p style="margin:0 0 12px">{do}</p>
{rows}
{left}
<p style="margin:12px 0 0;color:#888;font-size:12px">{sent}</p>
</div>
</body>
</html>
"""


def _alert_html(message: Message, alert: MessageAlert) -> str:
    paragraphs = [f"<strong>{_link(alert.url, one_line(alert.title))}</strong>"]
    paragraphs.append(f'<span style="color:#666">{escape(_state(message, alert))}</span>')
    if alert.description:
        paragraphs.append(escape(alert.description).replace("\n", "<br>\n"))
    if alert.labels:
        paragraphs.append(f"<code>{escape(labels_of(alert))}</code>")
    links = [_link(url, name) for name, url in links_of(alert)]
    if links:
        paragraphs.append(" &middot; ".join(links))
    inside = "<br>\n".join(paragraphs)
    return f'<p style="margin:0 0 12px">{inside}</p>'


def _about(message: Message) -> str:
    """Return the counts of a message and why it is sent: `2 firing: severity rose`."""
    return ": ".join(filter(None, (counts(message), message.reason_text)))


def _state(message: Message, alert: MessageAlert) -> str:
    began = since(alert).strftime("%Y-%m-%d %H:%M UTC")
    return (
        f"{alert.severity}, {status_text(alert)} {duration_text(alert, message.at)}, since {began}"
    )


def _button(url: str, text: str) -> str:
    style = "display:inline-block;padding:8px 16px;border:1px solid #888;border-radius:4px"
    return f'<a href="{escape(url)}" style="{style};color:inherit">{escape(text)}</a>'


def _link(url: str, text: str) -> str:
    return f'<a href="{escape(url)}" style="color:inherit">{escape(text)}</a>'


def _more(message: Message) -> int:
    if message.text:
        return 0
    return max(0, message.firing + message.resolved - len(shown(message, MOST_ALERTS)))
