"""Decide when a wake is emitted as an event. Pure.

A wake is a row of generations: `requested` rises with every commit that makes something due,
`served` is the last generation that was worked through, `emitted` that of the last event.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

__all__ = ["AT_MOST_EVERY", "WakeState", "should_emit"]

AT_MOST_EVERY = timedelta(seconds=1)
"""The least time between two events, since each starts a flow run."""


class WakeState(msgspec.Struct, frozen=True, kw_only=True):
    """The generations of one wake, and when it was last emitted."""

    requested: int = 0
    served: int = 0
    emitted: int = 0
    emitted_at: datetime | None = None


def should_emit(
    wake: WakeState, now: datetime, again_after: timedelta, least: timedelta = AT_MOST_EVERY
) -> bool:
    """Decide whether the wake is emitted now.

    Args:
        wake: the row as it is
        now: the present moment
        again_after: how long an emitted wake may stay unserved before it is emitted again
        least: the least time between two events; longer in a storm

    Returns:
        True where something is requested and no recent event is outstanding.
    """
    if wake.requested <= wake.served:
        return False
    if wake.emitted_at is None:
        return True
    since = now - wake.emitted_at
    if since < timedelta(0):  # the clock was set back; a repeated event costs nothing
        return True
    outstanding = wake.emitted > wake.served
    return since >= max(least, again_after if outstanding else timedelta(0))
