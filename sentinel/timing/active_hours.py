"""Active hours: weekdays, times, dates and holidays, in one time zone. Pure.

A local time that does not exist, because the clock goes forward, is the first moment that does; the
window keeps its other end. One that begins and ends among such times keeps its length instead. A
local time that there is twice is the first of both (PEP 495, fold=0).

A window may go over midnight; it belongs to the day on which it begins. Dates and holidays are days
from 00:00 to 24:00: a closed one ends what began the day before, and what begins on it and goes on
is open from the next midnight; an open one adds to the windows and takes nothing away.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Annotated, Self, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from sentinel.clock import utc
from sentinel.timing.local_time import moment_of

__all__ = ["DAYS", "ActiveHours", "TimeOfDay", "Weekdays", "Window", "ZoneName"]

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SEARCH_DAYS = 400


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name!r} is no time zone: write UTC or Europe/Berlin") from None
    return name


def _days(given: object) -> object:
    """`mon-fri`, `sat, sun` or a list of days, as a list; `fri-mon` goes over the week's end."""
    words: object = re.split(r"[,\s]+", given.strip()) if isinstance(given, str) else given
    if not isinstance(words, list | tuple):
        return given
    found: list[str] = []
    for word in cast("list[object]", words):
        first, _, last = str(word).strip().lower().partition("-")
        last = last or first
        if first[:3] not in DAYS or last[:3] not in DAYS:
            raise ValueError(f"{word!r} is no weekday: write mon, tue, mon-fri or sat, sun")
        start, length = DAYS.index(first[:3]), (DAYS.index(last[:3]) - DAYS.index(first[:3])) % 7
        found += [DAYS[(start + n) % 7] for n in range(length + 1)]
    return [day for day in DAYS if day in found]


def _time(given: object) -> object:
    """`08:00`, `8:30` or `24:00`, which is the midnight that ends the day."""
    if isinstance(given, int) and not isinstance(given, bool):
        given = f"{given // 60}:{given % 60:02}"  # YAML 1.1 reads 08:30 as minutes
    if not isinstance(given, str):
        return given
    found = re.fullmatch(r"(\d{1,2}):(\d{2})", given.strip())
    if found is None or (given.strip() != "24:00" and (int(found[1]) > 23 or int(found[2]) > 59)):
        raise ValueError(f"{given!r} is no time of day: write 08:00")
    return f"{int(found[1]):02}:{found[2]}"


ZoneName = Annotated[str, AfterValidator(_zone)]
TimeOfDay = Annotated[
    str,
    BeforeValidator(_time),
    WithJsonSchema({"type": "string", "pattern": r"^\s*\d{1,2}:\d{2}\s*$", "examples": ["08:00"]}),
]
Weekdays = Annotated[
    list[str],
    BeforeValidator(_days),
    WithJsonSchema(
        {
            "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
            "examples": ["mon-fri"],
        }
    ),
]
Day = Annotated[date, PlainSerializer(date.isoformat, return_type=str)]


class Window(BaseModel):
    """From one time to another, on some weekdays."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    days: Weekdays = Field(default_factory=lambda: list(DAYS), description="mon-fri, or a list.")
    start: TimeOfDay = Field(
        default="00:00",
        description="Local time at which it begins; if clocks skip it, the first after it.",
    )
    end: TimeOfDay = Field(
        default="24:00", description="Local time at which it ends; before the start: next day."
    )

    @model_validator(mode="after")
    def _some_time(self) -> Self:
        if self.start == self.end:
            raise ValueError(f"it begins and ends at {self.start}; for a whole day leave both out")
        if not self.days:
            raise ValueError("days: name at least one")
        return self


class ActiveHours(BaseModel):
    """When something counts; outside of it, it does not."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    timezone: ZoneName = Field(
        default="UTC", description="In whose local time, for example Europe/Berlin."
    )
    windows: list[Window] = Field(
        default_factory=lambda: [Window()], min_length=1, max_length=50,
        description="Open in any of these.",
    )  # fmt: skip
    also: list[Day] = Field(
        default_factory=list[date],
        max_length=1000,
        description="Dates open from 00:00 to 24:00, beside the windows.",
    )
    never: list[Day] = Field(
        default_factory=list[date],
        max_length=1000,
        description="Dates closed from 00:00 to 24:00, whatever is open.",
    )

    holidays: str | None = Field(
        default=None,
        description="Closed on the public holidays of a country, or of a part of it: DE, DE-BY.",
    )

    @field_validator("holidays")
    @classmethod
    def _known(cls, region: str | None) -> str | None:
        if region is not None:
            region = region.strip().upper()
            _holidays_of(region, 2026)
        return region

    def open_at(self, moment: datetime) -> bool:
        """Return whether `moment` lies within the active hours.

        Args:
            moment: timezone-aware

        Returns:
            True from the start of a window up to, not including, its end.

        Raises:
            ValueError: `moment` is naive
        """
        moment = utc(moment)
        local = moment.astimezone(ZoneInfo(self.timezone)).date()
        return any(start <= moment < end for start, end in _open_on(self, local))

    def changes_after(self, moment: datetime) -> datetime | None:
        """Return when it next opens or closes; None where it does not within 400 days."""
        moment = utc(moment)
        now = self.open_at(moment)
        local = moment.astimezone(ZoneInfo(self.timezone)).date()
        for offset in range(_SEARCH_DAYS):
            edges = {
                edge
                # What ends at midnight may go on with the first span of the next day.
                for day in (local + timedelta(days=offset), local + timedelta(days=offset + 1))
                for span in _open_on(self, day)
                for edge in span
            }
            for edge in sorted(edges):
                if edge > moment and self.open_at(edge) is not now:
                    return edge
        return None

    def spans(self, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Yield when it is open within a range, oldest first, without overlaps.

        Args:
            start: timezone-aware
            end: timezone-aware; not before `start`

        Yields:
            The start of a span and its end, in UTC; spans that touch are one.

        Raises:
            ValueError: `start` or `end` is naive
        """
        start, end, zone = utc(start), utc(end), ZoneInfo(self.timezone)
        day, last = start.astimezone(zone).date(), end.astimezone(zone).date()
        since = until = None
        while day <= last:
            for begins, ends in _open_on(self, day):
                if until is not None and begins <= until:
                    until = max(until, ends)
                    continue
                if since is not None and until is not None and max(since, start) < min(until, end):
                    yield max(since, start), min(until, end)
                since, until = begins, ends
            day += timedelta(days=1)
        if since is not None and until is not None and max(since, start) < min(until, end):
            yield max(since, start), min(until, end)

    def __hash__(self) -> int:
        return hash((self.timezone, tuple(self.also), tuple(self.never), len(self.windows)))


@lru_cache(maxsize=1000)
def _holidays_of(region: str, year: int) -> frozenset[date]:
    """Return the public holidays of one year, by the package `holidays`.

    A rule's own `also` and `never` are about dates, and take precedence over them.

    Args:
        region: a country or a part of it: DE, DE-BY
        year: of the Gregorian calendar

    Returns:
        Dates in that region.

    Raises:
        ValueError: there is no such region
    """
    from holidays import country_holidays  # it takes a while, and few rules ask

    country, _, part = region.partition("-")
    try:
        return frozenset(country_holidays(country, subdiv=part or None, years=year))
    except NotImplementedError:
        raise ValueError(f"holidays: {region!r} is no country or part of one: DE, DE-BY") from None


@lru_cache(maxsize=10_000)
def _open_on(hours: ActiveHours, day: date) -> tuple[tuple[datetime, datetime], ...]:
    """Return when it is open on a local day, as moments within that day."""
    zone = ZoneInfo(hours.timezone)
    begins, ends = moment_at(day, "00:00", zone), moment_at(day, "24:00", zone)
    if day in hours.never or begins >= ends:  # a zone that crossed the date line lacks a day
        return ()
    if day in hours.also:
        return ((begins, ends),)
    if hours.holidays is not None and day in _holidays_of(hours.holidays, day.year):
        return ()
    spans = (
        (max(start, begins), min(end, ends))
        for first in (day - timedelta(days=1), day)
        for start, end in _spans(hours, first, zone)
    )
    return tuple(sorted((start, end) for start, end in spans if start < end))


def _spans(hours: ActiveHours, day: date, zone: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
    """Yield the windows that begin on a local day, as moments, whatever dates are closed."""
    for window in hours.windows:
        if DAYS[day.weekday()] not in window.days:
            continue
        last = day if window.start < window.end else day + timedelta(days=1)
        start, end = moment_at(day, window.start, zone), moment_at(last, window.end, zone)
        if start >= end and start.astimezone(zone).date() == day:
            end = start + (_clock(last, window.end) - _clock(day, window.start))
        yield start, end


def _clock(day: date, at: str) -> datetime:
    """Return what a clock on the wall shows, without a zone."""
    if at == "24:00":
        day, at = day + timedelta(days=1), "00:00"
    return datetime.combine(day, time.fromisoformat(at))


def moment_at(day: date, at: str, zone: ZoneInfo) -> datetime:
    """Return the moment of a local time, where one that does not exist is the first that does.

    Args:
        day: the local day
        at: what a clock on the wall shows, as 07:00 or 24:00
        zone: whose local time

    Returns:
        The moment in UTC; the first one of a time that there is twice.
    """
    return moment_of(_clock(day, at), zone)
