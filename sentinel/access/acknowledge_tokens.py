"""Tokens of acknowledge links: short signed texts that a message carries in a URL. Pure.

A token names a stored link, which has the alerts, and the moment when it expires. Its text is
compared as a whole, since base64 lets several texts stand for the same signature.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec
from itsdangerous import Signer

__all__ = [
    "LONGEST_LIFE", "SIGNS_FOR", "VERIFIES_FOR", "Claim", "claim_of", "is_token", "link_id",
    "new_secret", "signed",
]  # fmt: skip

LONGEST_LIFE = timedelta(days=7)
"""How long a link lasts at most."""
SIGNS_FOR = timedelta(days=30)
"""How long a key signs before the next one does."""
VERIFIES_FOR = SIGNS_FOR + LONGEST_LIFE
"""How long a key verifies what it signed: until the last of its links has expired."""
_TOKEN = re.compile(r"([A-Za-z0-9_-]{22})\.([0-9a-f]{8})\.[A-Za-z0-9_-]{43}")
_SALT = b"sentinel.acknowledge-link"


class Claim(msgspec.Struct, frozen=True):
    """What a token of this instance says: which link it is, and when it expires."""

    link: str
    expires_at: datetime


def is_token(text: str) -> bool:
    """Return whether a text has the form of a token, whoever signed it."""
    return _TOKEN.fullmatch(text) is not None


def new_secret() -> str:
    """Return a new random key of 256 bits."""
    return secrets.token_urlsafe(32)


def link_id(message_id: str, alerts: Sequence[str]) -> str:
    """Return the id of the link of a message: the same for a retry that names the same alerts.

    Args:
        message_id: of the message
        alerts: ids of the alerts that it lists as firing

    Returns:
        22 characters of URL-safe base64.
    """
    text = "\x1f".join([message_id, *alerts])
    return _base64(hashlib.blake2b(text.encode(), digest_size=16).digest())


def signed(secret: str, link: str, expires_at: datetime) -> str:
    """Return the token of a link.

    Args:
        secret: the key that signs
        link: as `link_id` returns it
        expires_at: until when it may be used, kept to the second

    Returns:
        75 characters that stand in a URL as they are.
    """
    return _signer(secret).sign(f"{link}.{int(expires_at.timestamp()):08x}").decode()


def claim_of(keys: Sequence[str], token: str) -> Claim | None:
    """Return what a token says, also where its time is over.

    Args:
        keys: secrets that verify, of this instance
        token: what was sent

    Returns:
        The claim; None where none of the keys signed exactly this text.
    """
    found = _TOKEN.fullmatch(token)
    if found is None:
        return None
    said = f"{found[1]}.{found[2]}"
    texts = [_signer(key).sign(said) for key in keys]
    # Every key is tried, so that the time does not say which one it was.
    if not sum(hmac.compare_digest(text, token.encode("ascii")) for text in texts):
        return None
    return Claim(found[1], datetime.fromtimestamp(int(found[2], 16), UTC))


def _signer(secret: str) -> Signer:
    return Signer(secret, salt=_SALT, key_derivation="hmac", digest_method=hashlib.sha256)


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")
