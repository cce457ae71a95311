"""The windows of objectives: rolling days, or whole weeks, months, quarters, years of a zone. Pure.

A calendar window begins and ends at midnight of its zone, so one with a change of clocks is an hour
shorter or longer. A midnight that the clocks skip begins the window at the moment after it.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator
from pydantic.config import JsonDict

__all__ = ["ZONE", "CalendarWindow", "RollingWindow", "Span", "Whole", "Window", "checked_zone"]

Calendar = Literal["week", "month", "quarter", "year"]


def _integral(given: Any) -> Any:
    """Return a whole number that is written as 2.0 as one; JSON Schema knows no difference."""
    return int(given) if isinstance(given, float) and given.is_integer() else given


ZONE: JsonDict = {
    "pattern": "^[A-Za-z][A-Za-z0-9]*([/_+-][A-Za-z0-9]+)*$",
    "examples": ["Europe/Berlin"],
}
"""What a schema says of a time zone; all of them would be a list of 600."""
Whole = Annotated[int, Field(strict=True), BeforeValidator(_integral)]
"""A field that takes a whole number, however JSON writes it."""


class Span(msgspec.Struct, frozen=True):
    """From a moment up to another, in UTC; the end is not part of it."""

    start: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return self.end - self.start


def checked_zone(name: str) -> str:
    """Return the name of a time zone.

    Args:
        name: such as `Europe/Berlin`

    Returns:
        The same name.

    Raises:
        ValueError: there is no such zone
    """
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name!r} is no time zone: write Europe/Berlin or UTC") from None
    return name


class RollingWindow(BaseModel):
    """The last so many days, which end now."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["rolling"]
    days: Whole = Field(default=30, ge=7, le=366, description="Whole days of 24 hours.")

    def span(self, now: datetime) -> Span:
        """Return the window that ends at `now`."""
        return Span(now - self.length(now), now)

    def length(self, now: datetime) -> timedelta:
        """Return how long the window is, which is the same at every moment `now`."""
        del now
        return timedelta(days=self.days)

    @property
    def text(self) -> str:
        """The window in words."""
        return f"{self.days} days"


class CalendarWindow(BaseModel):
    """The present week (from Monday), month, quarter or year of a time zone."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["calendar"]
    period: Calendar = "month"
    timezone: str = Field(default="UTC", max_length=64, json_schema_extra=ZONE)

    _zone = field_validator("timezone")(checked_zone)

    def span(self, now: datetime) -> Span:
        """Return the whole period that holds `now`."""
        zone = ZoneInfo(self.timezone)
        today = now.astimezone(zone).date()
        first = _first(self.period, today)
        return Span(_midnight(first, zone), _midnight(_next(self.period, first), zone))

    def length(self, now: datetime) -> timedelta:
        """Return how long the period is that holds `now`."""
        return self.span(now).length

    @property
    def text(self) -> str:
        """The window in words."""
        return f"calendar {self.period}" + ("" if self.timezone == "UTC" else f" ({self.timezone})")


Window = Annotated[RollingWindow | CalendarWindow, Field(discriminator="kind")]


def _first(period: Calendar, day: date) -> date:
    if period == "week":
        return day - timedelta(days=day.weekday())
    if period == "month":
        return day.replace(day=1)
    if period == "quarter":
        return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
    return day.replace(month=1, day=1)


def _next(period: Calendar, first: date) -> date:
    if period == "week":
        return first + timedelta(days=7)
    months = {"month": 1, "quarter": 3, "year": 12}[period]
    place = first.month - 1 + months
    return date(first.year + place // 12, place % 12 + 1, 1)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    # Of a midnight that comes twice the first counts; one that is skipped is read with the offset
    # from before the change (fold 0), which is the moment of the change itself.
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
