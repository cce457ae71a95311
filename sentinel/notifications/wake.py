"""When a wake becomes an event. Pure.

A wake is a row of generations: `requested` rises with every commit that makes something due,
`served` follows when somebody has looked, `emitted` is the generation of the last event.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

__all__ = ["AT_MOST_EVERY", "WakeState", "should_emit"]

AT_MOST_EVERY = timedelta(seconds=1)
"""A hundred events at once became a hundred flow runs; never more than one start a second."""


class WakeState(msgspec.Struct, frozen=True, kw_only=True):
    """The generations of one wake, and when it was last emitted."""

    requested: int = 0
    served: int = 0
    emitted: int = 0
    emitted_at: datetime | None = None


def should_emit(wake: WakeState, now: datetime, again_after: timedelta) -> bool:
    """Whether an event goes out now.

    Args:
        wake: the row as it is
        now: the present moment
        again_after: how long an emitted wake may stay unserved before it is sent again
    """
    if wake.requested <= wake.served:
        return False
    if wake.emitted_at is None:
        return True
    since = now - wake.emitted_at
    if since < timedelta(0):  # the clock was set back: better once too often
        return True
    outstanding = wake.emitted > wake.served
    return since >= max(AT_MOST_EVERY, again_after if outstanding else timedelta(0))
