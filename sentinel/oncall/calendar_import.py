"""Shifts read from an iCalendar file (RFC 5545) of another system. Pure.

A rule of recurrence is expanded on the wall clock of its zone by dateutil, and everything that is
compared is compared as a moment: one shift that was moved, swapped or removed changes that shift
alone, in every zone. A date in UNTIL includes that day. A shift ends at the wall-clock time that
calendar programs show, so that shifts of a day still meet when the clock changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from time import thread_time
from typing import Any, cast
from zoneinfo import ZoneInfo

import icalendar
import msgspec
from dateutil.rrule import rrulestr

from sentinel.clock import utc
from sentinel.errors import ConfigurationError
from sentinel.timing.local_time import moment_of

__all__ = ["CalendarShift", "ReadCalendar", "people_of", "read_calendar"]

_MOST_EVENTS = 5_000
_MOST = 20_000
"""Occurrences of all events that may lie in the range, since a rule may have no end."""
_MOST_STEPS = 200_000
"""Occurrences of all events, with those before the range."""
_MOST_SECONDS = 5.0
"""Processor time for all events: a rule may look for long for days that there never are."""
_DAY = timedelta(days=1)


class _Work:
    """What the reading of one file may take in all."""

    def __init__(self, spent: Callable[[], float]) -> None:
        self._spent, self._began = spent, spent()
        self._steps = self._found = 0

    def step(self, *, found: bool) -> None:
        """Count one occurrence; raise `ConfigurationError` where it is one too many."""
        self._steps += 1
        self._found += found
        if self._found > _MOST:
            raise _refused(f"more than {_MOST:,} shifts within its time")
        if self._steps > _MOST_STEPS:
            raise _refused(f"more than {_MOST_STEPS:,} occurrences until then")
        if self._steps % 1000 == 0:
            self.check()

    def check(self) -> None:
        """Raise `ConfigurationError` where it has taken too long."""
        if self._spent() - self._began > _MOST_SECONDS:
            raise ConfigurationError(
                f"this calendar takes longer than {_MOST_SECONDS:g} seconds to read", hint=_FEWER
            )


def _refused(what: str) -> ConfigurationError:
    return ConfigurationError(f"this calendar has {what}", hint=_FEWER)


_FEWER = "Subscribe to a calendar that has the shifts of this schedule only."


class CalendarShift(msgspec.Struct, frozen=True, order=True):
    """One occurrence of an event.

    Attributes:
        start: in UTC
        end: in UTC
        summary: title of the event
        attendees: mail addresses, in small letters
    """

    start: datetime
    end: datetime
    summary: str
    attendees: tuple[str, ...] = ()


class ReadCalendar(msgspec.Struct, frozen=True):
    """What a calendar says within a range, and what of it could not be used."""

    shifts: tuple[CalendarShift, ...]
    problems: tuple[str, ...]


def read_calendar(
    text: bytes | str, zone: ZoneInfo, start: datetime, end: datetime,
    spent: Callable[[], float] = thread_time,
) -> ReadCalendar:  # fmt: skip
    """Read the occurrences of all events that have a part within a range.

    Args:
        text: an iCalendar file
        zone: of times that name none, and of whole days
        start: timezone-aware
        end: timezone-aware
        spent: processor time so far, in seconds

    Returns:
        Occurrences, oldest first, and a sentence for each event that cannot be used.

    Raises:
        ConfigurationError: it is no iCalendar file, has more than 5,000 events or 20,000 shifts
            within the range, or takes longer than 5 seconds
        ValueError: `start` or `end` is naive
    """
    start, end = utc(start), utc(end)
    work = _Work(spent)
    try:
        calendars = cast("list[Any]", icalendar.Calendar.from_ical(text, multiple=True))
    except (ValueError, IndexError, KeyError) as error:
        raise ConfigurationError(f"this is no iCalendar file: {error}") from None
    if not calendars:
        raise ConfigurationError("this is no iCalendar file: it is empty")
    events = [one for calendar in calendars for one in calendar.walk("VEVENT")]
    if len(events) > _MOST_EVENTS:
        raise ConfigurationError(
            f"this calendar has more than {_MOST_EVENTS:,} events", hint=_FEWER
        )
    problems: list[str] = []
    found: list[CalendarShift] = []
    for uid, of_uid in _by_uid(events).items():
        work.check()
        try:
            found += _shifts(of_uid, zone, start, end, problems, work)
        except (ValueError, TypeError, KeyError, OverflowError) as error:
            problems.append(f"event {uid or 'without a UID'} cannot be read: {error}")
    return ReadCalendar(tuple(sorted(found)), tuple(problems))


def people_of(shift: CalendarShift, emails: Mapping[str, str]) -> tuple[str, ...]:
    """Return which known people an event is about.

    Args:
        shift: the occurrence
        emails: mail address by name of the person; empty for none

    Returns:
        Names: of attendees by their address, else those that the title has as words.
    """
    by_mail = {mail.lower(): name for name, mail in emails.items() if mail}
    attending = [by_mail[mail] for mail in shift.attendees if mail in by_mail]
    if attending:
        return tuple(dict.fromkeys(attending))
    words = {word.strip(".,;:()[]").lower() for word in shift.summary.replace("/", " ").split()}
    return tuple(name for name in emails if name.lower() in words)


def _by_uid(events: Iterable[Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for one in events:
        found.setdefault(str(one.get("UID", "")), []).append(one)
    return found


def _shifts(
    of_uid: Sequence[Any], zone: ZoneInfo, start: datetime, end: datetime, problems: list[str],
    work: _Work,
) -> Iterator[CalendarShift]:  # fmt: skip
    """Yield the occurrences of the events that share a UID."""
    changed: dict[datetime, Any] = {}
    days: dict[date, Any] = {}
    ordered = sorted(of_uid, key=lambda each: int(each.get("SEQUENCE", 0)))
    for one in ordered:
        if (identity := one.get("RECURRENCE-ID")) is None:
            continue
        if identity.params.get("RANGE"):
            problems.append(
                f"event {one.get('UID')}: a change of this and all following occurrences is not "
                "read; this occurrence alone is changed"
            )
        named = _Moment(identity.dt, zone)
        changed[named.moment] = one
        if named.whole_day:
            days[named.shown.date()] = one
    masters = [one for one in ordered if one.get("RECURRENCE-ID") is None]
    if masters and _cancelled(masters[-1]) and masters[-1].get("UID"):
        return  # the whole series, with what was moved
    for one in masters[-1:] if _same_uid(masters) else masters:
        if one.get("EXRULE") is not None:
            problems.append(f"event {one.get('UID')}: EXRULE is not read; nothing is removed by it")
        if _cancelled(one):
            continue
        for begins in _starts(one, zone, start, end, problems, work):
            if begins.moment in changed or begins.shown.date() in days:
                continue
            yield from _within(one, begins, zone, start, end)
    for one in changed.values():
        if not _cancelled(one):
            yield from _within(one, _Moment(one["DTSTART"].dt, zone), zone, start, end)


def _same_uid(masters: Sequence[Any]) -> bool:
    return len(masters) > 1 and bool(masters[0].get("UID"))


def _cancelled(event: Any) -> bool:
    return str(event.get("STATUS", "")).upper() == "CANCELLED"


class _Moment:
    """A time of a calendar: what the clock shows, in which zone, and the moment that it is."""

    def __init__(self, given: date | datetime, zone: tzinfo) -> None:
        self.default = zone
        self.whole_day = not isinstance(given, datetime)
        if isinstance(given, datetime):
            self.zone = given.tzinfo or zone
            self.shown = given.replace(tzinfo=None)
        else:
            self.zone, self.shown = zone, datetime.combine(given, time())
        self.moment = moment_of(self.shown, self.zone)

    def at(self, shown: datetime) -> _Moment:
        """Return the moment at which the same zone shows another time."""
        given = shown.date() if self.whole_day else shown.replace(tzinfo=self.zone)
        return _Moment(given, self.zone)


def _starts(
    event: Any, zone: ZoneInfo, start: datetime, end: datetime, problems: list[str], work: _Work
) -> Iterator[_Moment]:
    """Yield when the occurrences of an event begin, before `end`, each once."""
    first = _Moment(event["DTSTART"].dt, zone)
    removed = list(_dates(event, "EXDATE", zone))
    if any(isinstance(one.dt, tuple) for each in _listed(event.get("RDATE")) for one in each.dts):
        problems.append(f"event {event.get('UID')}: the ends of added periods are not read")
    moments = {one.moment for one in removed if not one.whole_day or first.whole_day}
    days = {one.shown.date() for one in removed if one.whole_day}
    seen: set[datetime] = set()
    for one in (first, *_recurring(event, first, start, end, work), *_dates(event, "RDATE", zone)):
        if one.moment in seen or one.moment in moments or one.shown.date() in days:
            continue
        seen.add(one.moment)
        if one.moment < end:
            yield one


def _recurring(
    event: Any, first: _Moment, start: datetime, end: datetime, work: _Work
) -> Iterator[_Moment]:
    # A wall clock is less than a day from UTC, and less than a day longer or shorter than usual.
    soonest = start.replace(tzinfo=None) - abs(_length(event, first)) - 3 * _DAY
    for rule in _listed(event.get("RRULE")):
        parts: dict[str, Any] = dict(rule)
        _refuse_endless(parts)
        until = parts.pop("UNTIL", None)
        last = None if until is None else _until(until[0], first)
        text = icalendar.vRecur(parts).to_ical().decode()
        occurrences = cast("Iterable[datetime]", rrulestr(text, dtstart=first.shown))
        for shown in occurrences:
            work.step(found=shown >= soonest)
            if shown < soonest:
                continue
            one = first.at(shown)
            if one.moment >= end or (last is not None and one.moment > last):
                break
            yield one


def _refuse_endless(parts: Mapping[str, Any]) -> None:
    """Refuse rules that may take hours to say that nothing matches: no shift needs them.

    Raises:
        ValueError: it counts minutes or seconds, or hours with conditions, or makes no steps
    """
    frequency = str(parts["FREQ"][0]).upper()
    by = sorted(name for name in parts if name.startswith("BY"))
    conditions = [name for name in by if name != "BYDAY"]
    rare = [name for name in by if name not in ("BYDAY", "BYMONTH", "BYHOUR", "BYMINUTE")]
    if int(parts.get("INTERVAL", [1])[0]) < 1:
        raise ValueError("INTERVAL must be 1 or more")
    if frequency in ("SECONDLY", "MINUTELY"):
        raise ValueError(f"FREQ={frequency} is shorter than any shift")
    if frequency == "HOURLY" and conditions:
        raise ValueError(f"FREQ=HOURLY with {', '.join(conditions)} is not read")
    if frequency in ("DAILY", "WEEKLY") and rare:
        raise ValueError(f"FREQ={frequency} with {', '.join(rare)} is not read")


def _until(given: date | datetime, first: _Moment) -> datetime:
    """Return the last moment at which an occurrence may begin; a date includes its whole day."""
    if not isinstance(given, datetime):
        return moment_of(datetime.combine(given, time()) + _DAY, first.zone) - timedelta.resolution
    if given.tzinfo is None:
        return moment_of(given, first.zone)
    return given.astimezone(UTC)


def _dates(event: Any, name: str, zone: ZoneInfo) -> Iterator[_Moment]:
    for listed in _listed(event.get(name)):
        for one in listed.dts:
            value: Any = one.dt
            is_period = isinstance(value, tuple)
            yield _Moment(cast("Any", value)[0] if is_period else value, zone)


def _within(
    event: Any, begins: _Moment, zone: ZoneInfo, start: datetime, end: datetime
) -> Iterator[CalendarShift]:
    """Yield the occurrence that begins then, where it has a length and a part within the range."""
    first = _Moment(event["DTSTART"].dt, zone)
    length = _length(event, first)
    ends = moment_of(begins.shown + length, begins.zone)
    if begins.moment < ends and begins.moment < end and ends > start:
        yield CalendarShift(
            begins.moment, ends, str(event.get("SUMMARY", "")), tuple(_attendees(event))
        )


def _length(event: Any, first: _Moment) -> timedelta:
    if (given := event.get("DTEND")) is not None:
        ends = _Moment(given.dt, first.default)
        if ends.zone is not first.zone:
            return ends.moment - first.moment
        return ends.shown - first.shown
    if (duration := event.get("DURATION")) is not None:
        return cast("timedelta", duration.dt)
    return _DAY if first.whole_day else timedelta(0)


def _attendees(event: Any) -> Iterator[str]:
    for one in _listed(event.get("ATTENDEE")):
        yield str(one).lower().removeprefix("mailto:")


def _listed(given: Any) -> list[Any]:
    """Return what a property holds, which icalendar lists only where it is there more than once."""
    if given is None:
        return []
    return cast("list[Any]", given) if isinstance(given, list) else [given]
