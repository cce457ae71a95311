"""Lockout: how long who failed to log in must wait, as a function of failures and clock.

Of a name, the first failures cost nothing. From then on the delay doubles with each, up to a
quarter of an hour. It depends on the name that was given and not on whether there is such an
account. An address may fail some times at once, with whatever names, and then slowly, so that who
tries many names is slowed down and who shares an address with them is not locked out.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

__all__ = [
    "ADDRESS_EVERY",
    "ADDRESS_FREE",
    "FIRST_DELAY",
    "FORGOTTEN_AFTER",
    "FREE",
    "KNOWN_FOR",
    "LONGEST_DELAY",
    "MOST_KNOWN",
    "AddressFailures",
    "Failures",
    "delay_after",
]

FREE = 5
"""Failures in a row after which a name must wait."""
FIRST_DELAY = timedelta(seconds=5)
LONGEST_DELAY = timedelta(minutes=15)
FORGOTTEN_AFTER = timedelta(hours=24)
"""Without a further failure."""
ADDRESS_FREE = 30
"""Failures that an address may have at once, with whatever names."""
ADDRESS_EVERY = timedelta(seconds=20)
"""From then on, one failure each so long."""
KNOWN_FOR = timedelta(days=30)
"""How long an address is known from which a person logged in; others' guesses do not lock it."""
MOST_KNOWN = 20
"""Addresses of one person, the last ones."""
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
        return max(_ZERO, delay_after(self.count) - _passed(self.last_at, now))

    def after(self, now: datetime) -> Failures:
        """Return the failures after one more."""
        old = self.last_at is not None and now - self.last_at >= FORGOTTEN_AFTER
        return Failures(1 if old else self.count + 1, now)


class AddressFailures(msgspec.Struct, frozen=True):
    """Failures of one address that count still; one of them is forgotten each `ADDRESS_EVERY`."""

    level: int = 0
    last_at: datetime | None = None

    def wait(self, now: datetime) -> timedelta:
        """Return how much longer the address must wait; zero where it may try."""
        level, since = self._left(now)
        if level < ADDRESS_FREE:
            return _ZERO
        return (level - ADDRESS_FREE + 1) * ADDRESS_EVERY - _passed(since, now)

    def after(self, now: datetime) -> AddressFailures:
        """Return the failures after one more."""
        level, since = self._left(now)
        return AddressFailures(level + 1, since if level else now)

    def without_last(self) -> AddressFailures:
        """Return the failures without the last, which was counted and was none."""
        return AddressFailures(max(0, self.level - 1), self.last_at)

    def _left(self, now: datetime) -> tuple[int, datetime]:
        """Return the failures that count at `now`, and since when the next is being forgotten."""
        since = self.last_at or now
        gone = _passed(since, now) // ADDRESS_EVERY
        return max(0, self.level - gone), since + gone * ADDRESS_EVERY


def _passed(since: datetime, now: datetime) -> timedelta:
    """Return the time that has passed; none where `since` is slightly ahead."""
    # Clocks of several processes differ a little. One that was set back by more than the longest
    # delay locks nobody out until it is where it was: all that was to be waited for has passed.
    if since - now > LONGEST_DELAY:
        return LONGEST_DELAY
    return max(_ZERO, now - since)
