"""Web Push: a notification in each browser that a person subscribed in the dashboard.

The request is RFC 8030 (TTL, Urgency, Topic), its body is encrypted for the browser alone by RFC
8291, and its sender signs by VAPID (RFC 8292). What the dashboard's service worker reads in it is
ours: `dashboard/web_app/push_worker.js`.
"""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Collection, Mapping
from typing import Any, ClassVar, cast
from urllib.parse import urlsplit

import orjson
from pydantic import Field, PrivateAttr

from blocks.http_channel import GONE, HttpChannel, HttpRequest, timeout_field
from blocks.message_text import alert_lines, clipped, fitted, footer, is_resolved, json_size
from sentinel.errors import DeliveryError
from sentinel.notifications.channel import Message, Receipt, all_acknowledged
from sentinel.notifications.push_subscription import PushBrowsers, PushSubscription

_URGENCIES = {"critical": "high", "high": "high", "medium": "normal"}
_DAY = 24 * 3600
_SIGNED_FOR = _DAY // 2
"""A push service refuses what is signed for more than a day, by its own clock."""
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
        done = _done(message, same)
        gone: list[str] = []
        errors: list[DeliveryError] = []
        private = self._browsers.private_key() if subscribed else ""
        for one in subscribed:
            if one.id in done:
                continue
            try:
                request = self._request(message, one, private)
                answer = self._ask(request, f"{message.id}-{one.id}", ends - time.monotonic())
            except ValueError:  # keys of no browser, which nothing can be encrypted for
                gone.append(one.id)
                continue
            except DeliveryError as error:
                errors.append(error)  # the other browsers are notified all the same
                continue
            if answer.status in GONE.values():
                gone.append(one.id)
            else:
                done.add(one.id)
        if gone:
            self._browsers.forget(gone)
        _raise_first(errors, done, f"{same} {' '.join(sorted(done))}")
        if not done:
            raise DeliveryError(
                f"no browser of {', '.join(self.people)} is subscribed",
                permanent=True,
                hint="On the dashboard's page Settings: Notify this browser.",
            )
        refused = f"; {len(errors)} refused" if errors else ""
        return Receipt(answer=f"notified {len(done)} of {len(subscribed) - len(gone)}{refused}")

    def _request(self, message: Message, to: PushSubscription, private: str) -> HttpRequest:
        from py_vapid import Vapid02  # pyright: ignore[reportMissingTypeStubs] - it has none
        from pywebpush import WebPusher  # pyright: ignore[reportMissingTypeStubs] - it has none

        keys = {"p256dh": to.p256dh, "auth": to.auth}
        sealed = WebPusher({"endpoint": to.endpoint, "keys": keys}).encode(_payload(message))
        service = urlsplit(to.endpoint)
        claims = {
            "aud": f"{service.scheme}://{service.netloc}",
            "exp": int(time.time()) + _SIGNED_FOR,
            "sub": self.contact,
        }
        signer: Any = cast("Any", Vapid02).from_raw(private.encode())
        quiet = is_resolved(message) or all_acknowledged(message)
        return HttpRequest(
            url=to.endpoint,
            body=sealed["body"],
            headers={
                **signer.sign(claims),
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


def _done(message: Message, fingerprint: str) -> set[str]:
    """Return the ids of the browsers that earlier attempts at this very message notified."""
    of, *ids = message.progress.split(" ")
    return set(ids) if of == fingerprint else set()


def _raise_first(errors: list[DeliveryError], done: Collection[str], progress: str) -> None:
    """Raise what has to be tried again, and a refusal only where no browser was notified.

    Raises:
        DeliveryError: the first of those
    """
    again = [error for error in errors if not error.permanent]
    if again:
        again[0].progress = progress if done else ""
        again[0].retry_after = max(error.retry_after for error in again)
        again[0].unanswered = any(error.unanswered for error in again)
        raise again[0]
    if errors and not done:
        raise errors[0]
