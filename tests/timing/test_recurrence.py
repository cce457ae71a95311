"""Windows that come again, also where clocks change, against every instant by itself."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sentinel.errors import ConfigurationError
from sentinel.timing.local_time import moment_of
from sentinel.timing.recurrence import RecurringWindows, recurrence_of

ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC")
# Around the changes of the clock of 2026 in all of them.
CHANGES = ((3, 6), (3, 27), (4, 2), (10, 23), (10, 30))
FROM = st.sampled_from([datetime(2026, month, day, tzinfo=UTC) for month, day in CHANGES])
STEPS = st.lists(st.integers(0, 10 * 24 * 60), min_size=1, max_size=6)


def by_rrule(text: str, first: str, minutes: int, zone: str = "Europe/Berlin") -> RecurringWindows:
    given = {"rrule": text, "first": first, "minutes": minutes, "timezone": zone}
    return RecurringWindows(recurrence_of({"occurrences": given}))


@given(FROM, st.sampled_from(ZONES), st.integers(0, 23), st.integers(1, 1600), STEPS)
@example(datetime(2026, 3, 6, tzinfo=UTC), "Europe/Berlin", 2, 1441, [90, 1530])  # they overlap
def test_a_daily_window_is_open_at_just_the_instants_of_its_windows(
    begin: datetime, name: str, hour: int, minutes: int, steps: list[int]
):
    zone = ZoneInfo(name)
    windows = by_rrule("FREQ=DAILY", f"2026-01-01T{hour:02}:30", minutes, name)
    local = begin.astimezone(zone).replace(tzinfo=None, hour=hour, minute=30)
    starts = [moment_of(local + timedelta(days=day), zone) for day in range(-3, 14)]
    length = timedelta(minutes=minutes)
    for step in steps:  # in any order: what was looked up before must not matter
        now = begin + timedelta(minutes=step)
        open_ = [start + length for start in starts if start <= now < start + length]
        assert windows.end_of(now) == max(open_, default=None)


@given(FROM, st.sampled_from(ZONES), st.integers(0, 22), st.integers(1, 23), STEPS)
def test_a_weekly_window_goes_by_the_clock_on_the_wall(
    begin: datetime, name: str, start: int, hours: int, steps: list[int]
):
    zone, end = ZoneInfo(name), (start + hours) % 24
    weekly = {"days": "sun", "start": f"{start:02}:00", "end": f"{end:02}:00"}
    windows = RecurringWindows(
        recurrence_of({"weekly": {"windows": [weekly], "timezone": name}})
    )  # fmt: skip
    for step in steps:
        now = begin + timedelta(minutes=step)
        local = now.astimezone(zone)
        midnight = local.replace(tzinfo=None, hour=0, minute=0)
        sunday = midnight - timedelta(days=(local.weekday() + 1) % 7)
        opens = moment_of(sunday + timedelta(hours=start), zone)
        closes = moment_of(sunday + timedelta(hours=end + 24 * (end <= start)), zone)
        if opens < closes:
            assert windows.end_of(now) == (closes if opens <= now < closes else None)


def test_the_second_tuesday_of_each_month_for_two_hours():
    windows = by_rrule("RRULE:FREQ=MONTHLY;BYDAY=2TU", "2026-10-01T02:00", 120)
    # Summer time has ended in between.
    for start in (datetime(2026, 10, 13, 0, tzinfo=UTC), datetime(2026, 11, 10, 1, tzinfo=UTC)):
        end = start + timedelta(hours=2)
        assert windows.end_of(start - timedelta(seconds=1)) is None
        assert windows.end_of(start) == windows.end_of(end - timedelta(seconds=1)) == end
        assert windows.end_of(end) is None
    last = by_rrule("FREQ=DAILY;COUNT=2", "2026-10-01T02:00", 60)
    assert last.end_of(datetime(2026, 10, 2, 0, 30, tzinfo=UTC)) is not None
    assert last.end_of(datetime(2026, 10, 3, 0, 30, tzinfo=UTC)) is None


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "either weekly or occurrences"),
        ({"weekly": {"windows": [{"days": "someday"}]}}, "no weekday"),
        *(
            ({"occurrences": {"rrule": rule, "first": "2026-12-01T02:00", "minutes": 60}}, words)
            for rule, words in (
                ("FREQ=HOURLY", "no FREQ"), ("BYDAY=MO", "no FREQ"),
                ("FREQ=DAILY;BYMONTH=2", "BYMONTH"),
                ("FREQ=WEEKLY;INTERVAL=0", "INTERVAL"), ("FREQ=WEEKLY;BYDAY=XX", "cannot be read"),
                ("FREQ=DAILY;UNTIL=20270101T000000Z", "without Z"),
                ("FREQ=DAILY\nDTSTART:20260101T000000", "no FREQ"),
                ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "never occurs"),
            )
        ),
        ({"occurrences": {"rrule": "FREQ=DAILY", "first": "2026-12-01T02:00Z", "minutes": 60}},
         "without an offset"),
        ({"occurrences": {"rrule": "FREQ=DAILY", "first": "2026-12-01T02:00", "minutes": 60,
                          "timezone": "Mars"}}, "no time zone"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_window_is_refused_by_name(fields: object, words: str):
    with pytest.raises(ConfigurationError, match=re.escape(words)):
        recurrence_of(fields)


def test_the_next_windows_are_cut_to_the_range_and_looked_for_as_far_as_it_reaches():
    begin = datetime(2026, 3, 4, 1, 30, tzinfo=UTC)  # within the window of that Wednesday
    daily = by_rrule("FREQ=DAILY", "2026-01-01T02:00", 60)
    end = begin + timedelta(days=2, minutes=-15)
    assert daily.following(begin, end, 5) == [
        (begin, datetime(2026, 3, 4, 2, tzinfo=UTC)),
        (datetime(2026, 3, 5, 1, tzinfo=UTC), datetime(2026, 3, 5, 2, tzinfo=UTC)),
        (datetime(2026, 3, 6, 1, tzinfo=UTC), end),
    ]
    yearly = by_rrule("FREQ=YEARLY", "2026-01-01T02:00", 60)
    years = [one.year for one, _ in yearly.following(begin, begin + timedelta(days=1500), 5)]
    assert years == [2027, 2028, 2029, 2030]
    assert len(daily.following(begin, begin + timedelta(days=1500), 5)) == 5
    weekly = RecurringWindows(
        recurrence_of({"weekly": {"windows": [{"days": "sun", "start": "02:00", "end": "04:00"}]}})
    )
    assert [one.day for one, _ in weekly.following(begin, end + timedelta(days=30), 3)] == [
        8, 15, 22,
    ]  # fmt: skip
    assert daily.following(end, end, 5) == []
