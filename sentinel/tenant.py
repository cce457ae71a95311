"""The name of a tenant."""

from __future__ import annotations

import re

from sentinel.errors import ConfigurationError

__all__ = ["TENANT_PATTERN", "checked_tenant"]

TENANT_PATTERN = "[a-z0-9][a-z0-9._-]{0,98}[a-z0-9]|[a-z0-9]"
"""The names of tenants, for a match of the whole text. Rules, requests, events, samples and the
command line all use it: data under a name that no rule may have would never be evaluated."""
_NAME = re.compile(TENANT_PATTERN)


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
            hint="Use at most 100 small letters, digits, '-', '_' and '.', with a letter or digit "
            "first and last: acme-corp.",
        )
    return name
