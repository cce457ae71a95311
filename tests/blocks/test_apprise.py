"""Apprise, through one of its services that posts to a real HTTP receiver."""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Generator
from typing import Any

import pytest
from apprise.manager_plugins import NotificationManager
from pydantic import SecretStr, ValidationError

from blocks.address_guard import AddressGuard
from blocks.vendors.apprise import SERVICES, Apprise, other_ways
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
        ("nonsense://x", "Sentinel does not send through nonsense://"),
        ("nothing", "must begin with the name of a service"),
        ("twilio://x", "Apprise knows no such address"),
        ("syslog://", "Sentinel does not send through syslog://"),
        ("DBUS://", "Sentinel does not send through dbus://"),
        ("mailto://ada:secret@example.com", "Sentinel does not send through mailto://"),
        ("mqtt://broker.example.com/topic", "Sentinel does not send through mqtt://"),
        ("https://example.com/hook", "Sentinel does not send through https://"),
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


@pytest.mark.usefixtures("nothing_allowed")
def test_what_is_connected_to_is_looked_at_again(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
):
    def nothing(_: AddressGuard) -> None:
        """It was public the first time."""

    monkeypatch.setattr(AddressGuard, "check", nothing)
    with pytest.raises(DeliveryError, match="private address") as caught:
        channel(receiver).send(message())
    assert caught.value.permanent
    assert receiver.requests == []


def plugins() -> dict[str, Any]:
    found: dict[str, Any] = {}
    manager: Any = NotificationManager()  # its types are partial
    for one in manager.plugins():
        for schemes in (one.protocol, one.secure_protocol):
            found |= dict.fromkeys([schemes] if isinstance(schemes, str) else schemes or (), one)
    return found


def test_the_services_reach_only_their_host_and_load_no_files():
    """Fails where a new version of Apprise gives a service another way to connect or to read."""
    known = plugins()
    assert set(known) >= SERVICES
    assert {name: ways for name in SERVICES if (ways := other_ways(known[name]))} == {}
    connects = re.compile(r"AppriseAttachment\(|^\s*(?:import|from) (?:socket|smtplib|paho)", re.M)
    sources = {
        known[name]: inspect.getsource(sys.modules[known[name].__module__]) for name in SERVICES
    }
    assert [one for one, source in sources.items() if connects.search(source)] == []


def test_options_that_name_a_file_or_another_host_are_found():
    known = plugins()
    assert other_ways(known["fcm"]) == ["keyfile"]
    assert "smtp" in other_ways(known["mailto"])
    assert other_ways(known["discord"]) == ["template"]
    assert other_ways(known["json"]) == []
