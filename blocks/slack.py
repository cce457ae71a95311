"""Slack, through an incoming webhook: Prefect's blocks hold its URL, this module formats messages.

Their layout is in `blocks.slack_text`. An incoming webhook can neither edit nor answer a message,
so the resolve is a message of its own.
"""

from __future__ import annotations

import logging
import re
from typing import Any

import orjson

from blocks.http_post import Rejected, post
from blocks.slack_text import headline, payload_of
from sentinel.notifications.channel import Message, Receipt

__all__ = ["SLACK", "SlackChannel"]

log = logging.getLogger(__name__)

SLACK = ("slack-incoming-webhook", "slack-webhook")
"""Block types that hold the URL of an incoming webhook: prefect-slack's, and Prefect's own."""

_TIMEOUT_SECONDS = 10.0
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
            return self._post(payload_of(message, links=True))
        except Rejected as error:
            if error.code != 400:
                raise error.saying(_text_of(error)) from None
            # A layout that Slack rejects must not prevent the notification.
            log.warning("%s: Slack rejected the layout (%s)", self._ref, _reason(error))
            try:
                return self._post({"text": headline(message)})
            except Rejected as again:
                raise again.saying(_text_of(again)) from None

    def _post(self, payload: dict[str, Any]) -> Receipt:
        answer = post(
            self._url,
            orjson.dumps(payload),
            headers={"Content-Type": "application/json", "User-Agent": "sentinel"},
            timeout=_TIMEOUT_SECONDS,
            what="the Slack webhook",
            fix=f"Check the channel and the app in Slack, and the block {self._ref}.",
        )
        return Receipt(answer=answer.status)


def _reason(error: Rejected) -> str:
    """Return Slack's error code, such as `channel_is_archived`."""
    return error.body if _WORD.fullmatch(error.body) else str(error.code)


def _text_of(error: Rejected) -> str:
    return f"{error.message}: {_reason(error)}"
