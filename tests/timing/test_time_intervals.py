"""Time intervals with Alertmanager's meaning, and when they next begin or end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sentinel.timing.time_intervals import TimeInterval, any_holds, changes_after


def interval(**fields: Any) -> TimeInterval:
    return TimeInterval.model_validate(fields)


def at(text: str, zone: str = "UTC") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


OFFICE = interval(
    times=[{"start_time": "09:00", "end_time": "17:00"}], weekdays=["monday:friday"],
    location="Europe/Berlin",
)  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "moment", "holds"),
    [
        ({"times": [{"start_time": "09:00", "end_time": "17:00"}]}, "2026-03-02T09:00", True),
        ({"times": [{"start_time": "09:00", "end_time": "17:00"}]}, "2026-03-02T17:00", False),
        ({"times": [{"start_time": "22:00", "end_time": "24:00"}]}, "2026-03-02T23:59", True),
        ({"weekdays": ["saturday", "sunday"]}, "2026-03-01T12:00", True),
        ({"weekdays": ["monday:wednesday"]}, "2026-03-05T12:00", False),
        ({"days_of_month": ["-1"]}, "2026-02-28T12:00", True),
        ({"days_of_month": ["-3:-1"]}, "2026-02-25T12:00", False),
        ({"days_of_month": ["29:31"]}, "2026-02-28T12:00", False),
        ({"days_of_month": ["28:31"]}, "2026-02-28T12:00", True),
        ({"days_of_month": ["1:5"], "months": ["december"]}, "2026-12-05T12:00", True),
        ({"months": ["november:december"]}, "2026-10-31T23:59", False),
        ({"months": ["1:3"], "years": ["2026:2027"]}, "2028-01-01T00:00", False),
        ({}, "2026-01-01T00:00", True),
    ],
)
def test_every_field_that_is_given_must_hold(fields: dict[str, Any], moment: str, holds: bool):
    assert interval(**fields).holds(at(moment)) is holds


def test_a_location_is_a_time_zone():
    assert OFFICE.holds(at("2026-07-01T07:00"))  # 09:00 in Berlin
    assert not OFFICE.holds(at("2026-01-01T07:00"))


@pytest.mark.parametrize(
    "fields",
    [
        {"times": [{"start_time": "22:00", "end_time": "06:00"}]},
        {"times": [{"start_time": "25:00", "end_time": "26:00"}]},
        {"weekdays": ["friday:monday"]},
        {"weekdays": ["someday"]},
        {"days_of_month": ["0"]},
        {"days_of_month": ["32"]},
        {"months": ["13"]},
        {"location": "Mars/Base"},
        {"time": []},
    ],
)
def test_what_cannot_be_is_refused(fields: dict[str, Any]):
    with pytest.raises(ValidationError):
        interval(**fields)


def test_what_is_stored_is_read_again():
    one = interval(weekdays=["monday:friday"], months=["december"], days_of_month=["-3:-1"])
    assert TimeInterval.model_validate(one.model_dump(mode="json", exclude_none=True)) == one


@pytest.mark.parametrize(
    ("moment", "changes"),
    [
        ("2026-03-02T12:00", "2026-03-02T17:00"),
        ("2026-03-06T17:00", "2026-03-09T09:00"),
        ("2026-03-27T18:00", "2026-03-30T09:00"),  # clocks go forward between them
    ],
)
def test_the_next_change_is_told_to_the_minute(moment: str, changes: str):
    found = changes_after([OFFICE], at(moment, "Europe/Berlin"))
    assert found == at(changes, "Europe/Berlin")


def test_an_hour_that_is_there_twice_counts_twice():
    night = interval(times=[{"start_time": "02:00", "end_time": "03:00"}], location="Europe/Berlin")
    begin = datetime(2026, 10, 25, 0, 0, tzinfo=UTC)  # 02:00 in summer time
    assert changes_after([night], begin - timedelta(minutes=1)) == begin
    assert changes_after([night], begin) == begin + timedelta(hours=2)
    spring = datetime(2026, 3, 28, 23, 0, tzinfo=UTC)
    assert changes_after([night], spring) == datetime(2026, 3, 30, 0, 0, tzinfo=UTC)


def test_what_never_changes_has_no_next_change():
    assert changes_after([interval()], at("2026-01-01T00:00")) is None
    assert changes_after([interval(years=["2020"])], at("2026-01-01T00:00")) is None


CLOCK = st.integers(0, 24 * 4 - 1)


@given(
    st.integers(0, 330 * 24 * 60),
    CLOCK,
    CLOCK,
    st.sampled_from(["UTC", "Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns"]),
    st.sampled_from([None, ["monday:friday"], ["sunday"]]),
)
def test_nothing_changes_before_the_next_change(
    minute: int, first: int, last: int, zone: str, weekdays: list[str] | None
):
    fields: dict[str, Any] = {"location": zone, "weekdays": weekdays}
    if first < last:
        times = {"start_time": first * 15, "end_time": last * 15}
        fields["times"] = [times]
    one = [TimeInterval.model_validate(fields)]
    now = at("2026-01-01T00:00") + timedelta(minutes=minute)
    state = any_holds(one, now)
    found = changes_after(one, now)
    step, end = now, now + timedelta(days=8)
    while step < min(found or end, end):
        assert any_holds(one, step) is state
        step += timedelta(minutes=15) - timedelta(minutes=step.minute % 15)
    if found is not None:
        assert any_holds(one, found) is not state
