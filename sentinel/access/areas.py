"""The areas of the API: what the scopes of a key name."""

from __future__ import annotations

from collections.abc import Collection

from sentinel.access.roles import Permission
from sentinel.errors import ConfigurationError

__all__ = ["AREAS", "checked_scopes"]

AREAS = (
    "access", "alerts", "audit", "bounces", "channels", "documentation", "events", "health",
    "heartbeats", "inbox", "incidents", "keys", "login", "metrics", "oncall",
    "orchestration", "receivers",
    "routes", "rules", "services", "settings", "silences", "slo", "statistics", "telemetry",
    "usage", "users",
    "views", "webhooks",
)  # fmt: skip
"""Every route names one of them; a key without scopes may use all."""


def checked_scopes(given: Collection[str]) -> frozenset[str]:
    """Return the scopes of a key.

    Args:
        given: each `AREA` or `AREA:PERMISSION`

    Returns:
        The same texts.

    Raises:
        ConfigurationError: one names no area or no permission
    """
    for scope in given:
        area, colon, permission = scope.partition(":")
        if area not in AREAS:
            raise ConfigurationError(
                f"the scope {scope!r} names no area of the API", hint=f"Areas: {', '.join(AREAS)}."
            )
        if colon and permission not in set(Permission):
            raise ConfigurationError(
                f"the scope {scope!r} names no permission",
                hint=f"Write {area}, or {area}: and one of {', '.join(Permission)}.",
            )
    return frozenset(given)
