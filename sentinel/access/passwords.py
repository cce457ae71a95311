"""Passwords: which are taken, how they are kept, and how one is verified.

They are kept as argon2id hashes (pwdlib). Verifying a password of an unknown name costs what one
of a known name costs, so that the time says nothing about who has an account.
"""

from __future__ import annotations

import secrets
import unicodedata
from functools import cache

import msgspec
from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError

from sentinel.errors import ConfigurationError

__all__ = [
    "LONGEST",
    "SHORTEST",
    "Verified",
    "checked_password",
    "hash_password",
    "verify_password",
]

SHORTEST = 12
LONGEST = 256
"""Characters. A bound, since a hash costs time that grows with the text."""
FEWEST_DIFFERENT = 5
_HASH = PasswordHash.recommended()


class Verified(msgspec.Struct, frozen=True):
    """Whether a password is right; `better` is its hash at today's cost, where that rose."""

    right: bool
    better: str | None = None


def checked_password(text: str, name: str) -> str:
    """Return a password that an account may have.

    Args:
        text: as a person typed it
        name: of the account

    Returns:
        The same text.

    Raises:
        ConfigurationError: it is too short, too long or too easily guessed
    """
    if not SHORTEST <= len(text) <= LONGEST:
        raise ConfigurationError(
            f"the password has {len(text)} characters",
            hint=f"Use {SHORTEST} to {LONGEST}; several words make a long one that is remembered.",
        )
    plain = text.casefold()
    if name.casefold() in plain and len(plain) - len(name) < SHORTEST:
        raise ConfigurationError(
            "the password is little more than the name", hint="Use one without the name in it."
        )
    if len(set(plain)) < FEWEST_DIFFERENT:
        raise ConfigurationError(
            f"the password has fewer than {FEWEST_DIFFERENT} different characters",
            hint="Use one that is harder to guess.",
        )
    return text


def hash_password(text: str) -> str:
    """Return the argon2id hash of a password, with its salt and cost."""
    return _HASH.hash(_normal(text))


def verify_password(text: str, stored: str | None) -> Verified:
    """Verify a password.

    Args:
        text: as it was typed
        stored: the hash of the account; None where there is no account, or it has no password

    Returns:
        Whether it is right; never where nothing is stored, after the same work.
    """
    nobody = _of_nobody()  # made at the first call, whoever is asked for
    given = _normal(text[: LONGEST + 1])
    if stored is None:
        _HASH.verify(given, nobody)
        return Verified(False)
    try:
        right, better = _HASH.verify_and_update(given, stored)
    except UnknownHashError:  # a row that was restored from elsewhere
        _HASH.verify(given, nobody)
        return Verified(False)
    return Verified(right and len(text) <= LONGEST, better)


@cache
def _of_nobody() -> str:
    return hash_password(secrets.token_urlsafe(32))


def _normal(text: str) -> bytes:
    # Keyboards write the same letter in several ways.
    return unicodedata.normalize("NFKC", text).encode("utf-8", "surrogatepass")
