"""Silences as an iCalendar file (RFC 5545), which calendar programs subscribe to. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import icalendar
import msgspec

__all__ = ["SilencedTime", "silences_calendar"]


class SilencedTime(msgspec.Struct, frozen=True, kw_only=True):
    """A time at which a silence mutes; one that recurs has several.

    Attributes:
        id: of the silence
        what: the rule, or the matchers in words
    """

    id: str
    what: str
    reason: str
    actor: str
    start: datetime
    end: datetime
    maintenance: bool


def silences_calendar(title: str, times: Iterable[SilencedTime], now: datetime) -> bytes:
    """Return silences as a calendar.

    Args:
        title: name of the calendar
        times: at which they mute
        now: when the calendar is made

    Returns:
        The text of the calendar in UTF-8. An event keeps its UID while its silence and start are
        the same.
    """
    calendar: Any = icalendar.Calendar()
    calendar.add("prodid", "-//Sentinel//Silences//EN")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", _one_line(title))
    for one in times:
        event: Any = icalendar.Event()
        event.add("uid", f"{one.id}-{one.start:%Y%m%dT%H%M%S}@sentinel")
        event.add("dtstamp", now.replace(microsecond=0))
        event.add("dtstart", one.start)
        event.add("dtend", one.end)
        noun = "Maintenance" if one.maintenance else "Silence"
        event.add("summary", _one_line(f"{noun}: {one.what}"))
        by = f" ({one.actor})" if one.actor else ""
        event.add("description", _one_line(f"{one.reason}{by}"))
        event.add("transp", "TRANSPARENT")
        calendar.add_component(event)
    return calendar.to_ical()


def _one_line(text: str) -> str:
    """Return text without controls and line ends, which icalendar refuses in some properties."""
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())
