"""The base of HTTP channels: deadlines, retries and words, against a real HTTP receiver."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prefect.types import SecretDict
from pydantic import SecretStr

import blocks
from blocks.http_channel import HttpChannel, HttpRequest, timeout_field
from blocks.message_text import clipped, fitted, utf8_size, utf16_size
from blocks.vendors import VENDORS, registered
from blocks.vendors.discord import Discord
from blocks.vendors.mattermost import Mattermost
from blocks.vendors.ntfy import Ntfy
from blocks.vendors.opsgenie import Opsgenie
from blocks.vendors.pagerduty import PagerDuty
from blocks.vendors.teams import MicrosoftTeams
from blocks.vendors.telegram import Telegram
from sentinel.errors import DeliveryError
from sentinel.notifications.channel import Message
from sentinel.prefect_client.channel_types import CAPABILITY, slug_of, vendor_words
from tests.blocks.messages import message
from tests.prefect_server import Receiver


class Paper(HttpChannel):
    """A channel that asks twice."""

    _block_type_slug = "sentinel-paper"
    _what = "the printer"
    _fix = "Put paper in."

    url: SecretStr
    more: SecretDict = SecretDict({})
    timeout: float = timeout_field()

    def _requests(self, message: Message) -> Iterator[HttpRequest]:
        for number in range(2):
            yield HttpRequest(url=self.url.get_secret_value(), body={"sheet": number})


def paper(receiver: Receiver, **more: Any) -> Paper:
    return Paper(url=SecretStr(f"{receiver.url}/T0K3N-0F-URL"), **more)


def refused(receiver: Receiver, **more: Any) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        paper(receiver, **more).send(message())
    return caught.value


def test_each_request_has_a_key_that_a_retry_has_again(receiver: Receiver):
    for _ in range(2):
        paper(receiver).send(message())
    first, second, *again = [one.headers["Idempotency-Key"] for one in receiver.requests]
    assert again == [first, second]
    assert first != second
    assert receiver.requests[0].headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("headers", "says", "seconds"),
    [
        ({"Retry-After": "120"}, b"", 120),
        ({"Retry-After": "1e9"}, b"", 3600),
        ({"Retry-After": "-5"}, b"", 0),
        ({"Retry-After": "soon"}, b"", 0),
        ({}, b'{"retry_after": 2.5}', 2.5),
        ({}, b'{"parameters": {"retry_after": 7}}', 7),
        ({}, b"[]", 0),
        ({}, b"", 0),
    ],
)
def test_an_endpoint_says_how_long_it_wants_to_be_left_alone(
    receiver: Receiver, headers: dict[str, str], says: bytes, seconds: float
):
    receiver.answers, receiver.headers, receiver.says = [429], headers, says
    error = refused(receiver)
    assert (error.permanent, error.retry_after) == (False, seconds)


def test_retry_after_may_be_a_date(receiver: Receiver):
    receiver.answers = [503]
    receiver.headers = {"Retry-After": format_datetime(datetime.now(UTC) + timedelta(minutes=10))}
    assert 500 < refused(receiver).retry_after <= 600


def test_a_refusal_has_the_words_of_the_endpoint_and_no_secret(receiver: Receiver):
    receiver.answers = [403]
    receiver.says = (
        b'{"error": {"code": 7, "for": "/T0K3N-0F-URL"}, "message": "no  HEADER-S3CRET"}'
    )
    error = refused(receiver, more=SecretDict({"Authorization": "Bearer HEADER-S3CRET"}))
    assert error.permanent
    assert error.hint == "It does not allow that with these credentials. Put paper in."
    said = str(error)
    assert (
        'the printer at 127.0.0.1 answered 403 Forbidden: no ***; {"code": 7, "for": "/***"}'
        in said
    )
    assert len(said) < 400


def test_a_url_that_is_none_is_refused_when_saved():
    for url in (
        "ftp://x.example/",
        "nonsense",
        "https://x.example/\x00",
        "https://x.example:99999",
    ):
        with pytest.raises(ValueError, match="begin with https://"):
            Paper(url=SecretStr(url))


def test_every_type_is_registered_once_under_the_word_of_its_file():
    assert sorted(VENDORS) == list(vendor_words())
    for word, kind in VENDORS.items():
        assert kind.get_block_type_slug() == slug_of(word)
        assert CAPABILITY in kind.get_block_capabilities()
        assert getattr(blocks, kind.__name__) is kind  # where Prefect's command finds it
        fields = kind.model_fields
        assert all(field.title and field.description for field in fields.values()), word
        assert list(fields)[-1] == "timeout"
        assert kind.get_description()


@pytest.mark.parametrize(
    "channel",
    [
        Opsgenie(api_key=SecretStr("k")), Discord(url=SecretStr("https://d.example")),
        PagerDuty(routing_key=SecretStr("k")), MicrosoftTeams(url=SecretStr("https://t.example")),
        Mattermost(url=SecretStr("https://m.example")), Ntfy(topic=SecretStr("t")),
        Telegram(token=SecretStr("t"), chat_id="1"),
    ],
    ids=lambda one: type(one).__name__,
)  # fmt: skip
def test_the_text_of_a_template_takes_the_place_of_the_alerts(channel: Any):
    many = [alert for _ in range(9) for alert in message().alerts]
    about = message(alerts=many, firing=18, text="Call ann\nabout the disk")
    said = str([one.body for one in channel._requests(about)])
    assert re.search(r"Call ann(\\n|'.*)about the disk", said)
    assert "… and" not in said


def module(name: str, **inside: str) -> ModuleType:
    """A module with a type for each name and slug, of which Prefect itself knows other slugs."""
    made = ModuleType(f"blocks.vendors.{name}")
    for key, slug in inside.items():
        given = {"_block_type_slug": f"test-{name}-{key}", "__module__": __name__}
        own: Any = type(key, (HttpChannel,), given)
        own.__module__ = made.__name__
        own.get_block_type_slug = lambda slug=slug: slug
        setattr(made, key, own)
    return made


@pytest.mark.parametrize(
    ("modules", "why"),
    [
        ([module("pigeon", Pigeon="sentinel-webhook")], "sentinel-webhook of blocks: rename it"),
        ([module("pigeon", Pigeon="sentinel-dove")], "write sentinel-pigeon"),
        ([module("pigeon")], "defines 0 channels"),
        ([module("pigeon", A="sentinel-pigeon", B="sentinel-dove")], "defines 2 channels"),
        ([module("pigeon", A="sentinel-pigeon"), module("dove", B="sentinel-pigeon")],
         "sentinel-pigeon of blocks.vendors.pigeon"),
    ],
)  # fmt: skip
def test_a_type_that_is_there_already_ends_the_start(modules: list[ModuleType], why: str):
    with pytest.raises(TypeError, match=why):
        registered(modules)


@given(
    st.lists(st.text(max_size=30), max_size=20), st.integers(0, 5_000), st.integers(40, 200),
    st.sampled_from([len, utf8_size, utf16_size]),
)  # fmt: skip
def test_lines_that_do_not_fit_are_counted(lines: list[str], more: int, most: int, size: Any):
    lines = [line.replace("\n", " ") for line in lines]
    total = len(lines) + more
    text = fitted(lines, most, total, size)
    assert size(text) <= most
    whole = "\n".join(lines)
    if more == 0 and size(whole) <= most:
        assert text == whole
    elif lines and total > 1:
        *kept, last = text.split("\n")
        if last.startswith("… and "):
            left = int(last.removeprefix("… and ").removesuffix(" more").replace(",", ""))
            assert len(kept) + left == total
        else:
            assert len(lines) == total == 1


def test_a_text_is_cut_at_its_limit_and_not_before():
    assert clipped("x" * 10, 10) == "x" * 10
    assert clipped("x" * 11, 10) == "x" * 9 + "…"
    assert clipped("磁" * 4, 12, utf8_size) == "磁" * 4
    assert clipped("磁" * 5, 12, utf8_size) == "磁" * 3 + "…"
    assert clipped("🔥" * 3, 5, utf16_size) == "🔥" * 2 + "…"
    assert fitted(["a" * 10, "b" * 10], 21, 2) == "a" * 10 + "\n" + "b" * 10
    assert fitted(["a" * 10, "b" * 10], 23, 3).endswith("… and 2 more")


@pytest.mark.parametrize(
    ("says", "answer"),
    [
        (
            b'{"status": "success", "message": "Event processed"}',
            "200 OK: Event processed; success",
        ),
        (b'{"message": {"ts": 1}}', "200 OK"),
        (b"ok", "200 OK: ok"),
        (b'{"result": "for an-api-key-of-ours"}', "200 OK: for ***"),
    ],
)
def test_the_answer_of_who_took_it_is_kept_without_secrets(
    receiver: Receiver, says: bytes, answer: str
):
    receiver.says = says
    channel = Opsgenie(api_key=SecretStr("an-api-key-of-ours"), url=receiver.url)
    assert channel.send(message()).answer == answer


def test_a_body_that_breaks_off_does_not_undo_what_was_taken(receiver: Receiver):
    receiver.says, receiver.owes = b"ok", 100
    channel = Opsgenie(api_key=SecretStr("an-api-key-of-ours"), url=receiver.url)
    assert channel.send(message()).answer.startswith("200 OK")
