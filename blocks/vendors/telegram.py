"""Telegram, through a bot: a message for each notification, which answers the one before.

Method: https://core.telegram.org/bots/api#sendmessage, as far as a stored copy goes, and Telegram's
own server, https://github.com/tdlib/telegram-bot-api (01a3679, read on 2026-11-29). That the limit
of a text counts UTF-16 code units, as an entity's length does, is unverified; counted so, a text is
never too long. What is bold is said by entities beside the text, so that no text of a check is
markup.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import orjson
from pydantic import Field, SecretStr

from blocks.http_channel import HttpChannel, HttpRequest, timeout_field
from blocks.http_post import Answer
from blocks.message_text import (
    alert_lines,
    clipped,
    fitted,
    footer,
    harmless,
    link_lines,
    one_line,
    sign,
    utf16_size,
)
from sentinel.notifications.channel import Message, all_acknowledged

_MOST_TEXT, _MOST_TITLE = 4_096, 300


class Telegram(HttpChannel):
    """Sends a message of a bot to a chat, a group or a channel."""

    _block_type_name = "Sentinel Telegram"
    _block_type_slug = "sentinel-telegram"
    _description = "Sends notifications of alerts to a Telegram chat, as a bot."
    _what = "Telegram"
    _fix = "Check the bot's token, and that the bot is a member of the chat and may write there."
    _fixes: ClassVar[Mapping[int, str]] = {
        400: "Check the chat's id, and that the bot is a member of the chat.",
        **dict.fromkeys((401, 404), "Save the bot's token again, as @BotFather shows it."),
        403: "Add the bot to the chat and let it write there; a person has to start it first.",
    }
    _reads = 65_536

    token: SecretStr = Field(
        title="Token", description="Of the bot, from @BotFather.", min_length=1
    )
    chat_id: str = Field(
        title="Chat", description="Its number, such as -1001234567890, or @channel.", min_length=1
    )
    url: str = Field(default="https://api.telegram.org", title="URL", description="Of the Bot API.")
    timeout: float = timeout_field()

    def _requests(self, message: Message) -> Iterator[HttpRequest]:
        title = clipped(
            one_line(f"{sign(message)} {harmless(message.title)}"), _MOST_TITLE, utf16_size
        )
        end = clipped(harmless(footer(message)), _MOST_TITLE, utf16_size)
        end = f"{end}\n{link_lines(message)}"
        room = _MOST_TEXT - utf16_size(f"{title}\n\n{end}")
        lines = alert_lines(message, 20, harmless)
        text = fitted(lines, room, message.firing + message.resolved, utf16_size)
        quiet = all_acknowledged(message) or message.severity in ("low", "info")
        body: dict[str, Any] = {
            "chat_id": self.chat_id,
            "text": f"{title}\n{text}\n{end}",
            "entities": [{"type": "bold", "offset": 0, "length": utf16_size(title)}],
            "link_preview_options": {"is_disabled": True},
            "disable_notification": quiet,
        }
        if message.answers.isdecimal():
            answered = {"message_id": int(message.answers), "allow_sending_without_reply": True}
            body["reply_parameters"] = answered
        token = self.token.get_secret_value()
        yield HttpRequest(url=f"{self.url.rstrip('/')}/bot{token}/sendMessage", body=body)

    def _reference(self, answer: Answer) -> str:
        try:
            return str(orjson.loads(answer.body)["result"]["message_id"])
        except (ValueError, KeyError, TypeError):
            return ""
