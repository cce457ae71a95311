"""A rotation: people who take turns, with handoffs at wall-clock times of a zone. Pure.

Turns are counted on the wall clock from the first handoff, so that a handoff at 09:00 stays at
09:00 over a change of the clock. A handoff at a local time that does not exist is at the first
moment that does, and one at a local time that there is twice is at the first of both: a turn of one
hour is then skipped in spring and two hours long in autumn. A monthly handoff on the 31st is on the
last day of a shorter month.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count
from typing import Annotated, Literal, Self, cast
from zoneinfo import ZoneInfo

import msgspec
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from sentinel.timing.local_time import local_of, moment_of, moments_of

__all__ = ["Every", "Rotation", "Turn", "turn_at", "turn_times", "turns"]

_WORDS = {
    "hourly": (1, "hour"),
    "daily": (1, "day"),
    "weekly": (1, "week"),
    "monthly": (1, "month"),
}
_EVERY = re.compile(r"(\d{1,4})\s*(hour|day|week|month)s?")
_MOST_PEOPLE = 500
_YEARS = range(1970, 9000)
"""From which turns can be counted, whatever the time zone."""


class Every(BaseModel):
    """The length of a turn: a number of hours, days, weeks or months on the wall clock."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    number: int = Field(ge=1, le=1000)
    unit: Literal["hour", "day", "week", "month"]

    @property
    def length(self) -> timedelta | None:
        """Return the length on the wall clock; None for months, whose lengths differ."""
        if self.unit == "month":
            return None
        return timedelta(**{f"{self.unit}s": self.number})

    def __str__(self) -> str:
        """Return it as documents say it, which `_every` reads."""
        return f"{self.number} {self.unit}{'' if self.number == 1 else 's'}"


def _every(given: object) -> object:
    """Read `weekly`, `2 weeks` or `12 hours`."""
    if not isinstance(given, str):
        return given
    text = given.strip().lower()
    if text in _WORDS:
        number, unit = _WORDS[text]
        return {"number": number, "unit": unit}
    found = _EVERY.fullmatch(text)
    if found is None or not 1 <= int(found[1]) <= 1000:
        raise ValueError(
            f"{given!r} is no length of a turn: write hourly, daily, weekly, monthly, 12 hours, "
            "3 days or 2 weeks"
        )
    return {"number": int(found[1]), "unit": found[2]}


def _groups(given: object) -> object:
    """Read each person as a group of one; a list within the list is on call together."""
    if not isinstance(given, list | tuple):
        return given
    listed = cast("list[object]", given)
    return [[one] if isinstance(one, str) else one for one in listed]


def _on_the_clock(given: object) -> object:
    """Refuse a zone in a local time: the schedule names the zone."""
    if isinstance(given, str):
        given = datetime.fromisoformat(given.strip())
    if isinstance(given, datetime):
        if given.tzinfo is not None:
            raise ValueError(
                f"{given.isoformat()} has a zone: write the local time, 2026-01-05T09:00, which is "
                "in the schedule's time zone"
            )
        if given.second or given.microsecond:
            raise ValueError(f"{given.isoformat()} has seconds: a handoff is at a full minute")
        if given.year not in _YEARS:
            raise ValueError(f"{given.isoformat()} must lie between 1970 and 8999")
    return given


LocalTime = Annotated[datetime, BeforeValidator(_on_the_clock)]
"""A naive time: what a clock on the wall of the schedule's zone shows."""


class Rotation(BaseModel):
    """People who take turns."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    people: Annotated[list[list[str]], BeforeValidator(_groups)] = Field(
        min_length=1,
        max_length=_MOST_PEOPLE,
        description="In the order of their turns; those of a list within the list share a turn, "
        "and an empty list is a turn of nobody.",
    )
    handoff: LocalTime = Field(
        description="Local time at which the first turn begins: 2026-01-05T09:00."
    )
    every: Annotated[Every, BeforeValidator(_every)] = Field(
        default=Every(number=1, unit="week"),
        validate_default=False,
        description="Length of a turn: hourly, daily, weekly, monthly, 12 hours, 3 days, 2 weeks.",
    )

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if any(not name.strip() for group in self.people for name in group):
            raise ValueError("people: an entry is empty; name a person, or a list of people")
        if not any(self.people):
            raise ValueError("people: nobody is ever on call; name a person")
        return self


class Turn(msgspec.Struct, frozen=True):
    """One turn of a rotation, from its handoff up to, not including, the next one.

    Attributes:
        start: in UTC
        end: in UTC
        people: who is on call; empty for nobody
        number: 0 for the first turn of the rotation
    """

    start: datetime
    end: datetime
    people: tuple[str, ...]
    number: int


def turn_at(rotation: Rotation, zone: ZoneInfo, moment: datetime) -> Turn | None:
    """Return the turn that `moment` lies in; None before the first handoff.

    Args:
        rotation: whose turns
        zone: whose wall clock the handoffs follow
        moment: timezone-aware

    Returns:
        The turn.
    """
    if moment < _handoff(rotation, zone, 0):
        return None
    number = max(0, _about(rotation, local_of(moment, zone)))
    while _handoff(rotation, zone, number + 1) <= moment:
        number += 1
    while _handoff(rotation, zone, number) > moment:
        number -= 1
    return _turn(rotation, zone, number)


def turns(rotation: Rotation, zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[Turn]:
    """Yield the turns that have a part within a range, oldest first.

    Args:
        rotation: whose turns
        zone: whose wall clock the handoffs follow
        start: timezone-aware
        end: timezone-aware

    Yields:
        Whole turns, also of those that the range cuts; none without a length.
    """
    people = [tuple(group) for group in rotation.people]
    for begins, ends, number in turn_times(rotation, zone, start, end):
        yield Turn(begins, ends, people[number % len(people)], number)


def turn_times(
    rotation: Rotation, zone: ZoneInfo, start: datetime, end: datetime
) -> Iterator[tuple[datetime, datetime, int]]:
    """Yield start, end and number of the turns that have a part within a range, oldest first.

    Args:
        rotation: whose turns
        zone: whose wall clock the handoffs follow
        start: timezone-aware
        end: timezone-aware

    Yields:
        Those of whole turns, as `turns` has them.
    """
    first = turn_at(rotation, zone, start)
    number = 0 if first is None else first.number
    handoffs = _handoffs(rotation, zone, number)
    begins = next(handoffs)
    while begins < end:
        ends = next(handoffs)
        if begins < ends:
            yield begins, ends, number
        begins, number = ends, number + 1


def _handoffs(rotation: Rotation, zone: ZoneInfo, number: int) -> Iterator[datetime]:
    """Yield when turns begin, from one turn on."""
    length = rotation.every.length
    if length is not None:
        return moments_of(rotation.handoff + number * length, length, zone)
    return (_handoff(rotation, zone, each) for each in count(number))


def _turn(rotation: Rotation, zone: ZoneInfo, number: int) -> Turn:
    people = tuple(rotation.people[number % len(rotation.people)])
    begins, ends = _handoff(rotation, zone, number), _handoff(rotation, zone, number + 1)
    return Turn(begins, ends, people, number)


def _handoff(rotation: Rotation, zone: ZoneInfo, number: int) -> datetime:
    """Return when a turn begins."""
    length = rotation.every.length
    if length is not None:
        return moment_of(rotation.handoff + number * length, zone)
    first = rotation.handoff
    year, month = divmod(first.month - 1 + number * rotation.every.number, 12)
    day = min(first.day, monthrange(first.year + year, month + 1)[1])
    return moment_of(first.replace(year=first.year + year, month=month + 1, day=day), zone)


def _about(rotation: Rotation, local: datetime) -> int:
    """Return the number of the turn by the wall clock alone, at most a few off at its changes."""
    first, length = rotation.handoff, rotation.every.length
    if length is not None:
        return (local - first) // length
    return ((local.year - first.year) * 12 + local.month - first.month) // rotation.every.number
