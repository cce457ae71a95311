"""References become channels: the inbox, our blocks, Prefect's blocks; also while it is down."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.blocks.webhook import Webhook
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect_email import (  # pyright: ignore[reportMissingTypeStubs] - its types are in its source
    EmailServerCredentials,
)
from pydantic import SecretStr

from blocks import channels as module
from blocks.channels import Channels
from blocks.mail import SentinelEmail
from blocks.webhook import SignedWebhook
from sentinel.engine.dispatcher import notify_due
from sentinel.errors import DeliveryError
from sentinel.ingest.canary import send_canaries
from sentinel.store import Store
from sentinel.store.notifications.canaries import canary_paths
from sentinel.store.notifications.channel_health import channel_states
from sentinel.store.options import StoreOptions
from tests.blocks.messages import message
from tests.prefect_server import PrefectServer, Receiver, free_port

pytestmark = pytest.mark.prefect


@pytest.fixture
def channels(store: Store, connected: PrefectServer) -> Channels:
    return Channels(store)


@pytest.fixture
def stale(monkeypatch: pytest.MonkeyPatch):
    """Every use asks Prefect again."""
    monkeypatch.setattr(module, "FRESH_SECONDS", 0.0)


def save(name: str, url: str) -> None:
    block = SignedWebhook(url=SecretStr(url), secret=SecretStr("a-shared-secret"))
    block.save(name, overwrite=True)


def prefect_down():
    return temporary_settings(updates={PREFECT_API_URL: f"http://127.0.0.1:{free_port()}/api"})


def test_the_inbox_needs_no_prefect(store: Store):
    with prefect_down():
        Channels(store).channel_of("inbox").send(message())
    assert [one.title for one in store.inbox.page()] == ["[critical] disk-space"]


def test_a_saved_block_is_a_channel(channels: Channels, receiver: Receiver):
    save("ops", receiver.url)
    channels.channel_of("sentinel-webhook/ops").send(message())
    assert len(receiver.requests) == 1


def test_a_canary_proves_the_path_to_a_real_receiver_or_says_what_it_answered(
    store: Store, channels: Channels, receiver: Receiver
):
    save("canaried", receiver.url)
    store.receivers.set("canaried", ["sentinel-webhook/canaried"])
    channels.refresh()  # here, since the address of Prefect holds for this thread alone
    for answer, state, error in ((200, "delivered", ""), (500, "waiting", "answered 500")):
        receiver.answers = [answer]
        send_canaries(
            store, ["canaried"], every=timedelta(0), within=timedelta(minutes=5), actor="ann"
        )
        notify_due(store, channels.channel_of, by="test")
        (path,) = canary_paths(store)[1]
        assert path.state == state, path
        assert error in path.error
    assert "Canary: canaried" in receiver.requests[0].body.decode()


def test_prefects_own_notification_blocks_are_channels(channels: Channels, receiver: Receiver):
    CustomWebhookNotificationBlock(
        name="plain",
        url=receiver.url,
        json_data={"text": "{{subject}}: {{body}}"},
        headers=None,
        cookies=None,
    ).save("plain", overwrite=True)
    channels.channel_of("custom-webhook/plain").send(message())
    text = json.loads(receiver.requests[0].body)["text"]
    assert text.startswith("[critical] disk-space: - /data0 is 97 percent full")
    assert text.endswith("http://127.0.0.1:8501/?group=g1")


def test_a_notification_block_that_fails_is_tried_again_and_keeps_its_address(
    channels: Channels, receiver: Receiver
):
    CustomWebhookNotificationBlock(
        name="failing",
        url=f"{receiver.url}/T0KEN",
        json_data={"text": "{{body}}"},
        headers=None,
        cookies=None,
    ).save("failing", overwrite=True)
    receiver.answers = [500]
    with pytest.raises(DeliveryError, match="custom-webhook/failing could not send") as caught:
        channels.channel_of("custom-webhook/failing").send(message())
    assert not caught.value.permanent
    assert "T0KEN" not in str(caught.value)


@pytest.mark.usefixtures("stale")
def test_cached_blocks_go_on_sending_while_prefect_is_down(channels: Channels, receiver: Receiver):
    save("night", receiver.url)
    channels.channel_of("sentinel-webhook/night")
    with prefect_down():
        channels.channel_of("sentinel-webhook/night").send(message())
    assert len(receiver.requests) == 1


def test_the_channels_of_receivers_are_cached_before_they_are_needed(
    store: Store, channels: Channels, receiver: Receiver
):
    save("standby", receiver.url)
    store.receivers.set("default", ["inbox", "sentinel-webhook/standby", "sentinel-webhook/none"])
    channels.refresh()
    states = {one.channel: one.state for one in channel_states(store)}
    assert states["sentinel-webhook/none"] == "missing"
    assert states["sentinel-webhook/standby"] == "untried"
    with prefect_down():
        channels.refresh()
    assert {one.channel: one.state for one in channel_states(store)} == states, "nobody knows"
    with prefect_down():
        channels.channel_of("sentinel-webhook/standby").send(message())
    assert len(receiver.requests) == 1


@pytest.mark.usefixtures("stale")
def test_so_is_the_channel_that_mails_subscribers_of_status_pages(store: Store, channels: Channels):
    mail = SentinelEmail(
        server=EmailServerCredentials(smtp_server="127.0.0.1", smtp_type="INSECURE"),
        to=["nobody@example.org"], sender="Status <status@example.org>",
    )  # fmt: skip
    mail.save("status", overwrite=True)
    store.options = StoreOptions(status_mail="sentinel-email/status")
    channels.refresh()
    with prefect_down():
        kept = channels.channel_of("sentinel-email/status")
    assert isinstance(kept, SentinelEmail)
    assert (kept.sender, kept.server.smtp_server) == (mail.sender, "127.0.0.1")


@pytest.mark.usefixtures("stale")
def test_an_edited_block_is_used_as_it_is_now(channels: Channels, receiver: Receiver):
    save("moved", f"http://127.0.0.1:{free_port()}")
    channels.channel_of("sentinel-webhook/moved")
    save("moved", receiver.url)
    channels.channel_of("sentinel-webhook/moved").send(message())
    assert len(receiver.requests) == 1


@pytest.mark.usefixtures("stale")
def test_a_deleted_block_sends_nothing(channels: Channels, receiver: Receiver):
    save("gone", receiver.url)
    channels.channel_of("sentinel-webhook/gone")
    SignedWebhook.delete("gone")
    with pytest.raises(DeliveryError, match="no usable block sentinel-webhook/gone") as caught:
        channels.channel_of("sentinel-webhook/gone")
    assert caught.value.permanent


def test_prefect_down_before_a_block_is_known_is_tried_again(store: Store):
    with (
        prefect_down(),
        pytest.raises(DeliveryError, match="Prefect does not answer") as caught,
    ):
        Channels(store).channel_of("sentinel-webhook/ops")
    assert not caught.value.permanent


def test_a_missing_address_of_prefect_is_reported_and_starts_no_server(store: Store):
    with (
        temporary_settings(restore_defaults={PREFECT_API_URL}),
        pytest.raises(DeliveryError, match="Set PREFECT_API_URL") as caught,
    ):
        Channels(store).channel_of("sentinel-webhook/ops")
    assert not caught.value.permanent


@pytest.mark.parametrize(
    ("ref", "said"),
    [
        ("sentinel-webhook/nobody", "no usable block sentinel-webhook/nobody"),
        ("no-such-type/x", "no usable block no-such-type/x"),
        ("nonsense", "'nonsense' is not a channel"),
    ],
)
def test_an_invalid_channel_is_a_permanent_error_with_a_hint(
    channels: Channels, ref: str, said: str
):
    with pytest.raises(DeliveryError, match=said) as caught:
        channels.channel_of(ref)
    assert caught.value.permanent
    assert caught.value.hint


def test_a_block_that_cannot_send_is_refused(channels: Channels):
    Webhook(url=SecretStr("http://127.0.0.1/")).save("calls", overwrite=True)
    with pytest.raises(DeliveryError, match="which cannot send messages") as caught:
        channels.channel_of("webhook/calls")
    assert caught.value.permanent


@pytest.mark.slow
def test_the_block_types_are_registered_by_one_command(connected: PrefectServer):
    done = connected.cli("block", "register", "-m", "blocks")
    assert "Sentinel Webhook" in done.stdout
    assert "Sentinel Email" in done.stdout
