"""Web Push: a notification in each browser that a person subscribed in the dashboard.

The request is RFC 8030 (TTL, Urgency, Topic), its body is encrypted for the browser alone by RFC
8291, and its sender signs by VAPID (RFC 8292). What the dashboard's service worker reads in it is
ours: `dashboard/web_app/push_worker.js`.
"""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar, cast
from urllib.parse import urlsplit

import msgspec
import orjson
from pydantic import Field, PrivateAttr, field_validator

from blocks.http_channel import GONE, HttpChannel, HttpRequest, timeout_field
from blocks.message_text import alert_lines, clipped, fitted, footer, is_resolved, json_size
from sentinel.access.vapid import new_private_key
from sentinel.errors import DeliveryError
from sentinel.notifications.channel import Message, Receipt, all_acknowledged
from sentinel.notifications.push_subscription import PushBrowsers, PushSubscription

_URGENCIES = {"critical": "high", "high": "high", "medium": "normal"}
_DAY = 24 * 3600
_SIGNED_FOR = _DAY // 2
"""A push service refuses what is signed for more than a day, by its own clock."""
_MOST_AT_ONCE = 8
"""Push services that are asked at the same time."""
_CONTACTS = (
    "It is mailto: with a whole address such as ops@example.org, or https:// with a host name "
    "alone, without port and path."
)
_MOST_BYTES, _MOST_TITLE, _MOST_URL = 3_993, 250, 800
"""Bytes of a text that every push service takes once it is encrypted (RFC 8291, section 4)."""


class WebPush(HttpChannel):
    """Notifies the browsers that people subscribed on the dashboard's page Settings."""

    _block_type_name = "Sentinel Web Push"
    _block_type_slug = "sentinel-web-push"
    _description = "Notifies the browsers that people subscribed in Sentinel's dashboard."
    _what = "the push service"
    _fix = "Subscribe the browser again: Settings, Notify this browser."
    _fixes: ClassVar[Mapping[int, str]] = {
        413: "Report it: no message of ours should be too long.",
    }
    _quotes = False  # what it says may have the address of a browser in it

    people: list[str] = Field(
        title="People",
        description="Whose browsers are notified: names, as people log in.",
        min_length=1,
    )
    contact: str = Field(
        title="Contact",
        description="Where the operators of push services reach you: mailto:… or https://….",
        pattern=r"^(mailto:[^\s@]+@[^\s@]+|https://\S+)$",
        examples=["mailto:ops@example.org"],
    )
    timeout: float = timeout_field()

    _browsers: PushBrowsers | None = PrivateAttr(default=None)

    @field_validator("contact")
    @classmethod
    def _can_be_signed(cls, contact: str) -> str:
        try:
            _signed("https://push.example", contact, new_private_key())
        except DeliveryError:
            raise ValueError(f"no message can be signed with this contact. {_CONTACTS}") from None
        return contact

    def notifying(self, browsers: PushBrowsers) -> WebPush:
        """Return this channel, which notifies some of these browsers."""
        self._browsers = browsers
        return self

    def send(self, message: Message) -> Receipt:
        """Notify every browser of the channel's people.

        Args:
            message: the message; a retry notifies only the browsers that were not yet

        Returns:
            How many browsers were notified; one that its push service no longer knows is removed.

        Raises:
            DeliveryError: no browser was notified, or some have to be tried again
        """
        if self._browsers is None:
            raise DeliveryError("this channel sends only within Sentinel", permanent=True)
        ends = time.monotonic() + self.send_seconds
        subscribed = self._browsers.of(self.people)
        same = self._fingerprint(message)
        known = _known(message, same)
        attempt = _Attempt(done={one.id for one in subscribed if one.id in known.done})
        waiting = [one for one in subscribed if one.id not in attempt.done]
        waiting.sort(key=lambda one: one.id in known.failed)  # those not reached yet come first
        services: dict[str, list[PushSubscription]] = {}
        for one in waiting:
            services.setdefault(_service(one), []).append(one)
        private = self._browsers.private_key() if services else ""

        def notify(browsers: list[PushSubscription]) -> _Attempt:
            return self._notify(message, browsers, private, ends)

        # One that hangs keeps nobody behind another service from being notified.
        with ThreadPoolExecutor(_MOST_AT_ONCE, "web-push") as threads:
            for part in threads.map(notify, services.values()):
                attempt.add(part)
        if attempt.gone:
            self._browsers.forget(sorted(attempt.gone))
        _raise_first(attempt, same)
        if not attempt.done:
            raise DeliveryError(
                "nobody of this channel has subscribed a browser",
                permanent=True,
                hint="On the dashboard's page Settings: Notify this browser.",
            )
        refused = f"; {len(attempt.errors)} refused" if attempt.errors else ""
        total = len(subscribed) - len(attempt.gone)
        return Receipt(answer=f"notified {len(attempt.done)} of {total}{refused}")

    def _notify(
        self, message: Message, browsers: list[PushSubscription], private: str, ends: float
    ) -> _Attempt:
        """Notify browsers of one push service, one after another, until it does not answer."""
        attempt, payload = _Attempt(), _payload(message)
        try:
            signed = _signed(_service(browsers[0]), self.contact, private)
        except DeliveryError as error:
            attempt.errors.append(error)
            return attempt
        for one in browsers:
            try:
                sealed = _sealed(payload, one)
            except ValueError:  # keys of no browser, which nothing can be encrypted for
                attempt.gone.add(one.id)
                continue
            began = time.monotonic()
            patience = min(self.timeout, ends - began)
            request = _request(message, one, signed, sealed)
            try:
                answer = self._ask(request, f"{message.id}-{one.id}", patience)
            except DeliveryError as error:
                attempt.errors.append(error)  # the other browsers are notified all the same
                if patience <= 0:
                    break
                if not error.permanent:
                    attempt.failed.add(one.id)
                if time.monotonic() - began >= 0.9 * patience:
                    break  # the service hangs: those left are asked first in the next attempt
                continue
            if answer.status in GONE.values():
                attempt.gone.add(one.id)
            else:
                attempt.done.add(one.id)
        return attempt


class _Attempt(msgspec.Struct):
    """What came of an attempt: ids of browsers, and the errors of those that did not take it."""

    done: set[str] = msgspec.field(default_factory=set[str])
    failed: set[str] = msgspec.field(default_factory=set[str])
    gone: set[str] = msgspec.field(default_factory=set[str])
    errors: list[DeliveryError] = msgspec.field(default_factory=list[DeliveryError])

    def add(self, other: _Attempt) -> None:
        self.done |= other.done
        self.failed |= other.failed
        self.gone |= other.gone
        self.errors += other.errors


def _service(of: PushSubscription) -> str:
    parts = urlsplit(of.endpoint)
    return f"{parts.scheme}://{parts.netloc}"


def _sealed(payload: bytes, to: PushSubscription) -> bytes:
    """Return the payload as one browser alone can read it.

    Args:
        payload: of `_payload`
        to: the browser

    Returns:
        The body of the request.

    Raises:
        ValueError: its keys are none
    """
    from pywebpush import WebPusher  # pyright: ignore[reportMissingTypeStubs] - it has none

    keys = {"p256dh": to.p256dh, "auth": to.auth}
    return cast("bytes", WebPusher({"endpoint": to.endpoint, "keys": keys}).encode(payload)["body"])


def _signed(service: str, contact: str, private: str) -> dict[str, str]:
    """Sign for a push service.

    Args:
        service: its scheme, host and port
        contact: where its operators reach the sender
        private: the key of this instance

    Returns:
        The headers by which it knows the sender.

    Raises:
        DeliveryError: py-vapid does not sign for this contact
    """
    from py_vapid import (  # pyright: ignore[reportMissingTypeStubs] - it has none
        Vapid02,
        VapidException,
    )

    claims = {"aud": service, "exp": int(time.time()) + _SIGNED_FOR, "sub": contact}
    signer: Any = cast("Any", Vapid02).from_raw(private.encode())
    try:
        return signer.sign(claims)
    except VapidException:
        raise DeliveryError(
            f"no message can be signed with the contact {contact!r}", permanent=True,
            hint=f"Correct Contact of the channel's block. {_CONTACTS}",
        ) from None  # fmt: skip


def _request(
    message: Message, to: PushSubscription, signed: Mapping[str, str], sealed: bytes
) -> HttpRequest:
    quiet = is_resolved(message) or all_acknowledged(message)
    return HttpRequest(
        url=to.endpoint,
        body=sealed,
        headers={
            **signed,
            "Content-Type": "application/octet-stream",
            "Content-Encoding": "aes128gcm",
            "TTL": str(_DAY),
            "Urgency": "low" if quiet else _URGENCIES.get(message.severity, "low"),
            "Topic": _topic(message),
        },
        may_be_gone=True,
    )


def _payload(message: Message) -> bytes:
    """Return what the service worker shows, as JSON."""
    quiet = is_resolved(message) or all_acknowledged(message)
    content = {
        "title": clipped(message.title, _MOST_TITLE, json_size),
        "tag": _topic(message),
        "url": message.url if len(message.url) <= _MOST_URL else "",
        "acknowledge": message.acknowledge_url if len(message.acknowledge_url) <= _MOST_URL else "",
        "quiet": quiet,
        "stays": message.severity == "critical" and not quiet,
        "body": "",
    }
    end = clipped(footer(message), 300, json_size)
    room = _MOST_BYTES - len(orjson.dumps(content)) - json_size(f"\n{end}")
    total = message.firing + message.resolved
    content["body"] = f"{fitted(alert_lines(message, 20), room, total, json_size)}\n{end}".strip()
    return orjson.dumps(content)


def _topic(message: Message) -> str:
    """Return what stands for the group: a later message replaces one that was not delivered."""
    digest = hashlib.blake2b(message.dedup_key.encode(), digest_size=24).digest()
    return base64.urlsafe_b64encode(digest).decode("ascii")


def _known(message: Message, fingerprint: str) -> _Attempt:
    """Return which browsers earlier attempts at this very message notified, and which failed."""
    of, *ids = message.progress.split(" ")
    if of != fingerprint:
        return _Attempt()
    failed = {one.removeprefix("-") for one in ids if one.startswith("-")}
    return _Attempt(done={one for one in ids if not one.startswith("-")}, failed=failed)


def _raise_first(attempt: _Attempt, fingerprint: str) -> None:
    """Raise what has to be tried again, and a refusal only where no browser was notified.

    Raises:
        DeliveryError: the first of those
    """
    again = [error for error in attempt.errors if not error.permanent]
    if again:
        ids = [*sorted(attempt.done), *(f"-{one}" for one in sorted(attempt.failed))]
        again[0].progress = " ".join([fingerprint, *ids]) if ids else ""
        again[0].retry_after = max(error.retry_after for error in again)
        again[0].unanswered = any(error.unanswered for error in again)
        raise again[0]
    if attempt.errors and not attempt.done:
        raise attempt.errors[0]
