"""Shared by the checks over stored metrics: their parameters, and the name of a series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sentinel import Context
from sentinel.duration import Duration, format_duration, parse_duration
from sentinel.errors import ConfigurationError
from sentinel.labels.matchers import matcher
from sentinel.metrics.series import Series

__all__ = ["Duration", "ago", "groups", "length", "named", "series_name", "window"]


def window(
    ctx: Context, metric: str, match: Sequence[str], over: timedelta, until: datetime | None = None
) -> Series:
    """Return the samples of the last `over`, or of as long before `until`."""
    end = until or ctx.now()
    return ctx.metrics.window(metric, match, end - over, end)


def length(given: object, name: str) -> timedelta:
    """Return a window's length, also where a plain call gives it as text.

    Args:
        given: a timedelta, a number of seconds, or text such as 5m
        name: the parameter, for the error

    Returns:
        A length of time that is longer than zero.

    Raises:
        ConfigurationError: it is no length of time, or not longer than zero
    """
    try:
        found = parse_duration(given)
    except ValueError as error:
        raise ConfigurationError(f"{name}: {error}") from None
    if found <= timedelta(0):
        raise ConfigurationError(f"{name} must be longer than 0s")
    return found


def groups(by: Sequence[str], total: bool) -> Sequence[str] | None:
    """Return the argument `by` of `aggregate` for the parameters `by` and `total`."""
    return by if by or total else None


def named(match: Sequence[str]) -> dict[str, str]:
    """Return the labels that the matchers say for certain, as Prometheus' `absent` gives them."""
    made = [matcher(source) for source in match]
    return {one.label: one.text for one in made if one.certain}


def series_name(labels: Mapping[str, str]) -> str:
    """Return a series in words, for titles."""
    return ", ".join(labels.values()) or "all"


def ago(length_: timedelta) -> str:
    """Return a length of time in words."""
    return format_duration(timedelta(seconds=round(length_.total_seconds())))
