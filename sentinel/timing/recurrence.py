"""Windows that come again: weekly ones, and those of an RRULE. Pure.

Weekly windows are active hours, so that both ends are local times. An RRULE (RFC 5545, section
3.8.5.3, read by dateutil) gives the local time at which each window begins, and the window has an
exact length, also over a change of the clock. What a local time means that there is twice or never,
`sentinel.timing.local_time` says.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from dateutil import rrule
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from sentinel.errors import ConfigurationError
from sentinel.timing.active_hours import ActiveHours
from sentinel.timing.local_time import local_of, moment_of

__all__ = ["Recurrence", "RecurringWindows", "recurrence_of"]

_AHEAD = timedelta(days=8)
_SEARCH = tuple(timedelta(days=days) for days in (60, 800, 4000))
"""How far ahead further windows are looked for, until there are enough."""
_PARTS = {
    "DAILY": (),
    "WEEKLY": ("BYDAY", "WKST"),
    "MONTHLY": ("BYDAY", "BYMONTHDAY", "BYSETPOS"),
    "YEARLY": ("BYDAY", "BYMONTHDAY", "BYSETPOS", "BYMONTH"),
}
"""What may stand beside INTERVAL, COUNT and UNTIL. Others allow rules that never occur, for which
dateutil would search until the year 9999 day by day."""


class Occurrences(BaseModel):
    """Windows that begin when an RRULE says."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rrule: Annotated[str, Field(max_length=300)] = Field(
        description="RFC 5545, with FREQ=DAILY, WEEKLY, MONTHLY or YEARLY.",
        examples=["FREQ=MONTHLY;BYDAY=2TU"],
    )
    first: datetime = Field(
        description="Local time from which on it counts, and the time of day of each.",
        examples=["2026-12-01T02:00"],
    )
    minutes: int = Field(ge=1, le=7 * 24 * 60, description="Length of each window.")
    timezone: str = Field(default="UTC", description="In whose local time: Europe/Berlin.")

    @field_validator("first")
    @classmethod
    def _local(cls, first: datetime) -> datetime:
        if first.tzinfo is not None:
            raise ValueError("write a local time without an offset; timezone says where")
        return first.replace(microsecond=0)

    @field_validator("timezone")
    @classmethod
    def _zone(cls, name: str) -> str:
        return ActiveHours(timezone=name).timezone

    @model_validator(mode="after")
    def _occurs(self) -> Self:
        if next(iter(self.rule()), None) is None:
            raise ValueError(f"{self.rrule!r} never occurs")
        return self

    def rule(self) -> rrule.rrule:
        """Return what dateutil makes of it.

        Returns:
            A rule over naive local times.

        Raises:
            ValueError: it is no RRULE that may be used here
        """
        text = self.rrule.strip().upper().removeprefix("RRULE:")
        named = (one.partition("=") for one in text.split(";"))
        parts = {name: value for name, _, value in named}
        freq = parts.get("FREQ", "")
        if freq not in _PARTS or not re.fullmatch(r"[A-Z0-9=;,+-]+", text):
            raise ValueError(f"{self.rrule!r} has no FREQ=DAILY, WEEKLY, MONTHLY or YEARLY")
        odd = sorted(parts.keys() - {"FREQ", "INTERVAL", "COUNT", "UNTIL", *_PARTS[freq]})
        if odd:
            raise ValueError(f"{self.rrule!r}: {odd[0]} does not go with FREQ={freq} here")
        if not re.fullmatch(r"[1-9]\d{0,2}", parts.get("INTERVAL", "1")):
            raise ValueError(f"{self.rrule!r}: INTERVAL is a number from 1 to 999")
        if parts.get("UNTIL", "").endswith("Z"):
            raise ValueError(f"{self.rrule!r}: UNTIL is a local time here, without Z")
        try:
            found = rrule.rrulestr(text, dtstart=self.first)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"{self.rrule!r} cannot be read: {error}") from None
        if not isinstance(found, rrule.rrule):
            raise ValueError(f"{self.rrule!r} is more than one rule")
        return found


class Recurrence(BaseModel):
    """When a silence mutes, between its start and its end: weekly, or by an RRULE."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    weekly: ActiveHours | None = Field(default=None, description="Weekly windows.")
    occurrences: Occurrences | None = Field(default=None, description="Windows by an RRULE.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.weekly is None) is (self.occurrences is None):
            raise ValueError("needs either weekly or occurrences")
        return self


class RecurringWindows:
    """The windows of a recurrence, looked up again only when one begins or ends.

    Args:
        recurrence: when they are
    """

    def __init__(self, recurrence: Recurrence) -> None:
        self._weekly = recurrence.weekly
        given = recurrence.occurrences
        self._occurrences = None if given is None else (given, given.rule())
        self._known: tuple[datetime, datetime, datetime | None] | None = None

    def end_of(self, now: datetime) -> datetime | None:
        """Return when the window ends in which `now` lies.

        Args:
            now: a moment in UTC

        Returns:
            Its end, of several the last one; None outside of all windows.
        """
        known = self._known
        if known is None or not known[0] <= now < known[1]:
            known = self._known = (now, *self._look_up(now))
        return known[2]

    def start_of(self, now: datetime) -> datetime | None:
        """Return when the window began in which `now` lies.

        Args:
            now: a moment in UTC

        Returns:
            Its start, of windows that meet or overlap the first one; None outside of all windows,
            and where it began so long ago that no start is seen.
        """
        spans = self._spans(now)
        starts = [start for start, end in spans if start <= now < end]
        if not starts:
            return None
        first = min(starts)
        for start, end in reversed(spans):
            if start < first <= end:
                first = start
        return first if first > now - _AHEAD else None

    def _look_up(self, now: datetime) -> tuple[datetime, datetime | None]:
        """Return until when the answer about `now` holds, and the answer."""
        spans = list(self._spans(now))
        ends = [end for start, end in spans if start <= now < end]
        following = min((start for start, _ in spans if start > now), default=now + _AHEAD)
        # A window that begins within another one may end later, so the answer changes with it.
        return (min(max(ends), following), max(ends)) if ends else (following, None)

    def _spans(self, now: datetime) -> list[tuple[datetime, datetime]]:
        """Return the windows around `now`, and those of the next days."""
        return self.between(now - _AHEAD, now + _AHEAD)

    def between(self, start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
        """Return the windows that may have a part within a range.

        Args:
            start: timezone-aware
            end: timezone-aware

        Returns:
            Their starts and ends in UTC, oldest first; weekly ones are cut to the range, and some
            of an RRULE may lie just outside of it.

        Raises:
            ValueError: `start` or `end` is naive
        """
        if self._occurrences is None:
            weekly = self._weekly
            return [] if weekly is None else list(weekly.spans(start, end))
        given, rule = self._occurrences
        zone, length = ZoneInfo(given.timezone), timedelta(minutes=given.minutes)
        # A day more on both sides, since a local time may be hours off where clocks change.
        day = timedelta(days=1)
        since, until = local_of(start, zone) - length - day, local_of(end, zone) + day
        starts = [moment_of(one, zone) for one in rule.between(since, until, inc=True)]
        return [(begins, begins + length) for begins in starts]

    def following(
        self, start: datetime, end: datetime, most: int
    ) -> list[tuple[datetime, datetime]]:
        """Return the first windows that are not over at a moment.

        Args:
            start: the moment, timezone-aware
            end: after which no window counts
            most: at most so many

        Returns:
            Their starts and ends in UTC, cut to the range, oldest first.

        Raises:
            ValueError: `start` or `end` is naive
        """
        found: list[tuple[datetime, datetime]] = []
        for length in _SEARCH:
            last = min(end, start + length)
            found = [
                (max(begins, start), min(ends, last))
                for begins, ends in self.between(start, last)
                if max(begins, start) < min(ends, last)
            ]
            if len(found) > most or last == end:
                break
        return found[:most]


def recurrence_of(given: object) -> Recurrence:
    """Return the recurrence that a person wrote.

    Args:
        given: its fields

    Returns:
        The recurrence.

    Raises:
        ConfigurationError: it cannot be read
    """
    try:
        return Recurrence.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ConfigurationError(
            f"recurrence{'.' + place if place else ''}: {first['msg']}",
            hint='Write {"weekly": {"timezone": "Europe/Berlin", "windows": [{"days": "sun", '
            '"start": "02:00", "end": "04:00"}]}}, or occurrences with rrule, first and minutes.',
        ) from None
