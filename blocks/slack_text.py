"""The layout of Slack messages, for webhooks and for an app: Block Kit inside one attachment. Pure.

The attachment gives them a colour. Limits: https://docs.slack.dev/reference/block-kit/blocks and
`tests/blocks/schemas/slack_app.json`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from blocks.message_text import (
    colour,
    counts,
    duration_text,
    fitted,
    labels_of,
    links_of,
    one_line,
    sign,
    since,
    status_text,
)
from sentinel.notifications.channel import Message, MessageAlert, shown
from sentinel.notifications.reasons import Reason

__all__ = ["PRESSED", "action_button", "button", "headline", "payload_of", "update_of"]

MOST_ALERTS = 10
MOST_LABEL = 150
MOST_BLOCK = 700
"""Characters per alert. Slack accepts 3,000 per text and 50 blocks, but rejects a message whose
blocks have more than about 10,000 characters together, a limit it does not document."""
PRESSED = {"sentinel-acknowledge": "acknowledge", "sentinel-resolve": "resolve"}
"""What the buttons of `action_button` ask for, by their `action_id`."""
_MOST_UPDATES, _MOST_UPDATE = 20, 2_900
_ESCAPED = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def payload_of(
    message: Message, buttons: Sequence[dict[str, Any]] = (), *, links: bool = False
) -> dict[str, Any]:
    """Return the JSON object to post for `message`.

    Args:
        message: the message
        buttons: elements of an actions block below it, at most 25; none for no such block
        links: whether what acknowledges is a link in its last line: for want of buttons, or beside
            those that work only while Sentinel listens

    Returns:
        `text`, and `attachments` with one attachment that has the blocks.
    """
    alerts = [] if message.text else shown(message, MOST_ALERTS)
    blocks = [_section(_about(alert, message.at)) for alert in alerts]
    if message.text:
        blocks = [_section(_plain(message.text, _MOST_UPDATE))]
    left = message.firing + message.resolved - len(alerts)
    footer = [*filter(None, [counts(message)]), _plain(message.reason_text)]
    if left > 0 and alerts:
        footer.append(f"<{message.url}|and {left:,} more>")
    footer.append(f"receiver: {_plain(message.receiver)}")
    if links and message.acknowledge_url:
        footer.append(_link(message.acknowledge_url, "Acknowledge"))
    blocks.append({"type": "context", "elements": [_mrkdwn(" · ".join(footer))]})
    if buttons:
        blocks.append({"type": "actions", "elements": list(buttons)})
    return {
        # Besides the blocks: the text of a phone's notification.
        "text": headline(message),
        "attachments": [
            {
                "color": colour(message),
                "fallback": _plain(message.title),
                "blocks": blocks,
            }
        ],
    }


def button(text: str, url: str) -> dict[str, Any]:
    """Return a button that opens an address, which needs no listening app.

    Args:
        text: on it, at most 75 characters
        url: at most 3,000 characters

    Returns:
        An element of an actions block.
    """
    return {
        "type": "button",
        "action_id": f"open-{text.lower()}",
        "text": {"type": "plain_text", "text": text, "emoji": True},
        "url": url,
    }


def action_button(action_id: str, value: str) -> dict[str, Any]:
    """Return a button that a listening app is told of; it asks before it resolves.

    Args:
        action_id: one of `PRESSED`
        value: that the app is told, at most 2,000 characters

    Returns:
        An element of an actions block.
    """
    text = PRESSED[action_id].capitalize()
    made: dict[str, Any] = {
        "type": "button", "action_id": action_id, "value": value, "style": "primary",
        "text": {"type": "plain_text", "text": text, "emoji": True},
    }  # fmt: skip
    if text == "Resolve":
        made["style"] = "danger"
        made["confirm"] = {
            "title": {"type": "plain_text", "text": "Resolve the alerts?"},
            "text": {"type": "plain_text", "text": "All that this message lists as firing."},
            "confirm": {"type": "plain_text", "text": text},
            "deny": {"type": "plain_text", "text": "Cancel"},
        }
    return made


def update_of(message: Message) -> dict[str, Any]:
    """Return what a thread says of `message`: why it is sent, and the alerts that changed.

    Args:
        message: a further message about a group

    Returns:
        `text`, and `blocks` with one section of at most 3,000 characters.
    """
    changed = [one for one in shown(message, len(message.alerts)) if _is_news(message, one)]
    lines = [
        f"{_plain(one.severity)}, {_plain(status_text(one))}: {_link(one.url, one.title)}"
        for one in changed[:_MOST_UPDATES]
    ]
    said = f"{sign(message)} *{_plain(one_line(message.reason_text), 500)}* · {counts(message)}"
    text = fitted(lines, _MOST_UPDATE - len(said), len(changed))
    return {
        "text": said,
        "blocks": [_section(f"{said}\n{text}" if text else said)],
    }


def _is_news(message: Message, alert: MessageAlert) -> bool:
    """Return whether an alert changed since the last message, as far as that says."""
    acknowledged = message.reason == Reason.ACKNOWLEDGEMENT and alert.status == "acknowledged"
    return alert.new or alert.resolved_at is not None or acknowledged


def headline(message: Message) -> str:
    """Return the title with its severity's sign, linked to the group."""
    return f"{sign(message)} *{_link(message.url, message.title)}*"


def _about(alert: MessageAlert, at: datetime) -> str:
    """Return the text about one alert: title, severity, status, duration, labels and links."""
    lines = [
        f"*{_link(alert.url, alert.title)}*",
        f"{_plain(alert.severity)}, {_plain(status_text(alert))} {duration_text(alert, at)}, "
        f"since {_date(since(alert))}",
    ]
    if alert.description:
        lines.append(_plain(one_line(alert.description), 250))
    if alert.labels:
        lines.append(_plain(labels_of(alert), 150))
    links = " · ".join(_link(url, name) for name, url in links_of(alert)[:5])
    text = "\n".join(lines)
    # Links are omitted as a whole, because a truncated link does not work.
    return f"{text}\n{links}" if links and len(text) + len(links) < MOST_BLOCK else text


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": _mrkdwn(text)}


def _mrkdwn(text: str) -> dict[str, Any]:
    # Verbatim, so that no text of a check becomes a link or a mention.
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _plain(text: str, most: int = MOST_LABEL) -> str:
    """Return `text` with Slack's three control characters escaped.

    Args:
        text: any text
        most: the longest length of the result; `text` is truncated between characters

    Returns:
        The escaped text.
    """
    escaped = [_ESCAPED.get(character, character) for character in text]
    if sum(map(len, escaped)) <= most:
        return "".join(escaped)
    size = 0
    for number, part in enumerate(escaped):
        size += len(part)
        if size > most - 1:
            return "".join(escaped[:number]) + "…"
    return "".join(escaped)


def _link(url: str, text: str) -> str:
    label = _plain(one_line(text).replace("|", "¦")) or "alert"
    address = url.replace("&", "&amp;").replace("<", "%3C").replace(">", "%3E").replace("|", "%7C")
    return f"<{address}|{label}>"


def _date(moment: datetime) -> str:
    """Return a time that Slack shows each reader in their own time zone."""
    fallback = moment.strftime("%Y-%m-%d %H:%M UTC")
    return f"<!date^{int(moment.timestamp())}^{{date_short_pretty}} {{time}}|{fallback}>"
