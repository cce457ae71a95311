"""Slack, through an incoming webhook: Prefect's blocks hold the address, this writes the message.

The shape is Slack's Block Kit (https://docs.slack.dev/reference/block-kit/blocks) inside one
attachment, which gives it a colour. An incoming webhook can neither edit nor answer a message,
so the end is a message of its own.
"""

from __future__ import annotations

import logging
import re
from datetime import datetime
from typing import Any

import orjson

from blocks.http_post import Refused, post
from blocks.message_text import counts, is_over, labels_of, lasted, links_of, one_line
from sentinel.errors import DeliveryError
from sentinel.notifications.channel import Message, MessageAlert, Receipt

__all__ = ["SLACK", "SlackChannel", "payload_of"]

log = logging.getLogger(__name__)

SLACK = ("slack-incoming-webhook", "slack-webhook")
"""Block types that hold the address of an incoming webhook: prefect-slack's, and Prefect's own."""

MOST_ALERTS = 10
MOST_LABEL = 150
MOST_BLOCK = 700
"""Characters per alert. Slack takes 3,000 per text and 50 blocks, but refuses a message whose
blocks have more than about 10,000 characters together, a limit it does not document."""

_TIMEOUT_SECONDS = 10.0
_COLOURS = {
    "critical": "#d32f2f",
    "high": "#f57c00",
    "medium": "#fbc02d",
    "low": "#1976d2",
    "info": "#757575",
}
_SIGNS = {"critical": "🔴", "high": "🟠", "medium": "🟡", "low": "🔵", "info": "⚪"}
_OVER = "#388e3c"
_ESCAPED = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_WORD = re.compile(r"[a-z]+(_[a-z]+)*")


class SlackChannel:
    """A Slack channel, reached through an incoming webhook.

    Args:
        ref: the block's type and name, for errors
        url: the webhook's address, a secret
    """

    def __init__(self, ref: str, url: str) -> None:
        self._ref = ref
        self._url = url

    def send(self, message: Message) -> Receipt:
        """Post `message`; in plain words where Slack does not like how it looks.

        Raises:
            DeliveryError: Slack did not take it; permanent for 4xx, except 408 and 429
        """
        try:
            self._post(payload_of(message))
        except Refused as error:
            if error.code != 400:
                raise _said(error) from None
            # Its layout must not be why nobody is told.
            log.warning("%s: Slack refused the layout (%s)", self._ref, _reason(error))
            try:
                self._post({"text": _headline(message)})
            except Refused as again:
                raise _said(again) from None
        return Receipt()

    def _post(self, payload: dict[str, Any]) -> None:
        post(
            self._url,
            orjson.dumps(payload),
            headers={"Content-Type": "application/json", "User-Agent": "sentinel"},
            timeout=_TIMEOUT_SECONDS,
            what="the Slack webhook",
            mend=f"Look at the channel and the app in Slack, and at the block {self._ref}.",
        )


def _reason(error: Refused) -> str:
    """Slack's own word for what is wrong, such as `channel_is_archived`."""
    return error.body if _WORD.fullmatch(error.body) else str(error.code)


def _said(error: Refused) -> DeliveryError:
    return DeliveryError(
        f"{error.message}: {_reason(error)}", permanent=error.permanent, hint=error.hint
    )


def payload_of(message: Message) -> dict[str, Any]:
    """The JSON that is posted for `message`."""
    over = is_over(message)
    shown = message.alerts[:MOST_ALERTS]
    blocks = [_section(_about(alert, message.at)) for alert in shown]
    left = message.firing + message.resolved - len(shown)
    footer = [counts(message), _plain(message.reason)]
    if left > 0 and shown:
        footer.append(f"<{message.url}|and {left:,} more>")
    footer.append(f"told as {_plain(message.receiver)}")
    blocks.append({"type": "context", "elements": [_mrkdwn(" · ".join(footer))]})
    return {
        # Beside blocks it is what a phone's notification shows.
        "text": _headline(message),
        "attachments": [
            {
                "color": _OVER if over else _COLOURS.get(message.severity, "#757575"),
                "fallback": _plain(message.title),
                "blocks": blocks,
            }
        ],
    }


def _headline(message: Message) -> str:
    sign = "✅" if is_over(message) else _SIGNS.get(message.severity, "⚪")
    return f"{sign} *{_link(message.url, message.title)}*"


def _about(alert: MessageAlert, at: datetime) -> str:
    """One alert: what, how bad, since when, where, and where to look."""
    lines = [
        f"*{_link(alert.url, alert.title)}*",
        f"{_plain(alert.severity)}, {_plain(alert.status)} {lasted(alert, at)}, "
        f"since {_date(alert.opened_at)}",
    ]
    if alert.description:
        lines.append(_plain(one_line(alert.description), 250))
    if alert.labels:
        lines.append(_plain(labels_of(alert), 150))
    links = " · ".join(_link(url, name) for name, url in links_of(alert)[:5])
    text = "\n".join(lines)
    # A link is left out whole: half of one would be no link.
    return f"{text}\n{links}" if links and len(text) + len(links) < MOST_BLOCK else text


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": _mrkdwn(text)}


def _mrkdwn(text: str) -> dict[str, Any]:
    # Verbatim: no word of a check becomes a link or a channel's name.
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _plain(text: str, most: int = MOST_LABEL) -> str:
    """`text` with Slack's three control characters escaped, so that nothing in it acts.

    Cut between characters, so that the whole, escaped, has at most `most`.
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
    """A moment that each reader sees in their own time zone."""
    said = moment.strftime("%Y-%m-%d %H:%M UTC")
    return f"<!date^{int(moment.timestamp())}^{{date_short_pretty}} {{time}}|{said}>"
