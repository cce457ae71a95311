"""Slack, through an incoming webhook: Prefect's blocks hold its URL, this module formats messages.

Messages are Slack's Block Kit (https://docs.slack.dev/reference/block-kit/blocks) inside one
attachment, which gives them a colour. An incoming webhook can neither edit nor answer a message,
so the resolve is a message of its own.
"""

from __future__ import annotations

import logging
import re
from datetime import datetime
from typing import Any

import orjson

from blocks.http_post import Rejected, post
from blocks.message_text import (
    colour,
    counts,
    duration_text,
    labels_of,
    links_of,
    one_line,
    sign,
    since,
    status_text,
)
from sentinel.notifications.channel import Message, MessageAlert, Receipt, shown

__all__ = ["SLACK", "SlackChannel", "payload_of"]

log = logging.getLogger(__name__)

SLACK = ("slack-incoming-webhook", "slack-webhook")
"""Block types that hold the URL of an incoming webhook: prefect-slack's, and Prefect's own."""

MOST_ALERTS = 10
MOST_LABEL = 150
MOST_BLOCK = 700
"""Characters per alert. Slack accepts 3,000 per text and 50 blocks, but rejects a message whose
blocks have more than about 10,000 characters together, a limit it does not document."""

_TIMEOUT_SECONDS = 10.0
_ESCAPED = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_WORD = re.compile(r"[a-z]+(_[a-z]+)*")


class SlackChannel:
    """A Slack channel, reached through an incoming webhook.

    Args:
        ref: type and name of the block, for errors
        url: URL of the webhook, a secret
    """

    def __init__(self, ref: str, url: str) -> None:
        self._ref = ref
        self._url = url
        self.send_seconds = 2 * _TIMEOUT_SECONDS  # as plain text too

    def send(self, message: Message) -> Receipt:
        """Post `message`; as plain text if Slack rejects its layout.

        Args:
            message: the message

        Returns:
            An empty receipt: an incoming webhook does not identify the message.

        Raises:
            DeliveryError: Slack did not accept it; permanent for 4xx, except 408 and 429
        """
        try:
            self._post(payload_of(message))
        except Rejected as error:
            if error.code != 400:
                raise error.saying(_text_of(error)) from None
            # A layout that Slack rejects must not prevent the notification.
            log.warning("%s: Slack rejected the layout (%s)", self._ref, _reason(error))
            try:
                self._post({"text": _headline(message)})
            except Rejected as again:
                raise again.saying(_text_of(again)) from None
        return Receipt()

    def _post(self, payload: dict[str, Any]) -> None:
        post(
            self._url,
            orjson.dumps(payload),
            headers={"Content-Type": "application/json", "User-Agent": "sentinel"},
            timeout=_TIMEOUT_SECONDS,
            what="the Slack webhook",
            fix=f"Check the channel and the app in Slack, and the block {self._ref}.",
        )


def _reason(error: Rejected) -> str:
    """Return Slack's error code, such as `channel_is_archived`."""
    return error.body if _WORD.fullmatch(error.body) else str(error.code)


def _text_of(error: Rejected) -> str:
    return f"{error.message}: {_reason(error)}"


def payload_of(message: Message) -> dict[str, Any]:
    """Return the JSON object to post for `message`."""
    alerts = shown(message, MOST_ALERTS)
    blocks = [_section(_about(alert, message.at)) for alert in alerts]
    left = message.firing + message.resolved - len(alerts)
    footer = [counts(message), _plain(message.reason_text)]
    if left > 0 and alerts:
        footer.append(f"<{message.url}|and {left:,} more>")
    footer.append(f"receiver: {_plain(message.receiver)}")
    blocks.append({"type": "context", "elements": [_mrkdwn(" · ".join(footer))]})
    return {
        # Besides the blocks: the text of a phone's notification.
        "text": _headline(message),
        "attachments": [
            {
                "color": colour(message),
                "fallback": _plain(message.title),
                "blocks": blocks,
            }
        ],
    }


def _headline(message: Message) -> str:
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
