"""Time intervals as Alertmanager has them: times, days, months and years in a time zone. Pure.

Each of the five fields that is given must hold
(https://prometheus.io/docs/alertmanager/latest/configuration/#time_interval-0). What counts is what
a clock on the wall of the location shows: an hour that is there twice counts twice, and one that is
left out does not count.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Self, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from sentinel.clock import utc

__all__ = ["NamedIntervals", "TimeInterval", "TimeRange", "any_holds", "changes_after"]

_WEEKDAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september",
    "october", "november", "december",
)  # fmt: skip
_SEARCH_DAYS = 400
_QUARTER = timedelta(minutes=15)


def _minute(given: object) -> object:
    """`09:00` as minutes of the day; YAML 1.1 reads it as minutes by itself, or as seconds."""
    if not isinstance(given, str):
        return given
    found = re.fullmatch(r"(\d{1,2}):(\d{2})", given.strip())
    minutes = int(found[1]) * 60 + int(found[2]) if found else -1
    if found is None or minutes > 24 * 60 or int(found[2]) > 59:
        raise ValueError(f"{given!r} is no time of day: write 09:00, or 24:00 as an end")
    return minutes


Minute = Annotated[int, BeforeValidator(_minute), Field(ge=0, le=24 * 60)]


class TimeRange(BaseModel):
    """From one time of a day up to, not including, another of the same day."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    start_time: Minute
    end_time: Minute

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if self.start_time >= self.end_time:
            raise ValueError("start_time must be before end_time; use two ranges past midnight")
        return self


def _ranges(number: Callable[[str], int], least: int, most: int) -> Callable[[object], object]:
    """Return what reads `1:5`, `monday` or `3` as pairs of numbers."""

    def read(given: object) -> object:
        if not isinstance(given, list):
            return given
        found: list[tuple[int, int]] = []
        for one in cast("list[object]", given):
            if isinstance(one, list | tuple):  # as it is stored
                first, last = (int(part) for part in cast("list[Any]", one))
            else:
                words = str(one).strip().lower().split(":")
                if len(words) > 2:
                    raise ValueError(f"{one!r} is no range: write first:last")
                first, last = number(words[0].strip()), number(words[-1].strip())
            if not (least <= first <= most and least <= last <= most):
                raise ValueError(f"{one!r} is not within {least} and {most}")
            if (first < 0) == (last < 0) and first > last:
                raise ValueError(f"{one!r} ends before it begins")
            found.append((first, last))
        return found

    return read


def _whole(word: str) -> int:
    try:
        return int(word)
    except ValueError:
        raise ValueError(f"{word!r} is no number") from None


def _weekday(word: str) -> int:
    if word not in _WEEKDAYS:
        raise ValueError(f"{word!r} is no weekday: write monday")
    return _WEEKDAYS.index(word)


def _month(word: str) -> int:
    return _MONTHS.index(word) + 1 if word in _MONTHS else _whole(word)


Pairs = list[tuple[int, int]]


class TimeInterval(BaseModel):
    """When something holds; a field that is left out always does."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    times: list[TimeRange] | None = Field(default=None, min_length=1)
    weekdays: Annotated[Pairs | None, BeforeValidator(_ranges(_weekday, 0, 6))] = None
    days_of_month: Annotated[Pairs | None, BeforeValidator(_ranges(_whole, -31, 31))] = None
    months: Annotated[Pairs | None, BeforeValidator(_ranges(_month, 1, 12))] = None
    years: Annotated[Pairs | None, BeforeValidator(_ranges(_whole, 1, 9999))] = None
    location: str = "UTC"

    @field_validator("location")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"{name!r} is no time zone: write UTC or Europe/Berlin") from None
        return name

    @field_validator("days_of_month")
    @classmethod
    def _no_zero(cls, pairs: Pairs | None) -> Pairs | None:
        if any(0 in pair for pair in pairs or ()):
            raise ValueError("there is no day 0")
        return pairs

    def holds(self, moment: datetime) -> bool:
        """Return whether it holds at a timezone-aware moment."""
        local = moment.astimezone(ZoneInfo(self.location))
        if self.times is not None:
            minute = local.hour * 60 + local.minute
            if not any(one.start_time <= minute < one.end_time for one in self.times):
                return False
        return (
            _within(self.weekdays, local.isoweekday() % 7)
            and _within(self.months, local.month)
            and _within(self.years, local.year)
            and (self.days_of_month is None or _on_day(self.days_of_month, local))
        )

    def edges(self, since: datetime) -> Iterator[datetime]:
        """Yield the moments after `since` at which it may begin or end, in their order."""
        zone = ZoneInfo(self.location)
        minutes = {0}
        for one in self.times or ():
            minutes |= {one.start_time, one.end_time % (24 * 60)}
        day = since.astimezone(zone).replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0)
        day -= timedelta(days=1)
        for _ in range(_SEARCH_DAYS):
            shown = [day + timedelta(minutes=minute) for minute in sorted(minutes)]
            found = {
                one.replace(tzinfo=zone, fold=fold).astimezone(UTC)
                for one in shown
                for fold in (0, 1)
            }
            begin = day.replace(tzinfo=zone).astimezone(UTC)
            end = (day + timedelta(days=1)).replace(tzinfo=zone).astimezone(UTC)
            if end - begin != timedelta(days=1):  # clocks change on this day
                found |= {begin + n * _QUARTER for n in range(26 * 4) if begin + n * _QUARTER < end}
            yield from (one for one in sorted(found) if one > since)
            day += timedelta(days=1)


class NamedIntervals(BaseModel):
    """Time intervals under one name, of which any may hold."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=100)
    time_intervals: list[TimeInterval] = Field(min_length=1, max_length=100)


def any_holds(intervals: Iterable[TimeInterval], moment: datetime) -> bool:
    """Return whether any of some intervals holds at a timezone-aware moment."""
    return any(one.holds(moment) for one in intervals)


def changes_after(intervals: Sequence[TimeInterval], moment: datetime) -> datetime | None:
    """Return when it next changes whether any of some intervals holds.

    Args:
        intervals: the intervals
        moment: timezone-aware

    Returns:
        The first moment at which it is otherwise than at `moment`; None where there is none
        within 400 days.
    """
    moment = utc(moment)
    now = any_holds(intervals, moment)
    found: list[datetime] = []
    for one in intervals:
        last = min(found, default=None)
        for edge in one.edges(moment):
            if last is not None and edge >= last:
                break
            if any_holds(intervals, edge) is not now:
                found.append(edge)
                break
    return min(found, default=None)


def _within(pairs: Pairs | None, number: int) -> bool:
    return pairs is None or any(first <= number <= last for first, last in pairs)


def _on_day(pairs: Pairs, local: datetime) -> bool:
    days = monthrange(local.year, local.month)[1]
    for first, last in pairs:
        begin = days + first + 1 if first < 0 else first
        end = days + last + 1 if last < 0 else min(last, days)
        if begin <= days and begin <= local.day <= end:
            return True
    return False
