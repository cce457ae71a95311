"""Lockout: how long a name that failed to log in must wait, as a function of failures and clock.

The first failures cost nothing. From then on the delay doubles with each, up to a quarter of an
hour. It depends on the name that was given and not on whether there is such an account.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

__all__ = ["FIRST_DELAY", "FORGOTTEN_AFTER", "FREE", "LONGEST_DELAY", "Failures", "delay_after"]

FREE = 5
"""Failures in a row after which a name must wait."""
FIRST_DELAY = timedelta(seconds=5)
LONGEST_DELAY = timedelta(minutes=15)
FORGOTTEN_AFTER = timedelta(hours=24)
"""Without a further failure."""
_ZERO = timedelta(0)


def delay_after(failures: int) -> timedelta:
    """Return how long a name must wait after so many failures in a row."""
    if failures < FREE:
        return _ZERO
    doublings = min(failures - FREE, 20)  # far past the longest delay
    return min(LONGEST_DELAY, FIRST_DELAY * 2**doublings)


class Failures(msgspec.Struct, frozen=True):
    """Failures in a row of one name, and when the last of them was."""

    count: int = 0
    last_at: datetime | None = None

    def wait(self, now: datetime) -> timedelta:
        """Return how much longer the name must wait; zero where it may try."""
        if self.last_at is None:
            return _ZERO
        # A clock that was set back must not lock anybody out for longer than the delay.
        passed = max(_ZERO, now - self.last_at)
        return max(_ZERO, delay_after(self.count) - passed)

    def after(self, now: datetime) -> Failures:
        """Return the failures after one more."""
        old = self.last_at is not None and now - self.last_at >= FORGOTTEN_AFTER
        return Failures(1 if old else self.count + 1, now)
