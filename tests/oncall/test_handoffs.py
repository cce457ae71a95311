"""Whoever comes and goes is notified once of each handoff, whenever somebody looks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sentinel.oncall.document import OnCallDocument
from sentinel.oncall.handoffs import (
    Handoff,
    HandoffKind,
    Notified,
    NotifiedAhead,
    Wanted,
    decide_handoffs,
    on_call_changes,
    wanted_by,
)
from sentinel.oncall.schedule import Override, Schedule
from sentinel.oncall.shifts import on_call
from sentinel.timing.active_hours import ActiveHours

HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)
MONDAY = datetime(2026, 1, 5, 9, tzinfo=UTC)
WEEKLY = Schedule.model_validate(
    {"layers": [{"rotation": {"people": ["ann", "ben"], "handoff": "2026-01-05T09:00"}}]}
)
SPRING = datetime(2026, 3, 25, 9, tzinfo=UTC)
NAMES = ("ann", "ben", "cem")


class Watch:
    """Somebody who looks now and then, and remembers who was notified."""

    def __init__(self, schedule: Schedule, wanted: Callable[[str], Wanted | None]) -> None:
        self.schedule, self.wanted = schedule, wanted
        self.overrides: list[Override] = []
        self.notified: Notified | None = None
        self.ahead: set[NotifiedAhead] = set()
        self.believed: set[str] = set()
        self.said: list[Handoff] = []

    def looks(self, now: datetime) -> list[Handoff]:
        found = decide_handoffs(
            self.schedule, self.overrides, self.wanted, self.notified, self.ahead, now
        )
        if self.notified is None:
            self.believed = set(found.notified.people)
        self.notified = found.notified
        self.ahead = (self.ahead - set(found.drop)) | set(found.add)
        for one in found.handoffs:
            if one.kind is HandoffKind.BEGINS:
                self.believed.add(one.person)
            elif one.kind is HandoffKind.ENDS:
                self.believed.discard(one.person)
        self.said += found.handoffs
        return found.handoffs

    def says(self, now: datetime) -> list[tuple[str, str]]:
        return sorted((one.person, one.kind.value) for one in self.looks(now))


def wanting(*ahead: timedelta, quiet: ActiveHours | None = None) -> Callable[[str], Wanted]:
    return lambda _: Wanted(tuple(sorted(ahead)), quiet)


def override(start: datetime, length: timedelta, *people: str) -> Override:
    return Override(start=start, end=start + length, people=people)


def test_whoever_comes_and_whoever_goes_is_told_at_the_handoff():
    watch = Watch(WEEKLY, wanting())
    assert watch.says(MONDAY + HOUR) == []  # nobody is notified of what was before the first look
    assert watch.says(MONDAY + WEEK - HOUR) == []
    assert watch.says(MONDAY + WEEK) == [("ann", "ends"), ("ben", "begins")]
    begins = next(one for one in watch.said if one.person == "ben")
    assert (begins.at, begins.until, begins.people) == (MONDAY + WEEK, MONDAY + 2 * WEEK, ("ben",))
    assert watch.says(MONDAY + WEEK + HOUR) == []


def test_a_shift_that_nobody_looked_at_is_told_once_it_is_over():
    watch = Watch(WEEKLY, wanting(DAY))
    watch.looks(MONDAY + HOUR)
    assert watch.says(MONDAY + 2 * WEEK + HOUR) == [
        ("ann", "begins"),
        ("ann", "ends"),
        ("ben", "ends"),
    ]
    (ben,) = [one for one in watch.said if one.person == "ben"]
    assert (ben.since, ben.at) == (MONDAY + WEEK, MONDAY + 2 * WEEK)


def test_a_handoff_is_announced_for_each_length_that_is_wanted_and_the_shortest_that_is_due():
    watch = Watch(WEEKLY, wanting(DAY, HOUR))
    watch.looks(MONDAY + HOUR)
    handoff = MONDAY + WEEK
    assert watch.says(handoff - DAY - HOUR) == []
    assert watch.says(handoff - DAY) == [("ann", "will_end"), ("ben", "will_begin")]
    assert watch.says(handoff - 2 * HOUR) == []
    assert watch.says(handoff - HOUR) == [("ann", "will_end"), ("ben", "will_begin")]
    assert watch.says(handoff) == [("ann", "ends"), ("ben", "begins")]
    assert watch.ahead == set()
    late = Watch(WEEKLY, wanting(DAY, HOUR))
    late.looks(MONDAY + HOUR)
    assert late.says(handoff - HOUR / 2) == [("ann", "will_end"), ("ben", "will_begin")]
    assert {one.ahead for one in late.said} == {HOUR}


def test_an_override_made_meanwhile_counts_and_who_was_told_otherwise_is_told_so():
    watch = Watch(WEEKLY, wanting(DAY))
    handoff = MONDAY + WEEK
    watch.looks(MONDAY + HOUR)
    watch.looks(handoff - DAY)
    watch.overrides.append(override(handoff, DAY, "cem"))
    assert watch.says(handoff - HOUR) == [("ben", "changed"), ("cem", "will_begin")]
    watch.overrides.clear()
    assert watch.says(handoff - HOUR / 2) == [("ben", "will_begin"), ("cem", "changed")]
    assert watch.says(handoff) == [("ann", "ends"), ("ben", "begins")]
    # Of one that has begun by the time it is made, people are notified at once.
    watch.overrides.append(override(handoff - HOUR, 10 * DAY, "cem"))
    assert watch.says(handoff + HOUR) == [("ben", "ends"), ("cem", "begins")]
    untils = {one.person: one.until for one in watch.said[-2:]}
    assert untils == {"cem": handoff - HOUR + 10 * DAY, "ben": None}


def test_a_shift_that_goes_on_is_told_to_whoever_was_to_go():
    watch = Watch(WEEKLY, wanting(DAY))
    watch.looks(MONDAY + HOUR)
    watch.looks(MONDAY + WEEK - DAY)
    watch.overrides.append(override(MONDAY, WEEK + DAY, "ann"))
    assert watch.says(MONDAY + WEEK - HOUR) == [
        ("ann", "changed"),
        ("ben", "changed"),
    ]
    untils = {one.person: one.until for one in watch.said[-2:]}
    assert untils == {"ann": MONDAY + WEEK + DAY, "ben": None}


def test_nobody_is_told_ahead_within_quiet_hours():
    nights = ActiveHours.model_validate(
        {"timezone": "UTC", "windows": [{"start": "22:00", "end": "08:00"}]}
    )
    handoff = MONDAY + WEEK  # at 09:00
    watch = Watch(WEEKLY, wanting(2 * HOUR, quiet=nights))
    watch.looks(MONDAY + HOUR)
    assert watch.says(handoff - 2 * HOUR) == []
    assert watch.says(handoff - HOUR) == [("ann", "will_end"), ("ben", "will_begin")]
    early = ActiveHours.model_validate(
        {"timezone": "UTC", "windows": [{"start": "22:00", "end": "10:00"}]}
    )
    before = Watch(WEEKLY, wanting(2 * HOUR, quiet=early))
    before.looks(MONDAY + HOUR)
    assert before.says(handoff - 11 * HOUR - HOUR / 2) == []
    assert len(before.says(handoff - 11 * HOUR - HOUR / 6)) == 2  # ten minutes before 22:00
    asleep = Watch(WEEKLY, wanting(2 * HOUR, quiet=early))
    asleep.looks(MONDAY + HOUR)
    assert asleep.says(handoff - HOUR) == []
    assert asleep.says(handoff) == [("ann", "ends"), ("ben", "begins")]


def test_people_decide_for_themselves_and_else_their_schedules_do():
    document = OnCallDocument.model_validate({
        "people": {
            "ann": {"notify": [{"receiver": "chat"}, {"receiver": "sms", "after": "5m"}]},
            "ben": {"notify": [{"receiver": "chat"}], "handoff_notices": False},
            "cem": {"notify": [{"receiver": "chat"}],
                    "handoff_notices": {"ahead": ["1h"], "receivers": ["mail"]}},
        },
        "schedules": {"quiet": {}, "loud": {"handoff_notices": {"ahead": ["2h", "1d", "2h"]}}},
    })  # fmt: skip
    people, quiet, loud = document.people, *document.schedules.values()
    assert wanted_by("ann", quiet, people) is None
    assert wanted_by("ann", loud, people) == Wanted((2 * HOUR, DAY))
    assert wanted_by("ben", loud, people) is None
    assert wanted_by("cem", quiet, people) == Wanted((HOUR,))
    assert wanted_by("zoe", loud, people) is None
    assert people["ann"].handoff_receivers == ["chat"]
    assert people["cem"].handoff_receivers == ["mail"]
    assert document.receivers == {"chat", "sms", "mail"}
    for wrong in (["0s"], ["31d"]):
        with pytest.raises(ValidationError, match="at most 30 days"):
            OnCallDocument.model_validate(
                {"schedules": {"x": {"handoff_notices": {"ahead": wrong}}}}
            )


rotations = st.fixed_dictionaries({
    "people": st.lists(st.sampled_from(NAMES), min_size=1, max_size=3),
    "handoff": st.sampled_from(["2026-03-01T09:00", "2026-03-01T02:30"]),
    "every": st.sampled_from(["daily", "8 hours", "weekly", "36 hours"]),
})  # fmt: skip
DAYTIME: list[dict[str, str]] = [{"days": "mon-fri", "start": "09:00", "end": "17:00"}]


def two_layers(lower: dict[str, Any], upper: dict[str, Any] | None, combine: str) -> Schedule:
    layers = [{"rotation": lower}, *([{"rotation": upper, "within": DAYTIME}] if upper else [])]
    return Schedule.model_validate(
        {"timezone": "Europe/Berlin", "layers": layers, "combine": combine}
    )


schedules = st.builds(
    two_layers, rotations, st.none() | rotations, st.sampled_from(["topmost", "all"])
)
steps = st.lists(st.integers(1, 60 * 24 * 3), min_size=1, max_size=12)
aheads = st.sampled_from([(), (HOUR,), (HOUR, DAY)])


@given(schedules, steps, aheads)
def test_every_handoff_is_told_exactly_once_whatever_the_times_of_the_looks(
    schedule: Schedule, minutes: Sequence[int], ahead: tuple[timedelta, ...]
):
    watch = Watch(schedule, wanting(*ahead))
    looks = [SPRING]
    for one in minutes:
        looks.append(looks[-1] + timedelta(minutes=one))
    for now in looks:
        watch.looks(now)
    begun, changes = on_call_changes(schedule, [], looks[0], looks[-1])
    came, went = Counter[Any](), Counter[Any]()
    people = begun
    for moment, after in changes:
        came.update((name, moment) for name in after if name not in people)
        went.update((name, moment) for name in people if name not in after)
        people = after
    begins, ends = (
        [one for one in watch.said if one.kind is kind]
        for kind in (HandoffKind.BEGINS, HandoffKind.ENDS)
    )
    notified = [(one.person, one.at) for one in begins]
    notified += [(one.person, one.since) for one in ends if one.since is not None]
    assert Counter(notified) == came
    assert Counter((one.person, one.at) for one in ends) == went
    announced = Counter(
        (one.person, one.kind is HandoffKind.WILL_BEGIN, one.at, one.ahead)
        for one in watch.said
        if one.kind in (HandoffKind.WILL_BEGIN, HandoffKind.WILL_END)
    )
    assert all(count == 1 for count in announced.values())
    wanted = {
        (name, comes, moment)
        for comes, happened in ((True, came), (False, went))
        for name, moment in happened
        if ahead and any(moment - ahead[-1] <= now < moment for now in looks)
    }
    over = {(name, comes, at) for name, comes, at, _ in announced if at <= looks[-1]}
    assert over == wanted
    assert not any(one.kind is HandoffKind.CHANGED for one in watch.said)


edits = st.lists(
    st.tuples(
        st.integers(1, 60 * 36),
        st.none() | st.tuples(
            st.integers(-600, 3000),
            st.integers(1, 3000),
            st.lists(st.sampled_from(NAMES), max_size=2),
        ),
    ),
    min_size=1, max_size=10,
)  # fmt: skip


@given(schedules, edits)
def test_what_people_were_told_is_what_holds_whatever_is_changed_meanwhile(
    schedule: Schedule, edits: Sequence[tuple[int, tuple[int, int, list[str]] | None]]
):
    watch, now = Watch(schedule, wanting(HOUR, DAY)), SPRING
    watch.looks(now)
    for minutes, edit in edits:
        if edit is None:
            watch.overrides = watch.overrides[1:]
        else:
            starts, length, people = edit
            watch.overrides.append(
                override(now + timedelta(minutes=starts), timedelta(minutes=length), *people)
            )
        now += timedelta(minutes=minutes)
        watch.looks(now)
        assert watch.believed == set(on_call(schedule, watch.overrides, now))
        begun, coming = on_call_changes(schedule, watch.overrides, now, now + 40 * DAY)
        hold: set[tuple[str, bool, datetime]] = set()
        people_now = begun
        for moment, after in coming:
            hold |= {(name, name in after, moment) for name in {*people_now} ^ {*after}}
            people_now = after
        assert {(one.person, one.comes, one.at) for one in watch.ahead} <= hold
