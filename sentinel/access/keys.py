"""API keys: how they are written, and how one is recognized without being kept.

A key is `snt_PREFIX_SECRET`. The prefix is shown in lists and finds the key; the secret has 256
random bits, so that its SHA-256 hash needs no salt and no slow function.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets

import msgspec

__all__ = ["KEY", "NewSecret", "hash_of", "matches", "new_secret", "prefix_of"]

_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without those that people mistake for each other."""
_PREFIX_LENGTH = 8
KEY = re.compile(r"snt_([a-z0-9]{8})_[A-Za-z0-9_-]{43}")
"""A whole key; its group is the prefix."""


class NewSecret(msgspec.Struct, frozen=True):
    """The secret of a key that was just made: `text` is shown once, the rest is stored."""

    prefix: str
    text: str
    hash: str

    def __repr__(self) -> str:
        return f"NewSecret(prefix={self.prefix!r})"


def new_secret(mark: str = "snt") -> NewSecret:
    """Make a key from the system's random numbers; `mark` is how its text begins."""
    prefix = "".join(secrets.choice(_LETTERS) for _ in range(_PREFIX_LENGTH))
    text = f"{mark}_{prefix}_{secrets.token_urlsafe(32)}"
    return NewSecret(prefix, text, hash_of(text))


def prefix_of(given: str) -> str | None:
    """Return the prefix of what may be a key; None where it has another form."""
    found = KEY.fullmatch(given)
    return found[1] if found else None


def hash_of(text: str) -> str:
    """Return the SHA-256 hash of a whole key, as 64 hex digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def matches(text: str, stored: str) -> bool:
    """Return whether `text` is the key with a stored hash, in a time that tells nothing of it."""
    return hmac.compare_digest(hash_of(text), stored)
