"""Who is on call by a schedule now, until when, and who is next. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from sentinel.oncall.schedule import Override, Schedule
from sentinel.oncall.shifts import next_change, on_call

__all__ = ["Standing", "standing"]


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Who is on call by one schedule.

    Attributes:
        schedule: its name
        people: who is on call; empty for nobody
        until: when others are, in UTC; None where not within 400 days
        following: who is on call from then on; empty for nobody
    """

    schedule: str
    people: tuple[str, ...]
    until: datetime | None
    following: tuple[str, ...]


def standing(
    name: str, schedule: Schedule, overrides: Sequence[Override], moment: datetime
) -> Standing:
    """Return who is on call by a schedule at a moment, and who is next.

    Args:
        name: of the schedule
        schedule: whose people
        overrides: of this schedule, in the order in which they were made
        moment: timezone-aware

    Returns:
        Both, with the time of the handoff.

    Raises:
        ValueError: `moment` is naive
    """
    until = next_change(schedule, overrides, moment)
    return Standing(
        schedule=name,
        people=on_call(schedule, overrides, moment),
        until=until,
        following=() if until is None else on_call(schedule, overrides, until),
    )
