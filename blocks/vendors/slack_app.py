"""Slack, through an app's bot: a message for each group, edited in place, and a thread of updates.

Methods and their errors: https://docs.slack.dev/reference/methods/chat.postMessage and
.../chat.update (read on 2026-11-30 as slack-ruby/slack-api-ref has them at f4837c0). An edit
notifies nobody, so what a person should hear of is shown in the channel from the thread, too. That
all blocks of a message together have at most about 10,000 characters is unverified.
"""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace
from prefect_slack import (  # pyright: ignore[reportMissingTypeStubs] - its types are in its source
    SlackCredentials,
)
from pydantic import Field, SecretStr

from blocks.http_channel import HttpChannel, HttpRequest, timeout_field
from blocks.http_post import Answer
from blocks.message_text import actions_of
from blocks.slack_answers import FORM, GONE, NO_THREAD, delivery_error, error_of
from blocks.slack_text import PRESSED, action_button, button, payload_of, update_of
from sentinel.errors import DeliveryError
from sentinel.notifications.channel import Message, Receipt, all_acknowledged
from sentinel.notifications.reasons import Reason

log = logging.getLogger(__name__)

_SHOWN = (Reason.NEW_FIRING, Reason.SEVERITY_ROSE, Reason.REPEAT)
_PARENT = re.compile(r"([CDG][A-Z0-9]+):(\d+\.\d+)")


class SlackApp(HttpChannel):
    """Posts one message about each group of alerts to a Slack channel, and keeps it up to date."""

    _block_type_name = "Sentinel Slack App"
    _block_type_slug = "sentinel-slack-app"
    _description = "Keeps one message about each group of alerts in Slack, with a thread."
    _what = "Slack"
    _fix = "Check the bot's token, and that the app is a member of the channel."
    _reads = 1_000_000

    credentials: SlackCredentials = Field(
        title="Credentials",
        description="The bot token (xoxb-…), a block of type Slack Credentials. The app needs the "
        "scope chat:write.",
    )
    channel: str = Field(
        title="Channel",
        description="Its ID, at the end of the channel's details in Slack.",
        pattern=r"^[CDG][A-Z0-9]{2,20}$",
        examples=["C0123456789"],
    )
    app_token: SecretStr = Field(
        default=SecretStr(""),
        title="App token",
        description="With an app-level token (xapp-…), Sentinel listens to Slack, and the buttons "
        "Acknowledge and Resolve work; empty for none.",
    )
    url: str = Field(default="https://slack.com/api", title="URL", description="Of the Web API.")
    timeout: float = timeout_field()

    def send(self, message: Message) -> Receipt:
        """Post a message about a group, or edit the one there is and add to its thread.

        Args:
            message: the message

        Returns:
            Channel and timestamp of the message about the group.

        Raises:
            DeliveryError: Slack did not take it, with what to change; permanent where a retry
                cannot help
        """
        ends = time.monotonic() + self.send_seconds
        try:
            return self._send(message, ends)
        except _Gone as error:
            log.warning("group %s: %s; another message is posted", message.group_id, error)
            return self._send(replace(message, answers="", progress=""), ends)

    def _requests(self, message: Message) -> Iterator[HttpRequest]:
        # The link works also while nothing listens to the buttons.
        listens = bool(self.app_token.get_secret_value())
        layout = payload_of(message, self._buttons(message), links=listens)
        content = {"channel": self.channel, **layout}
        quiet = {"unfurl_links": False, "unfurl_media": False}
        parent = _PARENT.fullmatch(message.answers)
        again = message.reason == Reason.FIRST  # after a resolve: an old message nobody reads
        if parent is None or parent[1] != self.channel or again:
            yield self._request("chat.postMessage", {**content, **quiet})
            return
        yield self._request("chat.update", {**content, "ts": parent[2]})
        thread = {"channel": self.channel, "thread_ts": parent[2], **update_of(message), **quiet}
        if message.reason in _SHOWN:
            thread["reply_broadcast"] = True
        yield self._request("chat.postMessage", thread)

    def _buttons(self, message: Message) -> list[dict[str, Any]]:
        if not self.app_token.get_secret_value():
            return [button(text, url) for text, url in actions_of(message)]
        asks = list(PRESSED) if message.firing else []
        if all_acknowledged(message):
            asks = asks[1:]
        # As `sentinel.engine.chat_buttons.press_of` reads it.
        value = f"{message.group_id}:{message.seq}:{int(message.at.timestamp() * 1000)}"
        return [*(action_button(one, value) for one in asks), button("Open", message.url)]

    def _request(self, method: str, body: dict[str, Any]) -> HttpRequest:
        token = self.credentials.token.get_secret_value()
        return HttpRequest(
            url=f"{self.url.rstrip('/')}/{method}",
            body=body,
            headers={
                "Authorization": f"Bearer {token}",
                "Content-Type": "application/json; charset=utf-8",
            },
        )

    def _ask(self, request: HttpRequest, key: str, left: float) -> Answer:
        ends = time.monotonic() + left
        answer = super()._ask(request, key, left)
        error = error_of(answer.body)
        if error in FORM and {"attachments", "blocks"} & request.body.keys():
            # A layout that Slack rejects must not prevent the notification.
            log.warning("%s rejected the layout (%s); the text alone is sent", self._what, error)
            plain: dict[str, Any] = {**request.body, "attachments": [], "blocks": []}
            answer = super()._ask(
                replace(request, body=plain), f"{key}-plain", ends - time.monotonic()
            )
            error = error_of(answer.body)
        threaded = "thread_ts" in request.body
        if error in GONE or (threaded and error in NO_THREAD):
            raise _Gone(f"{self._what} answered {error}", permanent=True)
        if error:
            raise delivery_error(self._what, error, answer)
        return Answer(headers=answer.headers, status=answer.status) if threaded else answer

    def _reference(self, answer: Answer) -> str:
        if not answer.body:  # of the thread
            return ""
        found = json.loads(answer.body)
        return f"{found.get('channel', '')}:{found.get('ts', '')}"

    def _secrets(self) -> list[str]:
        return [*super()._secrets(), self.credentials.token.get_secret_value()]


class _Gone(DeliveryError):
    """The message that is to be edited or answered cannot be, so that another must be posted."""
