"""Shifts of a schedule from a calendar elsewhere, which is read again on an interval. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import msgspec
from pydantic import BaseModel, ConfigDict, Field, field_validator

from sentinel.duration import Duration
from sentinel.oncall.calendar_import import CalendarShift, people_of, read_calendar
from sentinel.oncall.override import Override

__all__ = ["SOURCE", "CalendarShifts", "CalendarSource", "calendar_shifts"]

SOURCE = "calendar"
"""What a shift that a calendar puts there says of itself."""
_SOONEST, _LATEST = timedelta(minutes=5), timedelta(days=7)


class CalendarSource(BaseModel):
    """An iCalendar address, whose shifts stand in for the layers; overrides stand in for them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field(
        max_length=2000,
        description="https://…, webcal://…, or secret:NAME for a Secret block of Prefect.",
    )
    every: Duration = Field(default=timedelta(hours=1), description="How often it is read: 1h.")
    stale_after: Duration = Field(
        default=timedelta(days=1), description="After so long without a reading, an alert opens."
    )

    @field_validator("url")
    @classmethod
    def _address(cls, given: str) -> str:
        if given.startswith("secret:"):
            if not given.removeprefix("secret:").strip():
                raise ValueError("secret: needs the name of a Secret block")
            return given
        try:
            parts = urlsplit(given)
            _ = parts.port
        except ValueError:
            parts = urlsplit("")
        if parts.scheme not in ("http", "https", "webcal") or not parts.hostname:
            raise ValueError("it is no address: write https://…, webcal://… or secret:NAME")
        return given

    @field_validator("every")
    @classmethod
    def _not_too_often(cls, given: timedelta) -> timedelta:
        if not _SOONEST <= given <= _LATEST:
            raise ValueError("must be at least 5m and at most 7d")
        return given


class CalendarShifts(msgspec.Struct, frozen=True):
    """What a calendar says of a schedule, and what of it could not be used."""

    overrides: tuple[Override, ...]
    problems: tuple[str, ...]


def calendar_shifts(
    text: str, zone: ZoneInfo, emails: Mapping[str, str], start: datetime, end: datetime
) -> CalendarShifts:
    """Return the shifts of a calendar.

    Args:
        text: an iCalendar file
        zone: of the schedule
        emails: mail address by name of the person; empty for none
        start: timezone-aware
        end: timezone-aware

    Returns:
        The shifts without overlaps, oldest first: of events at one time everybody is on call; and
        a sentence for each event that cannot be used, or of which nobody is known.

    Raises:
        ConfigurationError: it is no iCalendar file
        ValueError: `start` or `end` is naive
    """
    return _read(text, zone, tuple(emails.items()), start, end)


@lru_cache(32)
def _read(
    text: str, zone: ZoneInfo, emails: tuple[tuple[str, str], ...], start: datetime, end: datetime
) -> CalendarShifts:
    found = read_calendar(text, zone, start, end)
    known = dict(emails)
    problems = list(found.problems)
    shifts: list[tuple[CalendarShift, tuple[str, ...]]] = []
    for one in found.shifts:
        names = people_of(one, known)
        if names:
            shifts.append((one, names))
        else:
            problems.append(
                f"nobody is known of {one.summary[:100]!r} at {one.start:%Y-%m-%d %H:%M} UTC"
            )
    return CalendarShifts(tuple(_without_overlaps(shifts)), tuple(problems))


def _without_overlaps(
    shifts: Sequence[tuple[CalendarShift, tuple[str, ...]]],
) -> list[Override]:
    edges = sorted({edge for one, _ in shifts for edge in (one.start, one.end)})
    found: list[Override] = []
    under_way: list[tuple[CalendarShift, tuple[str, ...]]] = []
    place = 0
    for begins, ends in pairwise(edges):
        while place < len(shifts) and shifts[place][0].start <= begins:
            under_way.append(shifts[place])
            place += 1
        under_way = [one for one in under_way if one[0].end > begins]
        people = tuple(dict.fromkeys(name for _, names in under_way for name in names))
        if people:
            found.append(Override(start=begins, end=ends, people=people, source=SOURCE))
    return found
