"""Turns follow the wall clock of the schedule's zone, whatever that clock does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sentinel.oncall.rotation import Rotation, turn_at, turns

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = (
    "UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata",
    "America/St_Johns", "Pacific/Apia", "Africa/Cairo",
)  # fmt: skip


def rotation(people: list[Any], handoff: str, every: str = "weekly") -> Rotation:
    return Rotation.model_validate({"people": people, "handoff": handoff, "every": every})


def at(text: str, zone: ZoneInfo = BERLIN) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


def who(given: Rotation, text: str, zone: ZoneInfo = BERLIN) -> tuple[str, ...]:
    turn = turn_at(given, zone, at(text, zone))
    return () if turn is None else turn.people


def test_people_take_turns_of_a_week_from_the_first_handoff_on():
    weekly = rotation(["ann", "ben"], "2026-01-05T09:00")
    assert who(weekly, "2026-01-05T08:59") == ()
    assert who(weekly, "2026-01-05T09:00") == ("ann",)
    assert who(weekly, "2026-01-12T08:59") == ("ann",)
    assert who(weekly, "2026-01-12T09:00") == ("ben",)
    assert who(weekly, "2026-01-19T09:00") == ("ann",)


def test_a_handoff_stays_at_its_hour_when_the_clock_changes():
    daily = rotation(["ann", "ben"], "2026-03-27T09:00", "daily")
    starts = [turn.start for turn in turns(daily, BERLIN, at("2026-03-27T09:00"), at("2026-03-31"))]
    assert [start.hour for start in starts] == [8, 8, 7, 7]  # in UTC, over 29 March
    lengths = [turn.end - turn.start for turn in turns(daily, BERLIN, starts[0], at("2026-03-31"))]
    assert lengths[1] == timedelta(hours=23)


def test_a_handoff_at_a_time_that_the_clock_skips_is_at_the_first_that_exists():
    daily = rotation(["ann", "ben"], "2026-03-28T02:30", "daily")
    second = turn_at(daily, BERLIN, at("2026-03-29T12:00"))
    assert second is not None
    assert second.start == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)  # 03:00 in Berlin
    assert second.people == ("ben",)


def test_a_handoff_at_a_time_that_is_there_twice_is_at_the_first_of_both():
    daily = rotation(["ann", "ben"], "2026-10-24T02:30", "daily")
    second = turn_at(daily, BERLIN, datetime(2026, 10, 25, 1, 15, tzinfo=UTC))  # 02:15 again
    assert second is not None
    assert second.start == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert second.people == ("ben",)


def test_a_monthly_handoff_on_the_31st_is_on_the_last_day_of_a_shorter_month():
    monthly = rotation(["ann", "ben", "cem"], "2026-01-31T10:00", "monthly")
    found = list(turns(monthly, BERLIN, at("2026-01-31T10:00"), at("2026-05-01")))
    local = [turn.start.astimezone(BERLIN).date().isoformat() for turn in found]
    assert local == ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"]
    assert [turn.people[0] for turn in found] == ["ann", "ben", "cem", "ann"]


def test_people_of_a_list_within_the_list_share_a_turn():
    pairs = rotation([["ann", "ben"], "cem"], "2026-01-05T09:00", "12 hours")
    assert who(pairs, "2026-01-05T10:00") == ("ann", "ben")
    assert who(pairs, "2026-01-05T21:00") == ("cem",)


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"every": "fortnightly"}, "write hourly, daily, weekly"),
    ({"every": "0 days"}, "write hourly, daily, weekly"),
    ({"handoff": "2026-01-05T09:00+01:00"}, "write the local time"),
    ({"handoff": "2026-01-05T09:00:30"}, "full minute"),
    ({"handoff": "9999-12-31T09:00"}, "between 1970 and 8999"),
    ({"people": []}, "people"),
    ({"people": [[]]}, "nobody is ever on call"),
    ({"people": ["ann", [" "]]}, "an entry is empty"),
]


@pytest.mark.parametrize(("fields", "said"), REFUSED)
def test_what_cannot_be_is_refused_with_what_to_write(fields: dict[str, Any], said: str):
    with pytest.raises(ValidationError) as refused:
        Rotation.model_validate({"people": ["ann"], "handoff": "2026-01-05T09:00"} | fields)
    assert said in str(refused.value)


@pytest.mark.parametrize("every", ["1 hour", "1000 hours"])
def test_a_length_is_written_as_it_is_read(every: str):
    assert str(rotation(["ann"], "2026-01-05T09:00", every).every) == every


def earliest(shown: datetime, zone: ZoneInfo) -> datetime:
    """Walk through the quarters of hours to the first at which the clock shows as much."""
    moment = shown.replace(tzinfo=UTC) - timedelta(hours=15)
    while moment.astimezone(zone).replace(tzinfo=None) < shown:
        moment += timedelta(minutes=15)
    return moment


@given(
    zone=st.sampled_from(ZONES).map(ZoneInfo),
    start=st.integers(0, 4 * 24 * 1200),
    number=st.integers(1, 13),
    unit=st.sampled_from(["hours", "days", "weeks"]),
    later=st.integers(0, 60 * 24 * 40),
    count=st.integers(1, 4),
)
def test_the_turn_of_a_moment_is_the_one_that_walking_from_handoff_to_handoff_finds(
    zone: ZoneInfo, start: int, number: int, unit: str, later: int, count: int
):
    shown = datetime(2010, 11, 1) + timedelta(minutes=15 * start)  # noqa: DTZ001 - a local time
    people = [f"p{place}" for place in range(count)]
    given_rotation = rotation(people, shown.isoformat(), f"{number} {unit}")
    length = timedelta(**{unit: number})
    moment = earliest(shown, zone) + timedelta(minutes=later)
    place, begins, ends = 0, earliest(shown, zone), earliest(shown + length, zone)
    while ends <= moment:
        place, begins = place + 1, ends
        ends = earliest(shown + (place + 1) * length, zone)
    found = turn_at(given_rotation, zone, moment)
    assert found is not None
    assert (found.start, found.end, found.number) == (begins, ends, place)
    assert found.people == (people[place % count],)
