"""Shifts as an iCalendar file (RFC 5545), which calendar programs subscribe to. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import icalendar
import msgspec

from sentinel.clock import utc
from sentinel.oncall.shifts import Shift

__all__ = ["Feed", "calendar_of", "feed_of", "feed_range"]

_REFRESH = timedelta(hours=1)
_BACK, _AHEAD = timedelta(days=31), timedelta(days=183)


class Feed(msgspec.Struct, frozen=True):
    """What a subscription shows: a calendar, and a tag that differs where its events do."""

    body: bytes
    tag: str


def feed_range(now: datetime) -> tuple[datetime, datetime]:
    """Return the range of a subscription: a month back and half a year ahead, in whole days.

    Args:
        now: the present moment, timezone-aware

    Returns:
        Its start and its end.
    """
    today = utc(now).replace(hour=0, minute=0, second=0, microsecond=0)
    return today - _BACK, today + _AHEAD


def feed_of(title: str, held: Sequence[tuple[str, Shift]], now: datetime, person: str = "") -> Feed:
    """Return what a subscription shows; arguments as of `calendar_of`.

    Returns:
        The calendar; its tag is the same as long as its events are, whenever they are asked for.
    """
    same = calendar_of(title, held, datetime.min.replace(tzinfo=UTC), person)
    return Feed(calendar_of(title, held, now, person), hashlib.sha256(same).hexdigest()[:32])


def calendar_of(
    title: str, held: Iterable[tuple[str, Shift]], now: datetime, person: str = ""
) -> bytes:
    """Return shifts as a calendar.

    An event keeps its UID while its schedule and start are the same, so that a program that
    subscribes to the calendar changes it in place. Times are in UTC, which every program shows in
    its own zone.

    Args:
        title: name of the calendar
        held: the name of a schedule and one of its shifts
        now: when the calendar is made, timezone-aware
        person: only the shifts of this person; empty for all

    Returns:
        The text of the calendar in UTF-8.

    Raises:
        ValueError: `now` is naive
    """
    calendar: Any = icalendar.Calendar()
    calendar.add("prodid", "-//Sentinel//On-call//EN")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", _one_line(title))
    calendar.add("refresh-interval", _REFRESH, parameters={"VALUE": "DURATION"})
    for schedule, shift in held:
        if person and person not in shift.people:
            continue
        names = _one_line(", ".join(shift.people))
        event: Any = icalendar.Event()
        identity = f"{schedule}\n{shift.start.isoformat()}\n{person}".encode()
        event.add("uid", f"{hashlib.sha256(identity).hexdigest()[:32]}@sentinel")
        event.add("dtstamp", utc(now).replace(microsecond=0))
        event.add("dtstart", shift.start)
        event.add("dtend", shift.end)
        summary = f"On call: {schedule}" if person else f"{names}: {schedule}"
        event.add("summary", _one_line(summary))
        said = f"{names} by {shift.source} of the schedule {schedule}"
        event.add("description", _one_line(said))
        event.add("transp", "TRANSPARENT")
        calendar.add_component(event)
    return calendar.to_ical()


def _one_line(text: str) -> str:
    """Return text without controls and line ends, which icalendar refuses in some properties."""
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())
