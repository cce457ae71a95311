"""The clock that is injected into everything that needs the time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol

__all__ = ["Clock", "FakeClock", "SystemClock", "utc"]


class Clock(Protocol):
    """Gives the time, always timezone-aware UTC."""

    def now(self) -> datetime:
        """Return the present moment in UTC."""
        ...


class SystemClock:
    """The machine's wall clock."""

    def now(self) -> datetime:
        """Return the present moment in UTC."""
        return datetime.now(UTC)


class FakeClock:
    """A clock that moves only when it is set or forwarded: for tests, backtests and packs.

    Args:
        start: the moment it shows first, timezone-aware
    """

    def __init__(self, start: datetime | None = None) -> None:
        self._now = utc(start or datetime(2026, 1, 1, tzinfo=UTC))

    def now(self) -> datetime:
        """Return the moment that this clock was last set to."""
        return self._now

    def set(self, moment: datetime) -> datetime:
        """Show `moment`, which may lie before the present one, and return it."""
        self._now = utc(moment)
        return self._now

    def forward(self, **amount: float) -> datetime:
        """Move on by `timedelta(**amount)` and return the new moment."""
        self._now += timedelta(**amount)
        return self._now


def utc(moment: datetime) -> datetime:
    """Return `moment` in UTC, as a plain datetime.

    A subclass is not kept: pendulum's, which Prefect gives out, loses its timezone when
    `astimezone(UTC)` is followed by an addition.

    Args:
        moment: timezone-aware, in any zone

    Returns:
        The same moment, whose type is exactly `datetime`.

    Raises:
        ValueError: it is naive, so that the moment is ambiguous
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no timezone: give one, for example +00:00")
    there = moment.astimezone(UTC)
    return datetime(
        there.year, there.month, there.day, there.hour, there.minute, there.second,
        there.microsecond, UTC,
    )  # fmt: skip
