"""ntfy, by publishing JSON: one push message for each notification.

Fields: https://docs.ntfy.sh/publish/#publish-as-json and the server, both at
https://github.com/binwiederhier/ntfy (81a486a, read on 2026-11-29). A message of more than 4,096
bytes becomes a file without a title, and the server takes JSON of at most twice that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from pydantic import Field, SecretStr

from blocks.http_channel import HttpChannel, HttpRequest, timeout_field
from blocks.message_text import (
    actions_of,
    alert_lines,
    clipped,
    fitted,
    footer,
    is_resolved,
    json_size,
    links_of,
)
from sentinel.notifications.channel import Message, all_acknowledged

_PRIORITIES = {"critical": 5, "high": 4, "medium": 3, "low": 2, "info": 1}
_TAGS = {"critical": "rotating_light", "high": "warning"}
_MOST_MESSAGE, _MOST_TITLE, _MOST_URL, _MOST_ACTIONS = 3_800, 250, 500, 3


class Ntfy(HttpChannel):
    """Pushes a message to the phones and desktops that subscribe to a topic."""

    _block_type_name = "Sentinel ntfy"
    _block_type_slug = "sentinel-ntfy"
    _description = "Pushes notifications of alerts to the subscribers of an ntfy topic."
    _what = "ntfy"
    _fix = "Check the topic, and that the token may write to it."
    _fixes: ClassVar[Mapping[int, str]] = {
        401: "Save a token that this server knows.",
        403: "Let the token write to the topic, or add the token of its owner.",
        404: "Check the URL: it is that of the server, without the topic.",
        410: "Check the URL: it is that of the server, without the topic.",
    }

    topic: SecretStr = Field(
        title="Topic", description="Whoever knows it can read it, so it is a secret.", min_length=1
    )
    url: str = Field(default="https://ntfy.sh", title="URL", description="Of the ntfy server.")
    token: SecretStr = Field(
        default=SecretStr(""), title="Token", description="Where the topic needs one: tk_…"
    )
    timeout: float = timeout_field()

    def _requests(self, message: Message) -> Iterator[HttpRequest]:
        quiet = is_resolved(message) or all_acknowledged(message)
        priority = _PRIORITIES.get(message.severity, 3)
        links = [*actions_of(message), *(links_of(message.alerts[0]) if message.alerts else [])]
        links = [(name, url) for name, url in links if len(url) <= _MOST_URL]
        end = clipped(footer(message), 300, json_size)
        room = _MOST_MESSAGE - json_size(f"\n{end}")
        total = message.firing + message.resolved
        tag = "white_check_mark" if is_resolved(message) else _TAGS.get(message.severity, "bell")
        token = self.token.get_secret_value()
        yield HttpRequest(
            url=self.url,
            body={
                "topic": self.topic.get_secret_value(),
                "title": clipped(message.title, _MOST_TITLE, json_size),
                "message": f"{fitted(alert_lines(message, 20), room, total, json_size)}\n{end}",
                "priority": min(priority, 3) if quiet else priority,
                "tags": [tag],
                **({"click": message.url} if len(message.url) <= _MOST_URL else {}),
                "actions": [
                    {"action": "view", "label": clipped(name, 40), "url": url}
                    for name, url in links[:_MOST_ACTIONS]
                ],
            },
            headers={"Authorization": f"Bearer {token}"} if token else {},
        )
