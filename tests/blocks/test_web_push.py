"""Web Push against a local push service over TLS, which decrypts as a browser does (RFC 8291)."""

from __future__ import annotations

import base64
import hashlib
import os
import socket
import time
from collections.abc import Collection, Generator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import http_ece  # pyright: ignore[reportMissingTypeStubs] - it has none
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jwt
from joserfc.jwk import ECKey
from pydantic import ValidationError

from blocks.vendors.web_push import WebPush
from sentinel.access.vapid import new_private_key, public_key
from sentinel.errors import DeliveryError
from sentinel.notifications.push_subscription import PushSubscription, subscription_of
from sentinel.settings import settings
from tests.blocks.messages import message, resolved
from tests.blocks.smtp_server import certificate
from tests.blocks.vendors_world import HARD_TEXTS, acknowledged, storm
from tests.prefect_server import Receiver

PRIVATE = new_private_key()


def base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class Device:
    """A browser: its two keys, and what it reads of what its push service was sent."""

    def __init__(self, service: str, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._auth = os.urandom(16)
        self.path = f"/send/{name}"
        point = self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.subscription = subscription_of({
            "endpoint": f"{service}{self.path}", "expirationTime": None,
            "keys": {"p256dh": base64url(point), "auth": base64url(self._auth)},
        })  # fmt: skip

    def reads(self, body: bytes) -> dict[str, Any]:
        # The package has no types.
        plain: Any = http_ece.decrypt(  # pyright: ignore[reportUnknownMemberType]
            body, private_key=self._key, auth_secret=self._auth
        )
        return orjson.loads(plain)


class Browsers:
    """The browsers of Ann, as the store keeps them."""

    def __init__(self, *devices: Device) -> None:
        self.subscribed = [device.subscription for device in devices]

    def private_key(self) -> str:
        return PRIVATE

    def of(self, people: Collection[str]) -> list[PushSubscription]:
        return list(self.subscribed) if "ann" in people else []

    def forget(self, ids: Collection[str]) -> None:
        self.subscribed = [one for one in self.subscribed if one.id not in ids]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    return certificate(tmp_path_factory.mktemp("push"))


@pytest.fixture
def service(authority: tuple[Any, Path], monkeypatch: pytest.MonkeyPatch) -> Generator[Receiver]:
    """A push service that is trusted and may be reached."""
    context, trusted = authority
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    with Receiver(tls=context).serving() as receiver:
        receiver.url = receiver.url.replace("127.0.0.1", "localhost")
        yield receiver


def channel(browsers: Browsers, **changed: Any) -> WebPush:
    given: dict[str, Any] = {"people": ["ann"], "contact": "mailto:ops@example.org", **changed}
    return WebPush(**given).notifying(browsers)


def test_a_browser_alone_reads_what_a_push_service_passes_on(service: Receiver):
    device = Device(service.url, "one")
    receipt = channel(Browsers(device)).send(message(acknowledge_url="https://ack.example/ack/t"))
    assert receipt.answer == "notified 1 of 1"
    (request,) = service.requests
    assert request.path == device.path
    assert b"disk-space" not in request.body
    assert len(request.body) <= 4096
    shown = device.reads(request.body)
    assert shown["title"] == "[critical] disk-space"
    assert "/data0 is 97 percent full" in shown["body"]
    assert shown["url"] == "http://127.0.0.1:8501/?group=g1"
    assert shown["acknowledge"] == "https://ack.example/ack/t"
    assert (shown["quiet"], shown["stays"]) == (False, True)
    assert request.headers["Content-Encoding"] == "aes128gcm"
    assert request.headers["TTL"] == "86400"
    assert request.headers["Urgency"] == "high"
    assert len(request.headers["Topic"]) == 32
    assert shown["tag"] == request.headers["Topic"]


def test_the_sender_signs_for_the_push_service_that_is_asked(service: Receiver):
    channel(Browsers(Device(service.url, "one"))).send(message())
    scheme, _, words = service.requests[0].headers["Authorization"].partition(" ")
    assert scheme == "vapid"
    said = dict(part.strip().split("=", 1) for part in words.split(","))
    assert said["k"] == public_key(PRIVATE)
    point = base64.urlsafe_b64decode(said["k"] + "=")
    key = ECKey.import_key({
        "kty": "EC", "crv": "P-256", "x": base64url(point[1:33]), "y": base64url(point[33:]),
    })  # fmt: skip
    token = jwt.decode(said["t"], key, algorithms=["ES256"])
    assert token.claims["aud"] == service.url
    assert token.claims["sub"] == "mailto:ops@example.org"
    assert time.time() < token.claims["exp"] <= time.time() + 24 * 3600


def test_a_group_keeps_its_topic_and_its_end_makes_no_sound(service: Receiver):
    device = Device(service.url, "one")
    for each in (message(), acknowledged(), resolved(), message(dedup_key="other", severity="low")):
        channel(Browsers(device)).send(each)
    topics = [request.headers["Topic"] for request in service.requests]
    assert topics[0] == topics[1] == topics[2] != topics[3]
    urgencies = [request.headers["Urgency"] for request in service.requests]
    assert urgencies == ["high", "low", "low", "low"]
    shown = [device.reads(request.body) for request in service.requests]
    assert [one["quiet"] for one in shown] == [False, True, True, False]
    assert not any(one["stays"] for one in shown[1:])


@pytest.mark.parametrize("text", HARD_TEXTS.values(), ids=HARD_TEXTS)
def test_whatever_a_check_says_fits_into_one_message(service: Receiver, text: str):
    device = Device(service.url, "one")
    channel(Browsers(device)).send(storm(text))
    (request,) = service.requests
    assert len(request.body) <= 4096
    assert "more" in device.reads(request.body)["body"]


def test_a_browser_that_its_push_service_forgot_is_removed(service: Receiver):
    browsers = Browsers(*(Device(service.url, name) for name in ("old", "older", "new")))
    service.answers = [404, 410, 201]
    assert channel(browsers).send(message()).answer == "notified 1 of 1"
    assert [one.endpoint.rpartition("/")[2] for one in browsers.subscribed] == ["new"]
    service.answers = [410]
    with pytest.raises(DeliveryError, match="nobody of this channel has subscribed") as none:
        channel(browsers).send(message())
    assert none.value.permanent
    assert "Notify this browser" in str(none.value)
    assert browsers.subscribed == []


def test_keys_of_no_browser_keep_nobody_from_being_notified(service: Receiver):
    browsers = Browsers(Device(service.url, "new"))
    point = base64url(b"\x04" + bytes(64))
    odd = PushSubscription(endpoint=f"{service.url}/send/odd", p256dh=point, auth="A" * 22)
    browsers.subscribed.insert(0, odd)
    assert channel(browsers).send(message()).answer == "notified 1 of 1"
    assert [one.endpoint.rpartition("/")[2] for one in browsers.subscribed] == ["new"]


def test_a_retry_notifies_only_those_that_were_not_notified(service: Receiver):
    devices = [Device(service.url, name) for name in ("a", "b", "c")]
    browsers = Browsers(*devices)
    service.answers = [201, 503, 201]
    with pytest.raises(DeliveryError) as failed:
        channel(browsers).send(message())
    assert not failed.value.permanent
    assert [request.path for request in service.requests] == ["/send/a", "/send/b", "/send/c"]
    service.requests.clear()
    # Meanwhile somebody unsubscribes, so that places in the list say nothing.
    browsers.forget([devices[0].subscription.id])
    receipt = channel(browsers).send(message(progress=failed.value.progress))
    assert [request.path for request in service.requests] == ["/send/b"]
    assert receipt.answer.startswith("notified")
    service.requests.clear()
    channel(browsers).send(message(id="m2", progress=failed.value.progress))
    assert len(service.requests) == 2


def test_push_services_that_hang_keep_no_other_browser_waiting(
    service: Receiver, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(WebPush, "send_seconds", 2.5)
    with ExitStack() as open_:
        sockets = [open_.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(3)]
        hanging = [f"https://localhost:{one.getsockname()[1]}" for one in sockets]
        devices = [Device(url, name) for url in hanging for name in ("a", "b")]
        browsers = Browsers(*devices, Device(service.url, "good"))
        with pytest.raises(DeliveryError, match="did not answer"):
            channel(browsers, timeout=1).send(message())
        assert [request.path for request in service.requests] == ["/send/good"]
        # A service that hangs is asked once in an attempt.
        sockets[0].setblocking(False)
        sockets[0].accept()[0].close()
        with pytest.raises(BlockingIOError):
            sockets[0].accept()


def test_a_retry_begins_with_the_browsers_that_were_not_reached(service: Receiver):
    first = Device(service.url, "first")
    service.answers = [503]
    with pytest.raises(DeliveryError) as failed:
        channel(Browsers(first)).send(message())
    service.requests.clear()
    both = Browsers(first, Device(service.url, "second"))
    channel(both).send(message(progress=failed.value.progress))
    assert [request.path for request in service.requests] == ["/send/second", "/send/first"]


def test_a_contact_that_cannot_be_signed_for_forgets_no_browser(service: Receiver):
    browsers = Browsers(Device(service.url, "one"))
    made = channel(browsers)
    made.contact = "mailto:ops@corp"
    with pytest.raises(DeliveryError, match="ops@corp") as unsigned:
        made.send(message())
    assert unsigned.value.permanent
    assert "Correct Contact" in unsigned.value.hint
    assert len(browsers.subscribed) == 1


def test_a_refusal_of_one_browser_keeps_it_from_no_other(service: Receiver):
    browsers = Browsers(*(Device(service.url, name) for name in ("a", "b")))
    service.answers = [403, 201]
    assert channel(browsers).send(message()).answer == "notified 1 of 2; 1 refused"
    service.answers = [403, 403]
    service.says = service.url.encode()
    with pytest.raises(DeliveryError) as refused:
        channel(browsers).send(message())
    assert refused.value.permanent
    assert "/send/" not in str(refused.value)


def test_a_push_service_may_not_be_inside_this_network(
    service: Receiver, monkeypatch: pytest.MonkeyPatch
):
    browsers = Browsers(Device(service.url, "one"))
    monkeypatch.setenv("SENTINEL_ALLOWED_NETWORKS", "")
    settings.cache_clear()
    with pytest.raises(DeliveryError, match="private address") as refused:
        channel(browsers).send(message())
    settings.cache_clear()
    assert refused.value.permanent
    assert service.requests == []


def test_a_channel_names_people_and_a_contact():
    with pytest.raises(ValidationError):
        WebPush(people=[], contact="mailto:ops@example.org")
    with pytest.raises(ValidationError):
        WebPush(people=["ann"], contact="ops")
    for unsigned in ("mailto:ops@corp", "https://ops", "https://ops.example.org:8443/x"):
        with pytest.raises(ValidationError, match="without port and path"):
            WebPush(people=["ann"], contact=unsigned)
    with pytest.raises(DeliveryError, match="only within Sentinel"):
        WebPush(people=["ann"], contact="https://ops.example.org").send(message())


def test_an_id_is_what_the_browser_makes_of_its_address():
    endpoint = "https://push.example/send/x"
    assert (
        PushSubscription(endpoint=endpoint, p256dh="", auth="").id
        == (hashlib.sha256(endpoint.encode()).hexdigest()[:32])
    )
