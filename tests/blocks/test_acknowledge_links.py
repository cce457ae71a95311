"""The link that acknowledges a message, in each channel that has room for one, whatever it says."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs

import pytest
from msgspec.structs import replace
from pydantic import SecretStr

from blocks.vendors.twilio_sms import TwilioSms
from blocks.webhook import SignedWebhook
from sentinel.notifications.channel import Message
from tests.blocks.messages import message
from tests.blocks.test_apprise import channel as apprise
from tests.blocks.test_chat_vendors import WORDS
from tests.blocks.test_chat_vendors import channel as chat
from tests.blocks.vendors_world import HARD_TEXTS, fits, storm
from tests.prefect_server import Receiver

LINK = "https://ack.example.org/ack/" + "x" * 75


def texts(part: Any) -> list[str]:
    """All texts in a body."""
    if isinstance(part, dict):
        return [text for one in part.values() for text in texts(one)]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(part, list):
        return [text for one in part for text in texts(one)]  # pyright: ignore[reportUnknownVariableType]
    return [part] if isinstance(part, str) else []


def channel(word: str, receiver: Receiver) -> Any:
    if word == "webhook":
        return SignedWebhook(url=SecretStr(receiver.url), secret=SecretStr("s" * 8))
    if word == "twilio_sms":
        given: Any = {"to_number": "+491701234567", "sender": "+15005550006", "url": receiver.url}
        return TwilioSms(account_sid="AC" + "0" * 32, auth_token=SecretStr("T"), **given)
    return apprise(receiver) if word == "apprise" else chat(word, receiver)


@pytest.mark.parametrize("word", [*WORDS, "twilio_sms", "webhook", "apprise"])
def test_the_link_is_whole_in_every_message_and_the_message_within_its_limits(
    receiver: Receiver, word: str
):
    def sent(each: Message) -> list[str]:
        receiver.requests.clear()
        channel(word, receiver).send(each)
        raw = receiver.requests[0].body.decode()
        body = (
            {n: v[0] for n, v in parse_qs(raw).items()} if word == "twilio_sms" else json.loads(raw)
        )
        assert word in ("webhook", "apprise") or fits(body, word)
        return texts(body)

    for hard in (message(), *(storm(text) for text in HARD_TEXTS.values())):
        found = sent(replace(hard, acknowledge_url=LINK))
        assert any(LINK in text for text in found), hard.title[:20]
        if word not in ("webhook", "teams", "ntfy"):  # there it is a field or a button of its own
            assert any("Acknowledge" in text for text in found)
    assert not any("cknowledge" in text for text in sent(message()))
