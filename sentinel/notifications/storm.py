"""When a receiver is in a storm of alerts, and what it is still sent by itself. Pure.

In a storm the receiver's channels are sent one message about all of it and a further one every
five minutes. Only new critical alerts are sent by themselves, a few a minute.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from sentinel.notifications.wake import AT_MOST_EVERY

__all__ = [
    "CRITICALS",
    "INTERVAL",
    "PACE",
    "STAY",
    "WAIT",
    "Storm",
    "StormNow",
    "first_message_in",
    "least_between_wakes",
    "storm_after",
]

WAIT = timedelta(seconds=6)
"""How long a storm gathers alerts before its first message, from when it begins."""
_LEAST_WAIT = timedelta(seconds=2)
"""How long the first message waits at least for the alerts that were noticed together."""
INTERVAL = timedelta(minutes=5)
"""The least time between two messages about a storm, and how long it is quiet before it ends."""
CRITICALS = 10
"""New critical groups a minute that a channel is sent by themselves."""
PACE = timedelta(seconds=30)
"""The least time between two starts of `notify` in a storm."""
STAY = timedelta(seconds=25)
"""How long a run of `notify` stays in a storm for what becomes due, in place of further starts."""
_GOES_ON = 10
"""A storm goes on while one in so many of the alerts that begin one open within a minute."""


class Storm(msgspec.Struct, frozen=True, kw_only=True):
    """A storm of one receiver.

    Attributes:
        began_at: when it began
        seen_at: when alerts opened last as fast as it takes for the storm to go on
    """

    began_at: datetime
    seen_at: datetime

    @property
    def until(self) -> datetime:
        """Return when it ends if no more alerts open."""
        return self.seen_at + INTERVAL


class StormNow(msgspec.Struct, frozen=True, kw_only=True):
    """A storm as a decision on one channel sees it.

    Attributes:
        until: when it ends if no more alerts open
        notified: whether the channel was sent a message about it, so that critical groups which
            that does not name are sent by themselves; False where it had `CRITICALS` within a
            minute
        names: whether that message named a critical alert of the group that still fires
    """

    until: datetime
    notified: bool = False
    names: bool = False


def storm_after(before: Storm | None, opened: int, now: datetime, begins_at: int) -> Storm | None:
    """Decide whether a storm of a receiver begins, goes on or ends.

    Args:
        before: the storm until now; None for none
        opened: alerts of the receiver that opened within the last minute
        now: the present moment
        begins_at: so many begin a storm; 0 where nothing does

    Returns:
        The storm of now; None for none.
    """
    if not begins_at:
        return None
    if before is None:
        return Storm(began_at=now, seen_at=now) if opened >= begins_at else None
    if opened * _GOES_ON >= begins_at:
        return Storm(began_at=before.began_at, seen_at=now)
    # If the clock was set back, it does not last longer for it.
    seen = min(before.seen_at, now)
    return Storm(began_at=before.began_at, seen_at=seen) if now < seen + INTERVAL else None


def first_message_in(storm: Storm, now: datetime | None) -> timedelta:
    """Return how long the first message of a storm still waits.

    Args:
        storm: of the receiver
        now: when the first of its alerts are entered; None for when it began

    Returns:
        What is left of `WAIT`, at least 2 s.
    """
    spent = timedelta(0) if now is None else max(timedelta(0), now - storm.began_at)
    return max(WAIT - spent, _LEAST_WAIT)


def least_between_wakes(storms: list[Storm], emitted_at: datetime | None) -> timedelta:
    """Return the least time between two starts of `notify`.

    Args:
        storms: those of now
        emitted_at: when the last start was asked for; None for never

    Returns:
        A second; `PACE` where it was asked for in a storm.
    """
    inside = emitted_at is not None and any(emitted_at >= one.began_at for one in storms)
    return PACE if inside else AT_MOST_EVERY
