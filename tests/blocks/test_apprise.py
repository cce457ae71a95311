"""Apprise, through one of its services that posts to a real HTTP receiver."""

from __future__ import annotations

import json
from collections.abc import Generator

import pytest
from pydantic import SecretStr, ValidationError

from blocks.vendors.apprise import Apprise
from sentinel.errors import DeliveryError
from sentinel.settings import settings
from tests.blocks.messages import message, resolved
from tests.blocks.vendors_world import hard_texts, storm
from tests.prefect_server import Receiver, free_port


def channel(receiver: Receiver) -> Apprise:
    return Apprise(address=SecretStr(receiver.url.replace("http://", "json://") + "/T0K3N"))


def test_a_message_is_a_title_and_a_text_of_its_kind(receiver: Receiver):
    for each in (message(), message(severity="low"), resolved()):
        channel(receiver).send(each)
    bodies = [json.loads(one.body) for one in receiver.requests]
    assert [one["type"] for one in bodies] == ["failure", "warning", "success"]
    assert bodies[0]["title"] == "[critical] disk-space"
    assert "critical: /data0 is 97 percent full (open for 10m)" in bodies[0]["message"]
    assert bodies[0]["message"].endswith("http://127.0.0.1:8501/?group=g1")


@hard_texts
def test_there_is_always_a_text_within_the_limit(receiver: Receiver, text: str):
    channel(receiver).send(storm(text))
    (body,) = [json.loads(one.body) for one in receiver.requests]
    assert 0 < len(body["message"]) <= 3_000
    assert "… and " in body["message"]


@pytest.mark.parametrize("most", [40, 160, 500])
def test_a_service_for_short_messages_gets_a_short_one(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, most: int
):
    monkeypatch.setattr("apprise.plugins.custom_json.NotifyJSON.body_maxlen", most)
    channel(receiver).send(storm("x" * 900))
    (body,) = [json.loads(one.body) for one in receiver.requests]
    assert body["message"]
    assert len(body["title"]) + len(body["message"]) < most
    assert ("… and 3,999 more" in body["message"]) is (most == 500)


@pytest.mark.parametrize("code", [400, 500, 302])
def test_what_is_not_true_is_a_failure_that_is_retried(receiver: Receiver, code: int):
    receiver.answers = [code]
    with pytest.raises(DeliveryError, match="the service json did not take the message") as caught:
        channel(receiver).send(message())
    assert not caught.value.permanent
    assert "T0K3N" not in str(caught.value)
    assert len(receiver.requests) == 1  # no redirect is followed


def test_nobody_listening_is_a_failure_that_is_retried():
    dead = Apprise(address=SecretStr(f"json://127.0.0.1:{free_port()}/"))
    with pytest.raises(DeliveryError) as caught:
        dead.send(message())
    assert not caught.value.permanent


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("nonsense://x", "Apprise knows no such address"),
        ("nothing", "Apprise knows no such address"),
        ("syslog://", "the machine that Sentinel runs on"),
        ("DBUS://", "the machine that Sentinel runs on"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_when_saved(address: str, why: str):
    with pytest.raises(ValidationError, match=why):
        Apprise(address=SecretStr(address))


@pytest.fixture
def nothing_allowed(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    monkeypatch.setenv("SENTINEL_ALLOWED_NETWORKS", "")
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.mark.usefixtures("nothing_allowed")
def test_a_private_address_is_not_reached(receiver: Receiver):
    with pytest.raises(DeliveryError, match="private address") as caught:
        channel(receiver).send(message())
    assert caught.value.permanent
    assert receiver.requests == []
