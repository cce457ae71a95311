"""The name of a tenant."""

from __future__ import annotations

import re

from sentinel.errors import ConfigurationError

__all__ = ["checked_tenant"]

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
"""The names that a rule accepts for its tenant: data of any other would never be evaluated."""


def checked_tenant(name: str) -> str:
    """Return `name`, if a tenant can have it.

    Args:
        name: what a request or a setting gave

    Returns:
        The same name.

    Raises:
        ConfigurationError: it has other characters, or too many
    """
    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"{name!r} can be no tenant",
            hint="Use small letters, digits, '-', '_' and '.', at most 100: acme-corp.",
        )
    return name
