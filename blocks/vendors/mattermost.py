"""Mattermost, through an incoming webhook: a post with one attachment for each notification.

Fields: https://developers.mattermost.com/integrate/webhooks/incoming/ and
.../integrate/reference/message-attachments/ (their source at a259f36, read on 2026-11-29). How long
title and text of an attachment may be is not published: ours are unverified. A webhook only posts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from pydantic import Field, SecretStr

from blocks.http_channel import HttpChannel, HttpRequest, timeout_field
from blocks.message_text import (
    alert_lines,
    clipped,
    colour,
    fitted,
    footer,
    harmless,
    one_line,
    sign,
)
from sentinel.notifications.channel import Message

_MARKUP = "\\*_~`|>[]()#!:<"
_MOST_TITLE, _MOST_TEXT, _MOST_FOOTER = 500, 7_000, 300
"""The text of a post has at most 16,383 characters; a longer footer is cut by Mattermost."""


class Mattermost(HttpChannel):
    """Posts to a channel of Mattermost."""

    _block_type_name = "Sentinel Mattermost"
    _block_type_slug = "sentinel-mattermost"
    _description = "Posts notifications of alerts to a Mattermost channel."
    _what = "Mattermost"
    _fix = "Check in Mattermost that the incoming webhook exists and may post to its channel."
    _fixes: ClassVar[Mapping[int, str]] = {
        403: "Let an administrator enable incoming webhooks: System Console, Integrations.",
    }

    url: SecretStr = Field(title="URL", description="Of the incoming webhook; a secret.")
    timeout: float = timeout_field()

    def _requests(self, message: Message) -> Iterator[HttpRequest]:
        def write(text: str) -> str:
            return harmless(text, _MARKUP)

        def written(text: str) -> int:
            return len(write(text))

        title = clipped(f"{sign(message)} {one_line(message.title)}", _MOST_TITLE)
        total = message.firing + message.resolved
        link = f"\n[Acknowledge]({url})" if (url := message.acknowledge_url) else ""
        attachment = {
            "fallback": write(title),
            "color": colour(message),
            "title": write(title),
            "title_link": message.url,
            "text": fitted(alert_lines(message, 10, write), _MOST_TEXT - len(link), total) + link,
            "footer": write(clipped(footer(message), _MOST_FOOTER, written)),
        }
        yield HttpRequest(
            url=self.url.get_secret_value(),
            body={"username": "Sentinel", "attachments": [attachment]},
        )
