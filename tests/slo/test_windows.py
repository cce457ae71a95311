"""Rolling and calendar windows, over changes of clocks too."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from sentinel.slo.windows import ZONE, CalendarWindow, RollingWindow

MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2031, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis wants naive bounds
ZONES = st.sampled_from(
    ["UTC", "Europe/Berlin", "America/New_York", "America/Santiago", "Asia/Beirut",
     "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kathmandu"]
)  # fmt: skip
PERIODS = st.sampled_from(["week", "month", "quarter", "year"])


def test_a_rolling_window_ends_now():
    now = datetime(2026, 3, 30, 12, tzinfo=UTC)
    span = RollingWindow(kind="rolling", days=28).span(now)
    assert (span.start, span.end) == (now - timedelta(days=28), now)


def test_a_month_begins_at_midnight_of_its_zone():
    span = CalendarWindow(kind="calendar", period="month", timezone="Europe/Berlin").span(
        datetime(2026, 3, 31, 23, tzinfo=UTC)  # 1 April, 01:00 in Berlin
    )
    assert span.start == datetime(2026, 3, 31, 22, tzinfo=UTC)
    assert span.end == datetime(2026, 4, 30, 22, tzinfo=UTC)


@pytest.mark.parametrize(("month", "hours"), [(3, 31 * 24 - 1), (10, 31 * 24 + 1), (5, 31 * 24)])
def test_a_month_with_a_change_of_clocks_is_an_hour_shorter_or_longer(month: int, hours: int):
    window = CalendarWindow(kind="calendar", period="month", timezone="Europe/Berlin")
    assert window.length(datetime(2026, month, 15, tzinfo=UTC)) == timedelta(hours=hours)


def test_quarters_and_years_begin_where_the_calendar_says():
    now = datetime(2026, 11, 30, tzinfo=UTC)
    quarter = CalendarWindow(kind="calendar", period="quarter").span(now)
    year = CalendarWindow(kind="calendar", period="year").span(now)
    week = CalendarWindow(kind="calendar", period="week").span(now)
    assert quarter.start == datetime(2026, 10, 1, tzinfo=UTC)
    assert quarter.end == datetime(2027, 1, 1, tzinfo=UTC) == year.end
    assert year.start == datetime(2026, 1, 1, tzinfo=UTC)
    assert week.start == now  # a Monday


def test_a_zone_that_there_is_not_is_refused():
    with pytest.raises(ValidationError, match="is no time zone"):
        CalendarWindow(kind="calendar", timezone="Europe/Atlantis")


@settings(max_examples=60, deadline=None)
@given(MOMENTS, ZONES, PERIODS)
def test_periods_follow_each_other_without_gap_or_overlap(now: datetime, zone: str, period: str):
    window = CalendarWindow.model_validate({"kind": "calendar", "period": period, "timezone": zone})
    span = window.span(now)
    assert span.start <= now < span.end
    following, before = window.span(span.end), window.span(span.start - timedelta(microseconds=1))
    assert following.start == span.end
    assert before.end == span.start
    assert span.start.astimezone(ZoneInfo(zone)).day in range(1, 32)


def test_the_schema_takes_every_time_zone_that_there_is():
    form = str(ZONE["pattern"])
    assert [one for one in available_timezones() if not re.search(form, one)] == []
