"""A person is taken out of a calendar's copy, which says the same of everybody else."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sentinel.audit.erased_names import ErasedName
from sentinel.oncall.calendar_import import read_calendar
from sentinel.oncall.calendar_names import without_person

CALENDAR = """BEGIN:VCALENDAR
VERSION:2.0
X-WR-CALNAME:Shifts of Lena
BEGIN:VEVENT
UID:1
SUMMARY:On call: Le
 na / omar
DESCRIPTION:Ask lena@example.org\\, not lena-maria.
ORGANIZER;CN=Lena:mailto:l.s@example.org
ATTENDEE;CN=Omar:mailto:omar@example.org
ATTENDEE:mailto:LENA@example.org
DTSTART:20260105T090000Z
DTEND:20260105T170000Z
END:VEVENT
END:VCALENDAR
"""
START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)


def test_a_person_is_in_no_line_and_the_shifts_stay():
    erased = ErasedName("lena", "erased-1", any_case=True)
    text = without_person(CALENDAR, erased.in_text, ["lena@example.org"], "erased-1")
    assert text.lower().replace("lena-maria", "").count("lena") == 0
    assert "l.s@example.org" not in text
    assert "CN=Omar:mailto:omar@example.org" in text
    (before,) = read_calendar(CALENDAR, ZoneInfo("UTC"), START, END).shifts
    (after,) = read_calendar(text, ZoneInfo("UTC"), START, END).shifts
    assert (after.start, after.end) == (before.start, before.end)
    assert after.summary == "On call: erased-1 / omar"
    assert after.attendees == ("omar@example.org", "erased-1@example.invalid")


def test_a_file_without_the_person_and_what_is_no_text_stay():
    for name in ("bea", "vevent", "20260105T090000Z", "1"):
        erased = ErasedName(name, "erased-1", any_case=True)
        assert without_person(CALENDAR, erased.in_text, [""], "erased-1") == CALENDAR
