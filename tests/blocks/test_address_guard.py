"""A channel reaches public addresses, and private ones only where they are allowed."""

from __future__ import annotations

from collections.abc import Generator

import pytest
from prefect.blocks.abstract import NotificationBlock
from prefect.blocks.notifications import (
    CustomWebhookNotificationBlock,
    MattermostWebhook,
    SlackWebhook,
)
from pydantic import SecretStr, ValidationError

from blocks.address_guard import AddressGuard, is_allowed, networks_of
from blocks.channels import NotificationChannel
from blocks.slack import SlackChannel
from blocks.webhook import SignedWebhook
from sentinel.errors import DeliveryError
from sentinel.settings import Settings, settings
from tests.blocks.messages import message
from tests.prefect_server import Receiver


@pytest.fixture
def public_only(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    monkeypatch.delenv("SENTINEL_ALLOWED_NETWORKS")
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.1.1", "100.64.0.1",
        "0.0.0.0", "224.0.0.1", "::1", "::", "fe80::1%eth0", "fc00::1", "ff02::1", "fec0::1",
        "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::",
    ],
)  # fmt: skip
def test_what_is_not_public_is_refused_unless_it_is_allowed(address: str):
    assert not is_allowed(address, [])
    assert is_allowed(address, networks_of("*"))


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"])
def test_public_addresses_are_allowed(address: str):
    assert is_allowed(address, [])


def test_a_network_is_allowed_and_no_other():
    allowed = networks_of("10.1.0.0/16, 192.168.7.7,")
    assert is_allowed("10.1.2.3", allowed)
    assert is_allowed("::ffff:10.1.2.3", allowed)
    assert is_allowed("192.168.7.7", allowed)
    assert not is_allowed("10.2.0.1", allowed)
    assert not is_allowed("192.168.7.8", allowed)


@pytest.mark.usefixtures("public_only")
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_nothing_is_sent_to_a_private_address(receiver: Receiver, host: str):
    url = receiver.url.replace("127.0.0.1", host)
    hook = SignedWebhook(url=SecretStr(url), secret=SecretStr("a-shared-secret"))
    for channel in (hook, SlackChannel("slack-webhook/ops", url)):
        with pytest.raises(DeliveryError, match="private address") as caught:
            channel.send(message())
        assert caught.value.permanent
        assert "SENTINEL_ALLOWED_NETWORKS" in caught.value.hint
    assert receiver.requests == []


def custom(url: str) -> CustomWebhookNotificationBlock:
    return CustomWebhookNotificationBlock(
        name="plain", url=url, json_data={"text": "{{body}}"}, headers=None, cookies=None
    )


@pytest.mark.usefixtures("public_only")
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_blocks_of_prefect_send_nothing_to_a_private_address_either(receiver: Receiver, host: str):
    url = receiver.url.replace("127.0.0.1", host)
    blocks: list[NotificationBlock] = [
        custom(url),
        custom("{{name}}" + url).model_copy(update={"name": "", "url": "{{name}}" + url}),
        MattermostWebhook(hostname=host, token=SecretStr("t")),
    ]
    for block in blocks:
        with pytest.raises(DeliveryError, match="private address") as caught:
            NotificationChannel("a/block", block).send(message())
        assert caught.value.permanent
    assert receiver.requests == []


@pytest.mark.usefixtures("public_only")
def test_a_block_of_prefect_whose_name_answers_differently_the_second_time_gets_nothing(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
):
    def public(_: AddressGuard) -> bool:
        return True

    monkeypatch.setattr(AddressGuard, "check", public)
    monkeypatch.setattr(AddressGuard, "only_public", public)
    with pytest.raises(DeliveryError, match="could not send"):
        NotificationChannel("custom-webhook/plain", custom(receiver.url)).send(message())
    assert receiver.requests == []


def test_a_block_of_prefect_sends_to_an_allowed_network(receiver: Receiver):
    NotificationChannel("custom-webhook/plain", custom(receiver.url)).send(message())
    assert len(receiver.requests) == 1


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")  # a plugin of Apprise imports it
def test_an_address_of_apprise_whose_server_is_not_known_is_refused():
    block = SlackWebhook(url=SecretStr("mailto://a:b@example.org?smtp=mail.example.org"))
    with pytest.raises(DeliveryError, match=r"mailto://, which is not supported"):
        NotificationChannel("slack-webhook/a", block).send(message())


def test_an_address_of_apprise_that_loads_a_template_is_refused():
    block = SlackWebhook(url=SecretStr("discord://1/token?Template=notice.md"))
    with pytest.raises(DeliveryError, match="an option that loads a file") as caught:
        NotificationChannel("slack-webhook/a", block).send(message())
    assert caught.value.permanent


@pytest.mark.usefixtures("public_only")
def test_a_name_that_answers_differently_the_second_time_gets_nothing(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
):
    def nothing(_: AddressGuard) -> None:
        """It was public the first time."""

    monkeypatch.setattr(AddressGuard, "check", nothing)
    hook = SignedWebhook(url=SecretStr(receiver.url), secret=SecretStr("a-shared-secret"))
    with pytest.raises(DeliveryError, match="private address"):
        hook.send(message())
    assert receiver.requests == []


def test_a_setting_that_is_no_network_is_refused():
    with pytest.raises(ValidationError, match="allowed_networks"):
        Settings(allowed_networks="10.1.0.0/99")
