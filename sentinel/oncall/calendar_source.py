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
from sentinel.oncall.calendar_import import (
    CalendarShift,
    ReadCalendar,
    people_of,
    read_calendar,
)
from sentinel.oncall.override import Override

__all__ = [
    "SOURCE", "CalendarShifts", "CalendarSource", "calendar_shifts", "expanded", "expanded_from",
    "expanded_shifts",
]  # fmt: skip

SOURCE = "calendar"
"""What a shift that a calendar puts there says of itself."""
_ENOUGH = timedelta(days=450)
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


class _Expanded(msgspec.Struct, frozen=True):
    """The occurrences of a calendar within a range, in the zone that it was read in."""

    zone: str
    start: datetime
    end: datetime
    found: ReadCalendar


def expanded(text: str, zone: ZoneInfo, start: datetime, end: datetime) -> str:
    """Return the occurrences of a calendar within a range, as text to be stored.

    Args:
        text: an iCalendar file
        zone: of the schedule
        start: timezone-aware
        end: timezone-aware

    Returns:
        JSON for `expanded_shifts`.

    Raises:
        ConfigurationError: as `read_calendar` raises it
        ValueError: `start` or `end` is naive
    """
    found = read_calendar(text, zone, start, end)
    return msgspec.json.encode(_Expanded(zone.key, start, end, found)).decode()


def expanded_from(text: str, zone: ZoneInfo) -> datetime | None:
    """Return from when stored occurrences reach; None where there are none in this zone."""
    found = _decoded(text)
    return None if found is None or found.zone != zone.key else found.start


def expanded_shifts(
    text: str, zone: ZoneInfo, emails: Mapping[str, str], start: datetime, end: datetime
) -> CalendarShifts | None:
    """Return what `calendar_shifts` returns, of occurrences that were stored.

    Args:
        text: as `expanded` returned it; empty for none
        zone: of the schedule
        emails: mail address by name of the person; empty for none
        start: timezone-aware
        end: timezone-aware; what is further ahead than the stored ones reach is not there

    Returns:
        The shifts; None where what is stored does not reach from `start` for 450 days, or to `end`.
    """
    found = _decoded(text)
    if found is None or found.zone != zone.key or start < found.start:
        return None
    if found.end < min(end, start + _ENOUGH):
        return None
    return _stored(text, tuple(emails.items()), start, end)


@lru_cache(32)
def _decoded(text: str) -> _Expanded | None:
    try:
        return msgspec.json.decode(text, type=_Expanded) if text else None
    except (msgspec.DecodeError, ValueError):  # of another version
        return None


@lru_cache(32)
def _stored(
    text: str, emails: tuple[tuple[str, str], ...], start: datetime, end: datetime
) -> CalendarShifts:
    found = _decoded(text)
    if found is None:
        return CalendarShifts((), ())
    within = tuple(one for one in found.found.shifts if one.start < end and one.end > start)
    return _named(ReadCalendar(within, found.found.problems), emails)


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
    return _named(read_calendar(text, zone, start, end), emails)


def _named(found: ReadCalendar, emails: tuple[tuple[str, str], ...]) -> CalendarShifts:
    """Return the shifts of occurrences, with the people that they name."""
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
