"""Gaps in a schedule, and how evenly its shifts fall on people. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from math import lcm

import msgspec

from sentinel.clock import utc
from sentinel.oncall.schedule import Override, Schedule
from sentinel.oncall.shifts import Shift, shifts
from sentinel.timing.active_hours import ActiveHours

__all__ = ["Coverage", "Gap", "Load", "coverage_of", "gaps", "loads", "overloaded"]

_NIGHT = [{"start": "22:00", "end": "07:00"}]
_WEEKEND = [{"days": ["sat", "sun"]}]
_HOUR = timedelta(hours=1)
_WEEK = 168
_HOURS: dict[str, int] = {"hour": 1, "day": 24, "week": _WEEK, "month": 730}
"""By the unit of a turn's length, about."""
_LONGEST = timedelta(days=366)


class Gap(msgspec.Struct, frozen=True):
    """A time in which somebody must be on call and nobody is, in UTC."""

    start: datetime
    end: datetime


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """What falls on one person.

    Attributes:
        person: their name
        hours: on call
        night_hours: of them between 22:00 and 07:00 in the schedule's zone
        weekend_hours: of them on Saturdays and Sundays
        shifts: number of shifts
    """

    person: str
    hours: float
    night_hours: float
    weekend_hours: float
    shifts: int


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """What a schedule lacks over a time, and how evenly it falls on people.

    Attributes:
        schedule: its name
        timezone: its time zone
        gaps: times in which nobody is on call, oldest first
        loads: what falls on each person, most hours first
        overloaded: names of people with more than their share, over as many whole cycles of the
            rotations and whole weeks as the time takes up: half a cycle is never even
    """

    schedule: str
    timezone: str
    gaps: list[Gap]
    loads: list[Load]
    overloaded: list[str]


def coverage_of(
    name: str,
    schedule: Schedule,
    overrides: Sequence[Override],
    start: datetime,
    end: datetime,
) -> Coverage:
    """Return what a schedule lacks over a range, and how evenly it falls on people.

    Args:
        name: of the schedule
        schedule: whose people
        overrides: of this schedule, in the order in which they were made
        start: timezone-aware
        end: timezone-aware

    Returns:
        Both.

    Raises:
        ValueError: `start` or `end` is naive
    """
    held = shifts(schedule, overrides, start, end)
    found = fair = loads(schedule, held)
    if (whole := _whole_cycles(schedule, utc(start), utc(end))) > utc(end):
        fair = loads(schedule, shifts(schedule, overrides, start, whole))
    return Coverage(
        schedule=name,
        timezone=schedule.timezone,
        gaps=gaps(schedule, held, start, end),
        loads=found,
        overloaded=[one.person for one in overloaded(fair)],
    )


def _whole_cycles(schedule: Schedule, start: datetime, end: datetime) -> datetime:
    """Return the first moment, not before `end`, at which everybody has had the same turns."""
    cycle = _WEEK
    for layer in schedule.layers:
        every, turns = layer.rotation.every, len(layer.rotation.people)
        cycle = lcm(cycle, turns * every.number * _HOURS[every.unit])
    if schedule.calendar is not None:
        cycle = lcm(cycle, 12 * _WEEK)  # whose turns are not known
    count = max(1, -(-(end - start) // (cycle * _HOUR)))
    return max(end, start + min(count * cycle * _HOUR, _LONGEST))


def gaps(schedule: Schedule, held: Sequence[Shift], start: datetime, end: datetime) -> list[Gap]:
    """Return when nobody is on call within the schedule's coverage.

    Args:
        schedule: whose coverage
        held: its shifts over the range, as `shifts` returns them
        start: timezone-aware
        end: timezone-aware

    Returns:
        The gaps, oldest first.

    Raises:
        ValueError: `start` or `end` is naive
    """
    found: list[Gap] = []
    place = 0
    for begins, ends in _covered(schedule, utc(start), utc(end)):
        while place < len(held) and held[place].end <= begins:
            place += 1
        free, at = begins, place
        while at < len(held) and held[at].start < ends:
            if held[at].start > free:
                found.append(Gap(free, held[at].start))
            free, at = max(free, held[at].end), at + 1
        if free < ends:
            found.append(Gap(free, ends))
    return found


def _covered(schedule: Schedule, start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
    if not schedule.coverage:
        return [(start, end)] if start < end else []
    hours = ActiveHours(timezone=schedule.timezone, windows=schedule.coverage)
    return list(hours.spans(start, end))


def loads(schedule: Schedule, held: Sequence[Shift]) -> list[Load]:
    """Return what falls on each person of a schedule.

    Args:
        schedule: whose people, also those without a shift
        held: its shifts, as `shifts` returns them

    Returns:
        One for each person, most hours first, then by name.
    """
    if not held:
        return [_load(name, [], [], []) for name in sorted(schedule.people)]
    start, end = held[0].start, held[-1].end
    nights, weekends = (
        list(ActiveHours.model_validate({"timezone": schedule.timezone, "windows": windows})
             .spans(start, end))
        for windows in (_NIGHT, _WEEKEND)
    )  # fmt: skip
    people = schedule.people | {name for one in held for name in one.people}
    found = [
        _load(name, [(one.start, one.end) for one in held if name in one.people], nights, weekends)
        for name in people
    ]
    return sorted(found, key=lambda one: (-one.hours, one.person))


def overloaded(found: Sequence[Load], tolerance: float = 0.25) -> list[Load]:
    """Return whom more hours fall on than is fair.

    Args:
        found: what falls on each person
        tolerance: share of the mean by which hours, night hours or weekend hours may lie above it

    Returns:
        Those above it in any of the three by more than a day's hours besides, most hours first.
    """
    if len(found) < 2:
        return []

    def above(one: Load) -> bool:
        pairs = (
            (one.hours, [each.hours for each in found]),
            (one.night_hours, [each.night_hours for each in found]),
            (one.weekend_hours, [each.weekend_hours for each in found]),
        )
        means = ((value, sum(values) / len(values)) for value, values in pairs)
        return any(value > mean * (1 + tolerance) and value - mean > 24 for value, mean in means)

    return [one for one in found if above(one)]


_Spans = Sequence[tuple[datetime, datetime]]


def _load(name: str, held: _Spans, nights: _Spans, weekends: _Spans) -> Load:
    return Load(
        person=name,
        hours=sum(((end - start) / _HOUR for start, end in held), 0.0),
        night_hours=_shared(held, nights),
        weekend_hours=_shared(held, weekends),
        shifts=len(held),
    )


def _shared(first: _Spans, second: _Spans) -> float:
    """Return the hours that lie in spans of both; each is sorted and without overlaps."""
    hours, one, two = 0.0, 0, 0
    while one < len(first) and two < len(second):
        begins, ends = max(first[one][0], second[two][0]), min(first[one][1], second[two][1])
        hours += max((ends - begins) / _HOUR, 0.0)
        if first[one][1] <= second[two][1]:
            one += 1
        else:
            two += 1
    return hours
