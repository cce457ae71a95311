"""Microsoft Teams, through the URL of a workflow: an Adaptive Card for each notification.

Card: https://github.com/microsoft/AdaptiveCards schemas/1.4.0/adaptive-card.json (1b19a23); request
and its 28 KB: https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/
connectors-using and add-incoming-webhook (older versions, read on 2026-11-29). That a workflow
takes the request of an incoming webhook is unverified. Text runs know no markup, so that no text of
a check becomes a link.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

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
    sign,
)
from sentinel.notifications.channel import Message

_COLOURS = {"critical": "attention", "high": "attention", "medium": "warning", "low": "accent"}
_MOST_TEXT, _MOST_TITLE, _MOST_URL, _MOST_ACTIONS = 14_000, 1_000, 1_000, 4


class MicrosoftTeams(HttpChannel):
    """Posts a card to a channel or a chat of Microsoft Teams."""

    _block_type_name = "Sentinel Microsoft Teams"
    _block_type_slug = "sentinel-teams"
    _description = "Posts notifications of alerts to Microsoft Teams, through a workflow."
    _what = "the workflow"
    _fix = "Check that the workflow is switched on and has an owner, and copy its URL again."

    url: SecretStr = Field(
        title="URL",
        description="Of a workflow made by Post to a channel when a webhook request is received.",
    )
    timeout: float = timeout_field()

    def _requests(self, message: Message) -> Iterator[HttpRequest]:
        card = {
            "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
            "type": "AdaptiveCard",
            "version": "1.4",
            "msteams": {"width": "Full"},
            "body": list(_body(message)),
            "actions": _actions(message),
        }
        kind = "application/vnd.microsoft.card.adaptive"
        attachment = {"contentType": kind, "contentUrl": None, "content": card}
        yield HttpRequest(
            url=self.url.get_secret_value(),
            body={"type": "message", "attachments": [attachment]},
        )


def _body(message: Message) -> Iterator[dict[str, Any]]:
    shade = "good" if is_resolved(message) else _COLOURS.get(message.severity, "default")
    title = clipped(f"{sign(message)} {message.title}", _MOST_TITLE, json_size)
    yield _text(title, weight="bolder", size="medium", color=shade)
    total = message.firing + message.resolved
    text = fitted(alert_lines(message, 20), _MOST_TEXT, total, json_size)
    for line in text.split("\n"):
        yield _text(line or " ")
    yield _text(clipped(footer(message), _MOST_TITLE, json_size), isSubtle=True, size="small")


def _text(text: str, **how: Any) -> dict[str, Any]:
    run = {"type": "TextRun", "text": text, **how}
    return {"type": "RichTextBlock", "inlines": [run]}


def _actions(message: Message) -> list[dict[str, str]]:
    links = [*actions_of(message), *(links_of(message.alerts[0]) if message.alerts else [])]
    return [
        {"type": "Action.OpenUrl", "title": clipped(name, 40), "url": url}
        for name, url in links[:_MOST_ACTIONS]
        if len(url) <= _MOST_URL
    ]
