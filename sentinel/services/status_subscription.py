"""Subscriptions to status pages: who may be one, what they are sent, and how it is signed. Pure.

A subscriber has one secret, the seed. The token of the links in what they are sent and the secret
that signs webhooks are derived from it, so that neither tells the other.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from datetime import datetime
from email.errors import HeaderParseError
from email.headerregistry import Address
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

from sentinel.errors import ConfigurationError

__all__ = [
    "TOKEN_CHARS", "StatusNews", "SubscriberKind", "hash_of", "masked", "new_seed", "secret_of",
    "subject_of", "target_of", "text_of", "token_of", "webhook_of",
]  # fmt: skip

SubscriberKind = Literal["email", "webhook"]
TOKEN_CHARS = 43
"""Of the token of a link: 32 bytes in base64."""
_MOST_ADDRESS, _MOST_URL = 254, 500


class StatusNews(msgspec.Struct, frozen=True, kw_only=True):
    """A public update as subscribers are sent it.

    Attributes:
        incident: id of the incident
        heading: what the page calls it
        status: of the incident when the page was written
        components: titles of those that it affects
        entry: id of the update
        at: when it was posted
    """

    incident: str
    heading: str
    status: str
    components: Sequence[str]
    opened_at: datetime
    resolved_at: datetime | None
    entry: str
    at: datetime
    text: str


def target_of(kind: SubscriberKind, given: str) -> str:
    """Return an address of email or a URL as it is kept.

    Args:
        kind: which of both
        given: as somebody wrote it

    Returns:
        It, without spaces around it.

    Raises:
        ConfigurationError: it is none
    """
    text = given.strip()
    if kind == "email":
        if not _is_address(text):
            raise ConfigurationError(
                "this is no address of email", hint="Write it as name@example.org."
            )
        return text
    if not _is_secure_url(text):
        raise ConfigurationError(
            "a webhook is an address that begins with https://",
            hint="Write it without user and password, as https://example.org/status.",
        )
    return text


def _is_address(text: str) -> bool:
    if len(text) > _MOST_ADDRESS or not text.isascii() or not text.isprintable() or " " in text:
        return False
    try:
        found = Address(addr_spec=text)
    except (ValueError, HeaderParseError, IndexError):
        return False
    labels = found.domain.split(".")
    return bool(found.username) and len(labels) > 1 and all(labels) and str(found) == text


def _is_secure_url(text: str) -> bool:
    if len(text) > _MOST_URL or not text.isascii() or not text.isprintable() or " " in text:
        return False
    try:
        parts = urlsplit(text)
        _ = parts.port  # raises where it is none
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname) and "@" not in parts.netloc


def masked(kind: SubscriberKind, target: str) -> str:
    """Return who a subscriber is, without what identifies a person or opens a door.

    Args:
        kind: which of both
        target: the address or the URL

    Returns:
        The first letter and the domain of an address; scheme and host of a URL.
    """
    if kind == "email":
        name, _, domain = target.rpartition("@")
        return f"{name[:1]}…@{domain}"
    return f"https://{urlsplit(target).hostname or ''}/…"


def new_seed() -> str:
    """Return the secret of a new subscriber: 64 hex digits."""
    return secrets.token_hex(32)


def token_of(seed: str) -> str:
    """Return the token of the links that a subscriber is sent."""
    digest = hmac.digest(bytes.fromhex(seed), b"sentinel status link", hashlib.sha256)
    return urlsafe_b64encode(digest).decode().rstrip("=")


def secret_of(seed: str) -> str:
    """Return the secret that signs what a webhook is sent: 64 hex digits."""
    return hmac.digest(bytes.fromhex(seed), b"sentinel status webhook", hashlib.sha256).hex()


def hash_of(text: str) -> str:
    """Return the SHA-256 of a token or a target, in hex digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def subject_of(title: str, news: StatusNews | None) -> str:
    """Return the subject of a mail, in one line.

    Args:
        title: of the page
        news: None for the question whether they subscribed

    Returns:
        The subject.
    """
    if news is None:
        said = f"Confirm that you want updates of {title}"
    else:
        said = f"[{title}] {news.heading}: {news.status}"
    return " ".join(said.split())[:200]


def text_of(title: str, address: str, link: str, news: StatusNews | None) -> str:
    """Return the text of a mail.

    Args:
        title: of the page
        address: of the page
        link: by which they confirm or unsubscribe
        news: None for the question whether they subscribed

    Returns:
        Lines.
    """
    if news is None:
        return (
            f"Somebody asked that this address is sent the updates of {title}:\n{address}\n\n"
            f"If that was you, confirm it within two days:\n{link}\n\n"
            "If it was not, do nothing: you are sent nothing more.\n"
        )
    about = f"Affected: {', '.join(news.components)}\n" if news.components else ""
    return (
        f"{news.heading}\nStatus: {news.status}\n{about}\n"
        f"{news.text.strip()}\n\n{news.at:%Y-%m-%d %H:%M} UTC\n{address}\n\n-- \n"
        f"You subscribed to the updates of {title}. No more of them: {link}\n"
    )


def webhook_of(
    name: str, title: str, address: str, link: str, news: StatusNews | None, secret: str
) -> dict[str, Any]:
    """Return the JSON object that a webhook is sent.

    Args:
        name: of the page
        title: of the page
        address: of the page
        link: by which they confirm or unsubscribe
        news: None for the question whether they subscribed
        secret: that signs; the question alone has it

    Returns:
        The object; `type` is `status.confirm` or `status.update`.
    """
    page = {"name": name, "title": title, "url": address}
    if news is None:
        return {"type": "status.confirm", "page": page, "confirm_url": link, "secret": secret}
    return {
        "type": "status.update",
        "page": page,
        "incident": {
            "id": news.incident, "title": news.heading, "status": news.status,
            "components": list(news.components), "opened_at": news.opened_at.isoformat(),
            "resolved_at": None if news.resolved_at is None else news.resolved_at.isoformat(),
        },
        "update": {"id": news.entry, "at": news.at.isoformat(), "text": news.text},
        "unsubscribe_url": link,
    }  # fmt: skip
