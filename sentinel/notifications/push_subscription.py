"""Push subscriptions: what a browser hands over so that it can be notified (W3C Push API). Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Collection, Sequence
from typing import Protocol
from urllib.parse import urlsplit

import msgspec

from sentinel.errors import ConfigurationError

__all__ = ["PushBrowsers", "PushMove", "PushSubscription", "id_of", "move_of", "subscription_of"]

_LONGEST_ENDPOINT = 2000
_POINT_BYTES, _AUTH_BYTES = 65, 16
"""Lengths of the two keys (RFC 8291, sections 3.1 and 3.2)."""
_BASE64 = re.compile(r"[A-Za-z0-9_-]+=*")


class PushSubscription(msgspec.Struct, frozen=True, kw_only=True):
    """A browser's subscription.

    Attributes:
        endpoint: the address at its push service, a secret
        p256dh: its public key, a point of P-256, in URL-safe base64
        auth: its secret for this subscription, in URL-safe base64
    """

    endpoint: str
    p256dh: str
    auth: str

    @property
    def id(self) -> str:
        """What names the subscription where its endpoint may not be shown."""
        return id_of(self.endpoint)


class PushMove(msgspec.Struct, frozen=True, kw_only=True):
    """A browser's subscription that took the place of another.

    Attributes:
        endpoint: the address of the old one
        auth: the secret of the old one, which nobody has but its browser and this instance
        subscription: the new one
    """

    endpoint: str
    auth: str
    subscription: PushSubscription


class PushBrowsers(Protocol):
    """The browsers that people subscribed."""

    def private_key(self) -> str:
        """Return the key that signs for this instance, of `sentinel.access.vapid`."""
        ...

    def of(self, people: Collection[str]) -> Sequence[PushSubscription]:
        """Return the browsers of people who may be notified."""
        ...

    def forget(self, ids: Collection[str]) -> None:
        """Remove the subscriptions that their push services no longer know."""
        ...


def id_of(endpoint: str) -> str:
    """Return the first 32 hex digits of the SHA-256 hash of an endpoint, as push.js has them."""
    return hashlib.sha256(endpoint.encode()).hexdigest()[:32]


def subscription_of(given: object) -> PushSubscription:
    """Return what a browser handed over, as `PushSubscription.toJSON()` writes it.

    Args:
        given: JSON

    Returns:
        The subscription.

    Raises:
        ConfigurationError: its endpoint is no https address, or a key is none
    """
    try:
        sent = msgspec.convert(given, _Given)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"this is no subscription of a browser: {error}") from None
    try:
        parts = urlsplit(sent.endpoint)
        fits = parts.scheme == "https" and parts.hostname and "@" not in parts.netloc
        _ = parts.port  # raises where it is none
    except ValueError:
        fits = False
    endpoint = sent.endpoint
    if not fits or not endpoint.isascii() or not endpoint.isprintable() or " " in endpoint:
        raise ConfigurationError("the endpoint of a browser must begin with https://")
    if len(endpoint) > _LONGEST_ENDPOINT:
        raise ConfigurationError(
            f"the endpoint of a browser may have at most {_LONGEST_ENDPOINT:,} characters"
        )
    point, auth = _bytes_of(sent.keys.p256dh), _bytes_of(sent.keys.auth)
    if not _is_on_curve(point) or len(auth) != _AUTH_BYTES:
        raise ConfigurationError("the keys of a browser's subscription are not those of RFC 8291")
    return PushSubscription(endpoint=endpoint, p256dh=sent.keys.p256dh, auth=sent.keys.auth)


def move_of(given: object) -> PushMove:
    """Return what push_worker.js sends when the browser changed its subscription.

    Args:
        given: JSON: `from` with the old endpoint and `auth`, `to` with the new subscription

    Returns:
        The move.

    Raises:
        ConfigurationError: it is none, or the new subscription is none
    """
    try:
        sent = msgspec.convert(given, _GivenMove)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"this is no move of a browser's subscription: {error}") from None
    return PushMove(
        endpoint=sent.old.endpoint, auth=sent.old.auth, subscription=subscription_of(sent.to)
    )


def _is_on_curve(point: bytes) -> bool:
    """Return whether bytes are a point of P-256: for any other nothing can be encrypted."""
    from cryptography.hazmat.primitives.asymmetric import ec

    if len(point) != _POINT_BYTES:
        return False
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    except ValueError:
        return False
    return True


class _Keys(msgspec.Struct):
    p256dh: str
    auth: str


class _Given(msgspec.Struct):
    endpoint: str
    keys: _Keys


class _Old(msgspec.Struct):
    endpoint: str
    auth: str


class _GivenMove(msgspec.Struct):
    to: object
    old: _Old = msgspec.field(name="from")


def _bytes_of(text: str) -> bytes:
    if len(text) > 100 or not _BASE64.fullmatch(text):
        return b""
    try:
        return base64.urlsafe_b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4))
    except (binascii.Error, ValueError):
        return b""
