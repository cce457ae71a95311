"""Shifts as an iCalendar file (RFC 5545), which calendar programs subscribe to. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import icalendar

from sentinel.clock import utc
from sentinel.oncall.shifts import Shift

__all__ = ["calendar_of"]

_REFRESH = timedelta(hours=1)


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
    calendar.add("x-wr-calname", title)
    calendar.add("refresh-interval", _REFRESH, parameters={"VALUE": "DURATION"})
    for schedule, shift in held:
        if person and person not in shift.people:
            continue
        names = ", ".join(shift.people)
        event: Any = icalendar.Event()
        identity = f"{schedule}\n{shift.start.isoformat()}\n{person}".encode()
        event.add("uid", f"{hashlib.sha256(identity).hexdigest()[:32]}@sentinel")
        event.add("dtstamp", utc(now).replace(microsecond=0))
        event.add("dtstart", shift.start)
        event.add("dtend", shift.end)
        event.add("summary", f"On call: {schedule}" if person else f"{names}: {schedule}")
        event.add("description", f"{names} by {shift.source} of the schedule {schedule}")
        event.add("transp", "TRANSPARENT")
        calendar.add_component(event)
    return calendar.to_ical()
