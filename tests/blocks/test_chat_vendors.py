"""Chats and push messages, posted to a real HTTP receiver and held against the vendors' limits.

Their schemas, with sources and dates, are in `schemas`.
"""

from __future__ import annotations

import json
from typing import cast

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
from tests.blocks.vendors_world import HARD_TEXTS, acknowledged, arrived, fits, refused, storm
from tests.prefect_server import Receiver

TOKEN = "T0K3N-S3CRET"
WORDS = ("teams", "ntfy", "discord", "mattermost", "telegram")


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


@pytest.mark.parametrize("word", WORDS)
def test_each_message_has_what_people_need(receiver: Receiver, word: str):
    for each in (message(), acknowledged(reason_text="acknowledged"), resolved()):
        channel(word, receiver).send(each)
    bodies = arrived(receiver)
    assert all(fits(one, word) for one in bodies)
    said = [json.dumps(one, ensure_ascii=False).replace("\\\\", "") for one in bodies]
    for part in ("[critical] disk-space", "critical: /data0 is 97 percent full (open for 10m)",
                 "2 firing · first notification", "http://127.0.0.1:8501/?group=g1"):  # fmt: skip
        assert part in said[0], part
    assert "2 firing · acknowledged" in said[1]
    for part in ("[resolved] disk-space", "2 resolved · all alerts are resolved"):
        assert part in said[2], part


CARD = ("attachments", 0, "content")
WRONG: dict[str, list[tuple[object, ...]]] = {
    "teams": [
        (*CARD, "body", 0, "type", "TextBox"), (*CARD, "body", 0, "inlines", 0, "color", "red"),
        (*CARD, "colour", "red"), (*CARD, "actions", 0, "url", None), ("type", None),
    ],
    "ntfy": [
        ("topic", "a/b"), ("priority", 6), ("message", "x" * 4097), ("topic", None),
        ("actions", 0, "label", ""), ("actions", 0, "action", "copy"),
        ("actions", [{"action": "view", "label": "x", "url": "http://x"}] * 4),
    ],
    "discord": [
        ("embeds", 0, "title", "x" * 257), ("embeds", 0, "url", f"http://x/{'x' * 2048}"),
        ("embeds", 0, "color", "#d32f2f"), ("allowed_mentions", "parse", ["all"]), ("embeds", None),
    ],
    "mattermost": [
        ("attachments", 0, "footer", "x" * 301), ("attachments", 0, "color", "red"),
        ("attachments", 0, "fallback", None), ("attachments", None),
    ],
    "telegram": [
        ("text", ""), ("text", "x" * 4097), ("entities", 0, "length", 0), ("chat_id", None),
        ("reply_parameters", {"allow_sending_without_reply": True}),
    ],
}  # fmt: skip


@pytest.mark.parametrize("word", WORDS)
def test_the_schema_refuses_what_the_vendor_refuses(receiver: Receiver, word: str):
    channel(word, receiver).send(message())
    (body,) = arrived(receiver)
    for *path, to in WRONG[word]:
        assert refused(body, word, *cast("list[str | int]", path), to=to), (path, to)


@pytest.mark.parametrize("word", WORDS)
def test_whatever_a_check_says_keeps_to_the_limits_and_does_nothing(receiver: Receiver, word: str):
    for hard in (
        *HARD_TEXTS.values(),
        "@everyone @channel <!here> [x](https://evil.example) **b**",
    ):
        channel(word, receiver).send(storm(hard))
        size = len(receiver.requests[0].body)
        (body,) = arrived(receiver)
        assert fits(body, word)
        said = json.dumps(body, ensure_ascii=False)
        assert "… and " in said
        if word == "ntfy":
            assert utf8_size(body["message"]) <= 4096
            assert size <= 2 * 4096
        if word == "teams":
            assert size <= 28_000
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


@pytest.mark.parametrize("word", WORDS)
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
    nameless = replace(message().alerts[0], annotations={"_url": "https://r.example"})
    channel("ntfy", receiver).send(message(alerts=[nameless]))
    (body,) = arrived(receiver)
    assert fits(body, "ntfy")  # which refuses a button without a label
    assert [one["label"] for one in body["actions"]] == ["Open", "link"]


def test_discord_leaves_out_a_link_that_it_would_refuse(receiver: Receiver):
    for most in (2048, 2049):
        channel("discord", receiver).send(message(url="https://x.example/".ljust(most, "y")))
    bodies = arrived(receiver)
    assert all(fits(one, "discord") for one in bodies)
    assert ["url" in one["embeds"][0] for one in bodies] == [True, False]


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
