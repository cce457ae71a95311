"""Shifts go out as iCalendar and come in from it; a change of one shift changes that shift only."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import chain, repeat
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.errors import ConfigurationError
from sentinel.oncall.calendar_feed import calendar_of
from sentinel.oncall.calendar_import import CalendarShift, people_of, read_calendar
from sentinel.oncall.schedule import Schedule
from sentinel.oncall.shifts import shifts
from sentinel.timing.local_time import moment_of

BERLIN = ZoneInfo("Europe/Berlin")
START, END = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 30, tzinfo=UTC)


def calendar(*lines: str, more: str = "") -> str:
    event = [
        "BEGIN:VEVENT",
        "UID:rota@example.org",
        "DTSTAMP:20260101T000000Z",
        *lines,
        "END:VEVENT",
    ]
    whole = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//rota//EN", *event]
    return "\r\n".join([*whole, *(more.split("\n") if more else []), "END:VCALENDAR", ""])


def starts(text: str, zone: ZoneInfo = BERLIN) -> list[str]:
    found = read_calendar(text, zone, START, END)
    assert not found.problems
    return [f"{one.start.astimezone(zone):%d.%m %H:%M}" for one in found.shifts]


def test_a_feed_read_again_says_the_same():
    rotation = {"people": ["ann", "ben"], "handoff": "2026-03-02T09:00"}
    schedule = Schedule.model_validate(
        {"timezone": "Europe/Berlin", "layers": [{"name": "weekly", "rotation": rotation}]}
    )
    held = shifts(schedule, [], START, END)
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    text = calendar_of("On call", [("primary", one) for one in held], now)
    found = read_calendar(text, BERLIN, START, END)
    assert [(one.start, one.end) for one in found.shifts] == [(one.start, one.end) for one in held]
    emails = {"ann": "", "ben": ""}
    assert [people_of(one, emails) for one in found.shifts] == [one.people for one in held]
    mine = calendar_of("Ann", [("primary", one) for one in held], now, person="ann")
    read: Any = icalendar.Calendar.from_ical(mine)
    events = read.walk("VEVENT")
    assert {str(one["SUMMARY"]) for one in events} == {"On call: primary"}
    assert len(events) == sum("ann" in one.people for one in held)
    later = calendar_of("On call", [("primary", one) for one in held], now + timedelta(days=1))
    assert [line for line in text.split(b"\r\n") if line.startswith(b"UID")] == [
        line for line in later.split(b"\r\n") if line.startswith(b"UID")
    ]


def test_shifts_of_a_day_meet_when_the_clock_changes():
    text = calendar(
        "DTSTART;TZID=Europe/Berlin:20260328T090000",
        "DTEND;TZID=Europe/Berlin:20260329T090000",
        "RRULE:FREQ=DAILY;COUNT=3",
    )
    found = read_calendar(text, BERLIN, START, END).shifts
    assert [(one.end - one.start) // timedelta(hours=1) for one in found] == [23, 24, 24]
    assert found[0].end == found[1].start


@pytest.mark.parametrize("until", ["20260305", "20260305T080000Z", "20260305T090000"])
def test_a_date_in_until_includes_that_day(until: str):
    text = calendar(
        "DTSTART;TZID=Europe/Berlin:20260302T090000",
        "DURATION:PT8H",
        f"RRULE:FREQ=DAILY;UNTIL={until}",
    )
    assert starts(text) == ["02.03 09:00", "03.03 09:00", "04.03 09:00", "05.03 09:00"]


def test_a_moved_and_a_cancelled_shift_change_alone():
    moved = "\n".join(
        [
            "BEGIN:VEVENT", "UID:rota@example.org", "DTSTAMP:20260101T000000Z",
            "RECURRENCE-ID;TZID=Europe/Berlin:20260303T090000",
            "DTSTART;TZID=Europe/Berlin:20260303T120000", "DURATION:PT1H", "SUMMARY:ben",
            "END:VEVENT",
            "BEGIN:VEVENT", "UID:rota@example.org", "DTSTAMP:20260101T000000Z",
            "RECURRENCE-ID:20260304T080000Z", "STATUS:CANCELLED",
            "DTSTART;TZID=Europe/Berlin:20260304T090000", "DURATION:PT8H", "END:VEVENT",
        ]
    )  # fmt: skip
    text = calendar(
        "DTSTART;TZID=Europe/Berlin:20260302T090000", "DURATION:PT8H", "SUMMARY:ann",
        "RRULE:FREQ=DAILY;COUNT=4", more=moved,
    )  # fmt: skip
    found = read_calendar(text, BERLIN, START, END).shifts
    assert [(one.summary, one.start.astimezone(BERLIN).strftime("%d %H")) for one in found] == [
        ("ann", "02 09"), ("ben", "03 12"), ("ann", "05 09")
    ]  # fmt: skip


def test_of_two_versions_of_a_series_the_higher_sequence_counts():
    newer = "\n".join(
        ["BEGIN:VEVENT", "UID:rota@example.org", "DTSTAMP:20260101T000000Z", "SEQUENCE:1",
         "DTSTART:20260302T060000Z", "DURATION:PT1H", "END:VEVENT"]
    )  # fmt: skip
    older = ("DTSTART:20260302T050000Z", "DURATION:PT1H")
    assert starts(calendar(*older, more=newer)) == ["02.03 07:00"]
    assert starts(calendar("SEQUENCE:2", *older, more=newer)) == ["02.03 06:00"]


def test_a_cancelled_series_is_gone_with_what_was_moved_and_a_date_names_its_day():
    moved = "\n".join(
        ["BEGIN:VEVENT", "UID:rota@example.org", "DTSTAMP:20260101T000000Z",
         "RECURRENCE-ID;VALUE=DATE:20260303", "DTSTART:20260303T120000Z", "DURATION:PT1H",
         "END:VEVENT"]
    )  # fmt: skip
    series = (
        "DTSTART;TZID=Europe/Berlin:20260302T090000", "DURATION:PT8H", "RRULE:FREQ=DAILY;COUNT=3"
    )  # fmt: skip
    assert starts(calendar(*series, more=moved)) == ["02.03 09:00", "03.03 13:00", "04.03 09:00"]
    assert starts(calendar("STATUS:CANCELLED", *series, more=moved)) == []


def test_whole_days_and_added_dates_are_shifts_too():
    whole = calendar("DTSTART;VALUE=DATE:20260302", "RRULE:FREQ=WEEKLY;COUNT=2", "SUMMARY:ann")
    found = read_calendar(whole, BERLIN, START, END).shifts
    assert [(one.end - one.start) // timedelta(hours=1) for one in found] == [24, 24]
    assert starts(whole) == ["02.03 00:00", "09.03 00:00"]
    added = calendar(
        "DTSTART;TZID=Europe/Berlin:20260302T090000", "DURATION:PT8H",
        "RDATE;TZID=Europe/Berlin:20260320T090000,20260329T090000",
    )  # fmt: skip
    assert starts(added) == ["02.03 09:00", "20.03 09:00", "29.03 09:00"]


@given(
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"]),
    hours=st.sampled_from([1, 2, 4, 5, 8, 12, 24]),
    removed=st.integers(0, 59),
)
def test_a_removed_shift_takes_no_neighbour_with_it(zone: str, hours: int, removed: int):
    first = datetime(2026, 3, 20, 6)  # noqa: DTZ001 - a local time
    late = START + timedelta(days=200)
    gone = first + removed * timedelta(hours=hours)
    lines = [
        f"DTSTART;TZID={zone}:{first:%Y%m%dT%H%M%S}", f"DURATION:PT{hours}H",
        f"RRULE:FREQ=HOURLY;INTERVAL={hours};COUNT=60",
    ]  # fmt: skip
    whole = set(read_calendar(calendar(*lines), BERLIN, START, late).shifts)
    exdate = f"EXDATE;TZID={zone}:{gone:%Y%m%dT%H%M%S}"
    left = set(read_calendar(calendar(*lines, exdate), BERLIN, START, late).shifts)
    assert left <= whole
    assert {one.start for one in whole - left} == {moment_of(gone, ZoneInfo(zone))}


def test_people_are_known_by_their_address_or_by_the_title():
    shift = CalendarShift(START, END, "Primary: Ben (backup Cem)", ("ann@example.org",))
    emails = {"ann": "Ann@example.org", "ben": "", "cem": ""}
    assert people_of(shift, emails) == ("ann",)
    assert people_of(CalendarShift(START, END, shift.summary), emails) == ("ben", "cem")


def test_what_cannot_be_read_is_named_and_the_rest_is_read():
    with pytest.raises(ConfigurationError, match="no iCalendar file"):
        read_calendar("hello", BERLIN, START, END)
    other = "\n".join(
        ["BEGIN:VEVENT", "UID:other", "DTSTAMP:20260101T000000Z", "DTSTART:20260302T090000Z",
         "DURATION:PT1H", "RRULE:FREQ=MINUTELY;COUNT=2", "END:VEVENT"]
    )  # fmt: skip
    text = calendar("DTSTART:20260302T090000Z", "DURATION:PT1H", more=other)
    found = read_calendar(text, BERLIN, START, END)
    assert len(found.shifts) == 1
    assert found.problems == (
        "event other cannot be read: FREQ=MINUTELY is shorter than any shift",
    )


def many(*events: str) -> str:
    """A calendar of events, each of its own UID."""
    told = "".join(
        f"BEGIN:VEVENT\nUID:{place}\nDURATION:PT1H\n{one}\nEND:VEVENT\n"
        for place, one in enumerate(events)
    )
    return f"BEGIN:VCALENDAR\nVERSION:2.0\n{told}END:VCALENDAR"


def test_a_file_is_bounded_as_a_whole_however_many_events_share_it():
    hourly = "DTSTART:20250101T000000Z\nRRULE:FREQ=HOURLY"
    year = START + timedelta(days=365)
    assert len(read_calendar(many(hourly, hourly), BERLIN, START, year).shifts) == 2 * 365 * 24
    with pytest.raises(ConfigurationError, match="more than 20,000 shifts"):
        read_calendar(many(hourly, hourly, hourly), BERLIN, START, year)
    with pytest.raises(ConfigurationError, match="more than 5,000 events"):
        read_calendar(many(*["DTSTART:20260302T090000Z"] * 5001), BERLIN, START, END)
    old = "DTSTART:20000101T000000Z\nRRULE:FREQ=HOURLY;UNTIL=20250101T000000Z"
    assert read_calendar(many(old.replace("HOURLY", "DAILY")), BERLIN, START, END).problems == ()
    with pytest.raises(ConfigurationError, match="more than 200,000 occurrences"):
        read_calendar(many(old), BERLIN, START, END)
    ticks = iter(range(0, 100, 2))
    with pytest.raises(ConfigurationError, match="longer than 5 seconds"):
        read_calendar(many(*["DTSTART:20260302T090000Z"] * 5), BERLIN, START, END,
                      lambda: next(ticks))  # fmt: skip
    # One event alone, while its occurrences are counted.
    takes_long = chain([0.0, 0.0], repeat(10.0))
    with pytest.raises(ConfigurationError, match="longer than 5 seconds"):
        read_calendar(many(hourly), BERLIN, START, year, lambda: next(takes_long))


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "FREQ=DAILY with BYMONTHDAY is not read"),
        ("FREQ=HOURLY;BYHOUR=3", "FREQ=HOURLY with BYHOUR is not read"),
        ("FREQ=DAILY;INTERVAL=0;COUNT=2", "INTERVAL must be 1 or more"),
    ],
)
def test_a_rule_that_may_be_looked_for_without_end_is_named_and_not_read(rule: str, said: str):
    both = many(f"DTSTART:20260302T090000Z\nRRULE:{rule}", "DTSTART:20260303T090000Z")
    found = read_calendar(both, BERLIN, START, END)
    assert found.problems == (f"event 0 cannot be read: {said}",)
    assert len(found.shifts) == 1
