"""Names of accounts: what one may be, how it is kept, and what its failed logins are kept under."""

from __future__ import annotations

import hashlib
import re

from sentinel.errors import ConfigurationError

__all__ = ["checked_name", "name_hash", "person_name"]

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._@+-]{0,98}[a-z0-9])?")


def person_name(given: str) -> str:
    """Return the name that an account has: small letters, without blanks around it."""
    return given.strip().lower()


def checked_name(name: str) -> str:
    """Return the name of an account, in small letters.

    Args:
        name: as it was given

    Returns:
        The name.

    Raises:
        ConfigurationError: no account can have it
    """
    named = person_name(name)
    if not _NAME.fullmatch(named):
        raise ConfigurationError(
            f"{name[:100]!r} is not a valid name of a person",
            hint="Use at most 100 letters, digits, '-', '_', '.', '+' and '@', with a letter "
            "or digit first and last.",
        )
    return named


def name_hash(name: str) -> str:
    """Return what failed logins of a name are kept under."""
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
