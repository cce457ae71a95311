"""Sessions of people: the secret in a cookie, and until when it is valid."""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import datetime, timedelta

import msgspec

__all__ = ["SECRET", "Lifetime", "new_session_secret", "secret_hash"]

SECRET = re.compile(r"[A-Za-z0-9_-]{43}")
"""What the cookie holds: 256 random bits."""


def new_session_secret() -> str:
    """Return 256 bits of the system's random numbers, as 43 letters."""
    return secrets.token_urlsafe(32)


def secret_hash(text: str) -> str:
    """Return what is stored of a session's secret: its SHA-256 hash as 64 hex digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


class Lifetime(msgspec.Struct, frozen=True):
    """How long sessions are valid.

    Attributes:
        idle: without a request
        absolute: in all, however much it is used
    """

    idle: timedelta
    absolute: timedelta

    def holds(self, created_at: datetime, used_at: datetime, now: datetime) -> bool:
        """Return whether a session that began and was last used then is valid at `now`."""
        return now - created_at < self.absolute and now - used_at < self.idle

    @property
    def note_every(self) -> timedelta:
        """How often a use is written down, so that most requests write nothing."""
        return min(timedelta(minutes=1), self.idle / 10)
