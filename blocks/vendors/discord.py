"""Discord, through a webhook of a channel: an embed for each notification, edited once it is known.

Fields and limits: https://github.com/discord/discord-api-spec specs/openapi.json (74fda0f), and
https://github.com/discord/discord-api-docs developers/resources/message.mdx, Embed Limits (c98d64b,
read on 2026-11-29).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import httpx
import orjson
from pydantic import Field, SecretStr

from blocks.http_channel import HttpChannel, HttpRequest, timeout_field
from blocks.http_post import Answer
from blocks.message_text import (
    alert_lines,
    clipped,
    colour,
    fitted,
    footer,
    harmless,
    sign,
    utf16_size,
)
from sentinel.notifications.channel import Message, all_acknowledged

_MARKUP = "\\*_~`|>[]()#-:<"
_MOST_TITLE, _MOST_TEXT, _MOST_FOOTER, _MOST_URL = 256, 3_500, 1_000, 2_048
"""Discord takes 256, 4,096 and 2,048 characters, and 6,000 together."""


class Discord(HttpChannel):
    """Posts to a channel of Discord; an acknowledgement edits the last message."""

    _block_type_name = "Sentinel Discord"
    _block_type_slug = "sentinel-discord"
    _description = "Posts notifications of alerts to a Discord channel."
    _what = "Discord"
    _fix = "Copy the URL of the webhook again: Edit Channel, Integrations, Webhooks."
    _fixes: ClassVar[Mapping[int, str]] = dict.fromkeys(
        (401, 404),
        "Save the URL of another webhook, since this one was deleted or has another URL now: Edit "
        "Channel, Integrations, Webhooks.",
    )
    _reads = 65_536

    url: SecretStr = Field(title="URL", description="Of a webhook of the channel; a secret.")
    timeout: float = timeout_field()

    def _requests(self, message: Message) -> Iterator[HttpRequest]:
        url = httpx.URL(self.url.get_secret_value())
        if message.answers.isdecimal() and all_acknowledged(message):
            edited = url.copy_with(path=f"{url.path.rstrip('/')}/messages/{message.answers}")
            yield HttpRequest(
                url=str(edited), body=_payload(message), method="PATCH", may_be_gone=True
            )
        else:
            waits = url.copy_merge_params({"wait": "true"})  # the answer is the message
            yield HttpRequest(url=str(waits), body=_payload(message))

    def _reference(self, answer: Answer) -> str:
        try:
            return str(orjson.loads(answer.body)["id"])
        except (ValueError, KeyError, TypeError):
            return ""


def _payload(message: Message) -> dict[str, Any]:
    lines = alert_lines(message, 10, lambda text: harmless(text, _MARKUP))
    total = message.firing + message.resolved
    title = f"{sign(message)} {harmless(message.title, _MARKUP)}"
    link = f"\n[Acknowledge]({url})" if (url := message.acknowledge_url) else ""
    embed = {
        "title": clipped(title, _MOST_TITLE, utf16_size),
        "description": fitted(lines, _MOST_TEXT - utf16_size(link), total, utf16_size) + link,
        **({"url": message.url} if len(message.url) <= _MOST_URL else {}),
        "color": int(colour(message)[1:], 16),
        "footer": {"text": clipped(harmless(footer(message)), _MOST_FOOTER, utf16_size)},
        "timestamp": message.at.isoformat(),
    }
    return {"embeds": [embed], "allowed_mentions": {"parse": []}}
