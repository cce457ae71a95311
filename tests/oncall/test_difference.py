"""When other people are on call, from the shifts before and after a change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sentinel.oncall.difference import changed
from sentinel.oncall.shifts import Shift

BEGIN = datetime(2026, 3, 2, tzinfo=UTC)


def at(hours: float) -> datetime:
    return BEGIN + timedelta(hours=hours)


def shift(start: float, end: float, *people: str) -> Shift:
    return Shift(at(start), at(end), people, "layer weekly")


def told(before: list[Shift], after: list[Shift]) -> list[tuple[float, float, str, str]]:
    return [
        ((one.start - BEGIN) / timedelta(hours=1), (one.end - BEGIN) / timedelta(hours=1),
         "+".join(one.before), "+".join(one.after))
        for one in changed(before, after)
    ]  # fmt: skip


def test_only_the_times_with_other_people_are_told_and_neighbours_are_one():
    before = [shift(0, 8, "ann"), shift(8, 16, "ben"), shift(16, 24, "ann")]
    after = [shift(0, 4, "ann"), shift(4, 6, "cem"), shift(6, 8, "cem"), shift(8, 24, "ben")]
    assert told(before, after) == [(4, 8, "ann", "cem"), (16, 24, "ann", "ben")]
    assert told(before, before) == []
    further = [shift(0, 4, "cem"), shift(4, 8, "dora"), *before[1:]]
    assert told(before, further) == [(0, 4, "ann", "cem"), (4, 8, "ann", "dora")]


def test_gaps_are_nobody_on_either_side():
    before = [shift(0, 8, "ann"), shift(12, 16, "ben")]
    after = [shift(0, 16, "ann")]
    assert told(before, after) == [(8, 12, "", "ann"), (12, 16, "ben", "ann")]
    assert told(after, []) == [(0, 16, "ann", "")]
    assert told([], []) == []


def test_a_turn_of_the_same_person_is_no_change():
    assert told([shift(0, 4, "ann"), shift(4, 8, "ann")], [shift(0, 8, "ann")]) == []
