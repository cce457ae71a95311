"""Whose things are: the name of a tenant."""

from __future__ import annotations

import re

from sentinel.errors import ConfigurationError

__all__ = ["checked_tenant"]

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
"""What a rule takes for its tenant; what is sent for another would never be looked at."""


def checked_tenant(name: str) -> str:
    """`name`, which can be a tenant's.

    Raises:
        ConfigurationError: it cannot
    """
    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"{name!r} can be no tenant",
            hint="Use small letters, digits, '-', '_' and '.', at most 100: acme-corp.",
        )
    return name
