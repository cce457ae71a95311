"""What the options of `sentinel silence add` say of the windows within which it mutes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sentinel.errors import ConfigurationError
from sentinel.labels.alertmanager import written
from sentinel.timing.recurrence import recurrence_of

__all__ = ["recurrence_given", "sets_for"]


def sets_for(services: Sequence[str], deployments: Sequence[str]) -> list[str]:
    """Return a set of matchers for each service and each Prefect deployment."""
    return [
        *(written([("service", "=", name)]) for name in services),
        *(written([("deployment", "=", name)]) for name in deployments),
    ]


def recurrence_given(
    weekly: Sequence[str], rrule: str, first: str, window: timedelta | None, timezone: str
) -> dict[str, Any]:
    """Return the fields of the recurrence that options say.

    Args:
        weekly: windows, each as `sat,sun 22:00-06:00`
        rrule: of RFC 5545
        first: with `rrule`, the local time from which on it counts
        window: with `rrule`, the length of each window
        timezone: of all local times

    Returns:
        The fields; none where the silence does not come again.

    Raises:
        ConfigurationError: the options do not go together, or one cannot be read
    """
    if weekly and rrule:
        raise ConfigurationError("give either --weekly or --rrule")
    if bool(rrule) is not (bool(first) and window is not None):
        raise ConfigurationError(
            "--rrule needs --first and --window, and they need it",
            hint="Write --rrule 'FREQ=MONTHLY;BYDAY=2TU' --first 2026-12-01T02:00 --window 2h",
        )
    if window is not None:
        given: dict[str, Any] = {
            "occurrences": {
                "rrule": rrule, "first": first, "minutes": int(window.total_seconds() // 60),
                "timezone": timezone,
            }
        }  # fmt: skip
    elif weekly:
        given = {"weekly": {"timezone": timezone, "windows": [_window(one) for one in weekly]}}
    else:
        return {}
    return recurrence_of(given).model_dump(mode="json", exclude_none=True, exclude_defaults=True)


def _window(given: str) -> dict[str, str]:
    days, _, times = given.strip().rpartition(" ")
    start, dash, end = times.partition("-")
    if not days or not dash:
        raise ConfigurationError(
            f"--weekly: {given!r} is no weekly window", hint="Write 'sat,sun 22:00-06:00'."
        )
    return {"days": days, "start": start, "end": end}
