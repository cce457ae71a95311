"""What the checks over stored metrics share: their parameters, and how a series is named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sentinel import Context
from sentinel.duration import Duration, format_duration, parse_duration
from sentinel.errors import ConfigurationError
from sentinel.labels.matchers import matcher
from sentinel.metrics.series import Series

__all__ = ["Duration", "ago", "groups", "length", "named", "said", "window"]


def window(
    ctx: Context, metric: str, match: Sequence[str], over: timedelta, until: datetime | None = None
) -> Series:
    """The samples of the last `over`, or of as long before `until`."""
    end = until or ctx.now()
    return ctx.metrics.window(metric, match, end - over, end)


def length(given: object, name: str) -> timedelta:
    """A window's length, also where a plain call gives it as text.

    Raises:
        ConfigurationError: it is none, or not longer than nothing
    """
    try:
        found = parse_duration(given)
    except ValueError as error:
        raise ConfigurationError(f"{name}: {error}") from None
    if found <= timedelta(0):
        raise ConfigurationError(f"{name} must be longer than 0s")
    return found


def groups(by: Sequence[str], total: bool) -> Sequence[str] | None:
    """What `aggregate` takes for the parameters `by` and `total`."""
    return by if by or total else None


def named(match: Sequence[str]) -> dict[str, str]:
    """The labels that the matchers say for certain, as Prometheus' `absent` gives them."""
    made = [matcher(source) for source in match]
    return {one.label: one.text for one in made if one.certain}


def said(labels: Mapping[str, str]) -> str:
    """A series in words, for titles."""
    return ", ".join(labels.values()) or "all"


def ago(length_: timedelta) -> str:
    """A length of time in words."""
    return format_duration(timedelta(seconds=round(length_.total_seconds())))
