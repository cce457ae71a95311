"""Layers, temporary schedules, overrides and swaps make one answer to who is on call."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sentinel.oncall.coverage import coverage_of, gaps, loads, overloaded
from sentinel.oncall.rotation import turn_times
from sentinel.oncall.schedule import Override, Schedule
from sentinel.oncall.shifts import next_change, on_call, shifts

ZONE, DAY = ZoneInfo("Europe/Berlin"), timedelta(days=1)


def schedule(**fields: Any) -> Schedule:
    return Schedule.model_validate({"timezone": "Europe/Berlin"} | fields)


def layer(people: list[Any], handoff: str, every: str = "weekly", **fields: Any) -> dict[str, Any]:
    return {"rotation": {"people": people, "handoff": handoff, "every": every}} | fields


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE).astimezone(UTC)


WEEKLY = layer(["ann", "ben"], "2026-01-05T09:00", name="weekly")
DAYTIME = layer(
    ["cem"], "2026-01-05T09:00", name="daytime",
    within=[{"days": "mon-fri", "start": "09:00", "end": "17:00"}],
)  # fmt: skip


def test_the_last_layer_with_somebody_on_call_decides():
    both = schedule(layers=[WEEKLY, DAYTIME])
    assert on_call(both, [], at("2026-01-06T12:00")) == ("cem",)
    assert on_call(both, [], at("2026-01-06T18:00")) == ("ann",)
    assert on_call(both, [], at("2026-01-10T12:00")) == ("ann",)  # a Saturday
    assert on_call(both, [], at("2026-01-13T18:00")) == ("ben",)


def test_all_layers_decide_where_the_schedule_says_so():
    both = schedule(layers=[WEEKLY, DAYTIME], combine="all")
    assert on_call(both, [], at("2026-01-06T12:00")) == ("ann", "cem")


def test_a_layer_counts_from_its_start_up_to_its_end():
    limited = schedule(layers=[WEEKLY | {"start": "2026-01-07T00:00", "until": "2026-01-08T00:00"}])
    assert on_call(limited, [], at("2026-01-06T23:59")) == ()
    assert on_call(limited, [], at("2026-01-07T00:00")) == ("ann",)
    assert on_call(limited, [], at("2026-01-08T00:00")) == ()


def test_an_empty_turn_is_nobodys_and_leaves_it_to_the_layer_below():
    alternating = layer(["ann", [], "ben"], "2026-01-05T09:00", "daily", name="alternating")
    alone = schedule(layers=[alternating])
    assert on_call(alone, [], at("2026-01-06T12:00")) == ()
    assert next_change(alone, [], at("2026-01-05T12:00")) == at("2026-01-06T09:00")
    start, end = at("2026-01-05T09:00"), at("2026-01-08T09:00")
    (gap,) = gaps(alone, shifts(alone, [], start, end), start, end)
    assert (gap.start, gap.end) == (at("2026-01-06T09:00"), at("2026-01-07T09:00"))
    below = schedule(layers=[DAYTIME, alternating])
    assert on_call(below, [], at("2026-01-06T12:00")) == ("cem",)
    assert [one.people for one in shifts(below, [], start, end)] == [("ann",), ("cem",), ("ben",)]


def test_a_temporary_schedule_stands_in_for_all_layers():
    shift = {"people": ["dan"], "start": "2026-01-07T00:00", "end": "2026-01-08T00:00"}
    holiday = {"start": "2026-01-07T00:00", "end": "2026-01-09T00:00", "shifts": [shift]}
    given_schedule = schedule(layers=[WEEKLY], temporary=[holiday])
    assert on_call(given_schedule, [], at("2026-01-07T12:00")) == ("dan",)
    assert on_call(given_schedule, [], at("2026-01-08T12:00")) == ()  # its own gap
    assert on_call(given_schedule, [], at("2026-01-09T00:00")) == ("ann",)


def test_an_override_changes_its_time_and_nothing_else():
    weekly = schedule(layers=[WEEKLY])
    week = Override(start=at("2026-01-12T09:00"), end=at("2026-01-19T09:00"), people=("eve",))
    found = shifts(weekly, [week], at("2026-01-05T09:00"), at("2026-02-02T09:00"))
    assert [one.people for one in found] == [("ann",), ("eve",), ("ann",), ("ben",)]
    assert [one.source for one in found][:2] == ["layer weekly", "override"]


def test_the_override_of_one_person_leaves_those_beside_them():
    pair = schedule(layers=[layer([["ann", "ben"]], "2026-01-05T09:00")])
    day = Override(
        start=at("2026-01-06T00:00"), end=at("2026-01-07T00:00"), people=("eve",), replaces="ann"
    )
    assert on_call(pair, [day], at("2026-01-06T12:00")) == ("eve", "ben")
    absent = Override(start=day.start, end=day.end, people=("eve",), replaces="zoe")
    assert on_call(pair, [absent], at("2026-01-06T12:00")) == ("ann", "ben")


def test_of_two_overrides_the_later_made_decides_and_one_may_leave_nobody():
    weekly = schedule(layers=[WEEKLY])
    day = (at("2026-01-06T00:00"), at("2026-01-07T00:00"))
    first = Override(start=day[0], end=day[1], people=("eve",))
    second = Override(start=day[0], end=day[1], people=("fay",))
    nobody = Override(start=day[0], end=day[1])
    assert on_call(weekly, [first, second], at("2026-01-06T12:00")) == ("fay",)
    assert on_call(weekly, [first, nobody], at("2026-01-06T12:00")) == ()


def test_the_next_change_is_when_other_people_are_on_call():
    weekly = schedule(layers=[WEEKLY])
    assert next_change(weekly, [], at("2026-01-01T00:00")) == at("2026-01-05T09:00")
    assert next_change(weekly, [], at("2026-01-05T09:00")) == at("2026-01-12T09:00")
    alone = schedule(layers=[layer(["ann"], "2026-01-05T09:00")])
    assert next_change(alone, [], at("2026-01-06T09:00")) is None
    ends = schedule(layers=[layer(["ann"], "2026-01-05T09:00", until="2026-01-30T00:00")])
    assert next_change(ends, [], at("2026-01-06T09:00")) == at("2026-01-30T00:00")


@pytest.mark.parametrize("combine", ["topmost", "all"])
def test_whom_nobody_relieves_is_not_followed_turn_by_turn(
    combine: str, monkeypatch: pytest.MonkeyPatch
):
    walked: list[int] = []

    def counted(*given: Any) -> Iterator[tuple[datetime, datetime, int]]:
        for one in turn_times(*given):
            walked.append(one[2])
            yield one

    monkeypatch.setattr("sentinel.oncall.shifts.turn_times", counted)
    hourly = layer(["ann"], "2026-01-05T09:00", "hourly")
    alone = schedule(layers=[hourly, layer(["ann", "ann"], "2026-01-05T09:00")], combine=combine)
    assert next_change(alone, [], at("2026-01-06T09:00")) is None
    assert next_change(alone, [], at("2026-01-02T09:00")) == at("2026-01-05T09:00")
    assert walked == []
    two = schedule(layers=[hourly, DAYTIME], combine=combine)
    assert next_change(two, [], at("2026-01-06T18:00")) == at("2026-01-07T09:00")
    assert walked == []
    # The turns themselves are as they were.
    assert len(shifts(alone, [], at("2026-01-06T09:00"), at("2026-01-07T09:00"))) > 0
    assert walked


def test_a_turn_is_a_shift_of_its_own_also_where_the_same_person_has_the_next():
    alone = schedule(layers=[layer(["ann"], "2026-01-05T09:00", name="weekly")])
    found = shifts(alone, [], at("2026-01-05T09:00"), at("2026-01-26T09:00"))
    assert [one.start for one in found] == [at(f"2026-01-{day}T09:00") for day in ("05", 12, 19)]


def test_gaps_are_what_the_coverage_asks_for_and_nobody_takes():
    office = [{"days": "mon-fri", "start": "08:00", "end": "18:00"}]
    day = schedule(layers=[DAYTIME], coverage=office)
    start, end = at("2026-01-10T00:00"), at("2026-01-13T00:00")  # Saturday to Monday
    found = gaps(day, shifts(day, [], start, end), start, end)
    assert [(one.start, one.end) for one in found] == [
        (at("2026-01-12T08:00"), at("2026-01-12T09:00")),
        (at("2026-01-12T17:00"), at("2026-01-12T18:00")),
    ]
    always = schedule(layers=[WEEKLY])
    assert gaps(always, shifts(always, [], start, end), start, end) == []


@pytest.mark.parametrize(
    ("every", "names"),
    [("weekly", 3), ("2 weeks", 4), ("daily", 3), ("12 hours", 5), ("monthly", 3), ("3 days", 4)],
)
def test_a_rotation_of_equal_turns_is_fair_however_few_days_are_looked_at(every: str, names: int):
    people = ["ann", "ben", "cem", "dan", "eve"][:names]
    even = schedule(layers=[layer(people, "2026-01-05T09:00", every)])
    for days in (7, 14, 30):
        for begins in ("2026-01-05T09:00", "2026-02-11T15:00"):
            start = at(begins)
            found = coverage_of("even", even, [], start, start + days * DAY)
            assert found.overloaded == [], (days, begins)
    # Whoever has two of the turns is named all the same.
    uneven = schedule(layers=[layer([*people, "ann"], "2026-01-05T09:00", every)])
    start = at("2026-01-05T09:00")
    assert "ann" in coverage_of("uneven", uneven, [], start, start + 14 * DAY).overloaded


def test_loads_count_hours_nights_and_weekends_and_name_who_has_too_many():
    uneven = schedule(layers=[layer(["ann", "ann", "ben"], "2026-01-05T00:00")])
    found = loads(uneven, shifts(uneven, [], at("2026-01-05T00:00"), at("2026-01-26T00:00")))
    assert [(one.person, one.hours, one.shifts) for one in found] == [
        ("ann", 336.0, 2), ("ben", 168.0, 1)
    ]  # fmt: skip
    assert [one.weekend_hours for one in found] == [96.0, 48.0]
    assert [one.night_hours for one in found] == [14 * 9.0, 7 * 9.0]
    assert [one.person for one in overloaded(found)] == ["ann"]
    even = schedule(layers=[WEEKLY])
    held = shifts(even, [], at("2026-01-05T09:00"), at("2026-02-02T09:00"))
    assert overloaded(loads(even, held)) == []


def test_a_shift_outside_its_temporary_schedule_is_refused():
    shift = {"people": ["dan"], "start": "2026-01-06T00:00", "end": "2026-01-08T00:00"}
    holiday = {"start": "2026-01-07T00:00", "end": "2026-01-09T00:00", "shifts": [shift]}
    with pytest.raises(ValidationError, match="lies outside"):
        schedule(temporary=[holiday])


HOURS = st.integers(0, 24 * 300)
PEOPLE = st.lists(st.sampled_from(["ann", "ben", "cem", "dan", []]), min_size=1, max_size=3).filter(
    any
)


def _local(hours: int) -> str:
    return (datetime(2026, 1, 1) + timedelta(hours=hours)).isoformat()  # noqa: DTZ001 - local


@st.composite
def layers(draw: st.DrawFn) -> dict[str, Any]:
    every = draw(st.sampled_from(["hourly", "12 hours", "daily", "weekly", "monthly"]))
    found = layer(draw(PEOPLE), _local(draw(HOURS)), every)
    if draw(st.booleans()):
        days = draw(st.sampled_from(["mon-fri", "sat, sun", "wed"]))
        end = draw(st.sampled_from(["17:00", "02:30"]))
        found["within"] = [{"days": days, "start": "08:00", "end": end}]
    if draw(st.booleans()):
        begins = draw(HOURS)
        found |= {"start": _local(begins), "until": _local(begins + draw(st.integers(1, 900)))}
    return found


@st.composite
def overrides(draw: st.DrawFn) -> Override:
    begins = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=draw(HOURS))
    return Override(
        start=begins,
        end=begins + timedelta(hours=draw(st.integers(1, 200))),
        people=tuple(draw(st.lists(st.sampled_from(["eve", "fay"]), max_size=1))),
        replaces=draw(st.sampled_from(["", "", "ann", "ben"])),
    )


@given(
    given_layers=st.lists(layers(), max_size=3),
    made=st.lists(overrides(), max_size=3),
    combine=st.sampled_from(["topmost", "all"]),
    begins=HOURS,
    minutes=st.lists(st.integers(0, 20 * 24 * 60), min_size=1, max_size=30),
)
def test_the_shifts_of_a_range_and_the_question_at_a_moment_agree(
    given_layers: list[dict[str, Any]],
    made: list[Override],
    combine: str,
    begins: int,
    minutes: list[int],
):
    given_schedule = schedule(layers=given_layers, combine=combine)
    start = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=begins)
    end = start + timedelta(days=20)
    held = shifts(given_schedule, made, start, end)
    assert all(one.people and one.start < one.end for one in held)
    assert all(first.end <= second.start for first, second in pairwise(held))
    # The people at the start leave where a shift is not followed by one of the same people.
    now, until = on_call(given_schedule, made, start), start
    for one in held:
        if one.people != now or one.start > until:
            break
        until = one.end
    begun = next((one.start for one in held), end)
    naive = until if now else begun
    found = next_change(given_schedule, made, start)
    if naive < end:
        assert found == naive
    else:
        assert found is None or found >= end
    for minute in minutes:
        moment = start + timedelta(minutes=minute)
        if moment < end:
            inside = [one.people for one in held if one.start <= moment < one.end]
            assert on_call(given_schedule, made, moment) == (inside[0] if inside else ())


@given(st.integers(0, 40), st.integers(1, 20), st.integers(0, 9), st.integers(0, 9))
def test_the_gaps_of_a_range_are_those_that_the_shifts_of_a_longer_one_leave(
    begins: int, lasts: int, before: int, after: int
):
    daily = layer(["ann", [], "ben"], "2026-01-05T09:00", "daily")
    some = schedule(
        layers=[daily], coverage=[{"days": "mon-fri", "start": "08:00", "end": "18:00"}]
    )
    start = at("2026-01-05T09:00") + timedelta(hours=7 * begins)
    end = start + timedelta(hours=13 * lasts)
    longer = shifts(some, [], start - before * DAY, end + after * DAY)
    assert gaps(some, longer, start, end) == gaps(some, shifts(some, [], start, end), start, end)
