"""Whether somebody is on call at all times that need it, and whether shifts fall evenly."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import Field

from sentinel import Context, Reading, trigger
from sentinel.duration import format_duration

_HOUR = timedelta(hours=1)


@trigger(category="on-call", unit="hours", closed_world=True)
def oncall_coverage(
    ctx: Context,
    days: Annotated[int, Field(ge=1, le=366)] = 14,
    fairness: bool = True,
) -> Iterator[Reading]:
    """How many hours nobody is on call in the days to come, for each schedule.

    Args:
        ctx: the time, and the on-call schedules
        days: how far to look ahead
        fairness: also look at who has more than their share of hours, nights or weekends, over as
            many whole cycles of the rotations as the days take up

    Yields:
        For each schedule one reading with the hours that nobody takes, which fires where there are
        any; with `fairness` one more with the hours of whoever has most, which fires where they
        have more than their share.
    """
    start = ctx.now()
    for one in ctx.oncall.coverage(start, start + timedelta(days=days)):
        zone = ZoneInfo(one.timezone)
        hours = sum((gap.end - gap.start for gap in one.gaps), timedelta(0)) / _HOUR
        summary = f"Somebody is on call by {one.schedule} for the next {days} days"
        if one.gaps:
            first = one.gaps[0]
            summary = (
                f"Nobody is on call by {one.schedule} from "
                f"{first.start.astimezone(zone):%a %Y-%m-%d %H:%M} for "
                f"{format_duration(first.end - first.start)}"
            )
            if len(one.gaps) > 1:
                summary += f", and {len(one.gaps) - 1} more times within {days} days"
        yield Reading(
            labels={"schedule": one.schedule, "what": "gap"},
            value=round(hours, 2),
            firing=bool(one.gaps),
            summary=summary,
        )
        if fairness and one.loads:
            yield Reading(
                labels={"schedule": one.schedule, "what": "share"},
                value=round(one.loads[0].hours, 2),
                firing=bool(one.overloaded),
                summary=f"{', '.join(one.overloaded)} {_HAVE[len(one.overloaded) > 1]} more than "
                f"their share of {one.schedule}, over whole cycles of its rotations"
                if one.overloaded
                else f"Shifts of {one.schedule} fall evenly",
            )


_HAVE = {False: "has", True: "have"}
