"""How far ahead a silence may end."""

from __future__ import annotations

from datetime import datetime, timedelta

from sentinel.errors import ConfigurationError

__all__ = ["LONGEST", "LONGEST_RECURRING", "check_end"]

LONGEST = timedelta(days=366)
"""So far ahead a silence may end."""
LONGEST_RECURRING = timedelta(days=5 * 366)
"""So far ahead one may end that mutes within its windows alone."""


def check_end(starts_at: datetime, until: datetime, now: datetime, *, recurring: bool) -> None:
    """Refuse an end that is none.

    Args:
        starts_at: when the silence begins
        until: when it ends
        now: the present moment
        recurring: whether it mutes within windows alone, and may last longer

    Raises:
        ConfigurationError: it is over already, does not follow the start, or is too far ahead
    """
    if until <= now:
        raise ConfigurationError("the time until which to silence lies in the past")
    if until <= starts_at:
        raise ConfigurationError(
            f"the silence would end before it begins, at {starts_at:%Y-%m-%d %H:%M} UTC",
            hint="A length counts from now: choose a later end.",
        )
    longest = LONGEST_RECURRING if recurring else LONGEST
    if until > now + longest:
        raise ConfigurationError(
            f"the silence ends more than {longest.days} days ahead", hint="Extend it later."
        )
