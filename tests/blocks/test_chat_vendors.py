"""Chats and push messages, posted to a real HTTP receiver and held against the vendors' limits.

Schemas (read on 2026-11-29): Teams https://learn.microsoft.com/microsoftteams/platform/
webhooks-and-connectors/how-to/connectors-using; ntfy https://docs.ntfy.sh/publish/#publish-as-json;
Discord https://discord.com/developers/docs/resources/webhook#execute-webhook; Mattermost
https://developers.mattermost.com/integrate/reference/message-attachments/ (no lengths published);
Telegram https://core.telegram.org/bots/api#sendmessage.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace
from pydantic import SecretStr

from blocks.http_channel import HttpChannel
from blocks.message_text import utf8_size, utf16_size
from blocks.vendors.discord import Discord
from blocks.vendors.mattermost import Mattermost
from blocks.vendors.ntfy import Ntfy
from blocks.vendors.teams import MicrosoftTeams
from blocks.vendors.telegram import Telegram
from sentinel.errors import DeliveryError
from tests.blocks.messages import message, resolved
from tests.blocks.vendors_world import HARD_TEXTS, acknowledged, arrived, fits, storm
from tests.prefect_server import Receiver

TOKEN = "T0K3N-S3CRET"
URL = {"type": "string", "pattern": "^https?://"}


def text(most: int = 100_000, least: int = 1) -> dict[str, Any]:
    return {"type": "string", "minLength": least, "maxLength": most}


def closed(needed: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": needed, "properties": properties,
            "additionalProperties": False}  # fmt: skip


_RUN = closed(
    ["type", "text"], type={"const": "TextRun"}, text=text(),
    weight={"enum": ["lighter", "default", "bolder"]}, isSubtle={"type": "boolean"},
    size={"enum": ["default", "small", "medium", "large", "extraLarge"]},
    color={"enum": ["default", "dark", "light", "accent", "good", "warning", "attention"]},
)  # fmt: skip
_CARD = closed(
    ["$schema", "type", "version", "body"], type={"const": "AdaptiveCard"},
    version={"const": "1.4"},
    msteams={"type": "object"},
    body={"type": "array", "items": closed(
        ["type", "inlines"], type={"const": "RichTextBlock"},
        inlines={"type": "array", "items": _RUN},
    )},
    actions={"type": "array", "maxItems": 6, "items": closed(
        ["type", "url"], type={"const": "Action.OpenUrl"}, title=text(), url=URL
    )},
    **{"$schema": URL},
)  # fmt: skip
SCHEMAS: dict[str, dict[str, Any]] = {
    "teams": closed(
        ["type", "attachments"], type={"const": "message"},
        attachments={"type": "array", "minItems": 1, "items": closed(
            ["contentType", "content"], content=_CARD, contentUrl={"type": "null"},
            contentType={"const": "application/vnd.microsoft.card.adaptive"},
        )},
    ),
    "ntfy": closed(
        ["topic"], topic={"type": "string", "pattern": "^[-_A-Za-z0-9]{1,64}$"},
        message=text(4096), title={"type": "string"}, tags={"type": "array", "items": text()},
        priority={"enum": [1, 2, 3, 4, 5]}, click=URL,
        actions={"type": "array", "maxItems": 3, "items": closed(
            ["action", "label", "url"], action={"enum": ["view", "http", "broadcast", "copy"]},
            label=text(), url=URL,
        )},
    ),
    "discord": closed(
        ["embeds", "allowed_mentions"], allowed_mentions={"const": {"parse": []}},
        embeds={"type": "array", "maxItems": 10, "items": closed(
            ["title"], title=text(256), description=text(4096, 0), url=URL,
            color={"type": "integer", "minimum": 0, "maximum": 0xFFFFFF}, timestamp=text(),
            footer=closed(["text"], text=text(2048)),
        )},
    ),
    "mattermost": closed(
        ["attachments"], username=text(), attachments={"type": "array", "items": closed(
            ["fallback"], fallback=text(), title=text(), title_link=URL, text=text(16_383, 0),
            color={"type": "string", "pattern": "^#[0-9a-f]{6}$"}, footer=text(),
        )},
    ),
    "telegram": closed(
        ["chat_id", "text"], chat_id={"type": ["integer", "string"]}, text=text(4096),
        entities={"type": "array", "items": closed(
            ["type", "offset", "length"], type={"const": "bold"}, offset={"const": 0},
            length={"type": "integer", "minimum": 1},
        )},
        link_preview_options={"const": {"is_disabled": True}},
        disable_notification={"type": "boolean"},
        reply_parameters=closed(
            ["message_id"], message_id={"type": "integer"},
            allow_sending_without_reply={"const": True},
        ),
    ),
}  # fmt: skip


def channel(word: str, receiver: Receiver) -> HttpChannel:
    secret = SecretStr(f"{receiver.url}/hooks/{TOKEN}")
    made: dict[str, HttpChannel] = {
        "teams": MicrosoftTeams(url=secret),
        "ntfy": Ntfy(topic=SecretStr("alerts"), url=receiver.url, token=SecretStr(TOKEN)),
        "discord": Discord(url=secret),
        "mattermost": Mattermost(url=secret),
        "telegram": Telegram(token=SecretStr(TOKEN), chat_id="-100", url=receiver.url),
    }
    return made[word]


@pytest.mark.parametrize("word", SCHEMAS)
def test_each_message_has_what_people_need(receiver: Receiver, word: str):
    for each in (message(), acknowledged(reason_text="acknowledged"), resolved()):
        channel(word, receiver).send(each)
    bodies = arrived(receiver)
    assert all(fits(one, SCHEMAS[word]) for one in bodies)
    said = [json.dumps(one, ensure_ascii=False).replace("\\\\", "") for one in bodies]
    for part in ("[critical] disk-space", "critical: /data0 is 97 percent full (open for 10m)",
                 "2 firing · first notification", "http://127.0.0.1:8501/?group=g1"):  # fmt: skip
        assert part in said[0], part
    assert "2 firing · acknowledged" in said[1]
    for part in ("[resolved] disk-space", "2 resolved · all alerts are resolved"):
        assert part in said[2], part


@pytest.mark.parametrize("word", SCHEMAS)
def test_whatever_a_check_says_keeps_to_the_limits_and_does_nothing(receiver: Receiver, word: str):
    for hard in (
        *HARD_TEXTS.values(),
        "@everyone @channel <!here> [x](https://evil.example) **b**",
    ):
        channel(word, receiver).send(storm(hard))
        size = len(receiver.requests[0].body)
        (body,) = arrived(receiver)
        assert fits(body, SCHEMAS[word])
        said = json.dumps(body, ensure_ascii=False)
        assert "… and " in said
        if word == "ntfy":
            assert utf8_size(body["message"]) <= 4096
            assert size <= 2 * 4096
        if word == "teams":
            assert size <= 28 * 1024
        if word == "telegram":
            assert utf16_size(body["text"]) <= 4096
        if word == "discord":
            (embed,) = body["embeds"]
            parts = [embed["title"], embed["description"], embed["footer"]["text"]]
            assert sum(map(utf16_size, parts)) <= 6000
        if word in ("discord", "mattermost", "telegram"):
            assert "@everyone" not in said
            assert "@channel" not in said
        if word == "discord":  # its footer knows no markup
            said = body["embeds"][0]["title"] + body["embeds"][0]["description"]
        if word in ("discord", "mattermost"):
            assert "[x](https://evil" not in said


@pytest.mark.parametrize("word", SCHEMAS)
def test_a_refusal_says_what_to_change_and_no_secret(receiver: Receiver, word: str):
    receiver.answers = [403]
    receiver.says = json.dumps({"description": f"no {TOKEN} here"}).encode()
    with pytest.raises(DeliveryError) as caught:
        channel(word, receiver).send(message())
    assert caught.value.permanent
    assert caught.value.hint
    assert "answered 403 Forbidden: no *** here" in str(caught.value)


def test_ntfy_has_a_priority_for_each_severity_and_buttons(receiver: Receiver):
    for severity in ("critical", "high", "medium", "low", "info"):
        channel("ntfy", receiver).send(message(severity=severity))
    channel("ntfy", receiver).send(resolved())
    assert receiver.requests[0].headers["Authorization"] == f"Bearer {TOKEN}"
    bodies = arrived(receiver)
    assert [one["priority"] for one in bodies] == [5, 4, 3, 2, 1, 3]
    assert [one["label"] for one in bodies[0]["actions"]] == ["Open", "runbook"]
    assert bodies[0]["click"] == "http://127.0.0.1:8501/?group=g1"


def test_discord_edits_its_message_for_an_acknowledgement(receiver: Receiver):
    discord = channel("discord", receiver)
    receiver.says = b'{"id": "1234567890", "content": ""}'
    first = discord.send(message()).reference
    discord.send(acknowledged(answers=first))
    receiver.answers, receiver.says = [404], b""  # somebody has deleted the message
    assert discord.send(acknowledged(answers=first)).reference == first
    discord.send(resolved(answers=first))
    asked = [(one.method, one.path) for one in receiver.requests]
    path = f"/hooks/{TOKEN}"
    edit = ("PATCH", f"{path}/messages/1234567890")
    assert asked == [("POST", f"{path}?wait=true"), edit, edit, ("POST", f"{path}?wait=true")]


def test_telegram_answers_its_own_message_and_waits_as_long_as_it_is_told(receiver: Receiver):
    telegram = channel("telegram", receiver)
    receiver.says = b'{"ok": true, "result": {"message_id": 42}}'
    first = telegram.send(message()).reference
    telegram.send(acknowledged(answers=first))
    assert receiver.requests[0].path == f"/bot{TOKEN}/sendMessage"
    opened, acked = arrived(receiver)
    assert acked["reply_parameters"] == {"message_id": 42, "allow_sending_without_reply": True}
    assert (opened["disable_notification"], acked["disable_notification"]) == (False, True)
    receiver.answers = [429]
    receiver.says = b'{"ok": false, "description": "slow", "parameters": {"retry_after": 9}}'
    with pytest.raises(DeliveryError) as caught:
        telegram.send(replace(message(), id="m2"))
    assert (caught.value.permanent, caught.value.retry_after) == (False, 9)
    assert TOKEN not in str(caught.value)
