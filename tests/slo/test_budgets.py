"""Error budgets and burn rates, also over gaps, changes of clocks and late measurements."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.metrics.moments import micros
from sentinel.slo.budget import Health, status_of
from sentinel.slo.burn_alerts import burns_of, pairs_of
from sentinel.slo.counts import MINUTE, Counts, Tally
from sentinel.slo.definition import Objective, definition_of
from sentinel.slo.history import history_of, violations_between
from sentinel.slo.windows import CalendarWindow

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
MONTH = Objective(target=99.9)


def counts(*given: tuple[timedelta, float, float]) -> Counts:
    """Events by how long ago they were, good and all."""
    return Counts.of((micros(NOW - ago), good, total) for ago, good, total in given)


def steady(bad_share: float, length: timedelta = timedelta(days=30)) -> Counts:
    """A thousand events each minute over `length`."""
    minutes = int(length / timedelta(minutes=1))
    return Counts.of(
        (micros(NOW - timedelta(minutes=one)), 1000 * (1 - bad_share), 1000)
        for one in range(1, minutes + 1)
    )


@settings(max_examples=40, deadline=None)
@given(
    events=st.lists(
        st.tuples(st.integers(0, 60 * 24 * 60), st.integers(0, 20), st.integers(0, 20)), max_size=40
    ),
    window=st.sampled_from(
        [
            {"kind": "rolling", "days": 7},
            {"kind": "calendar", "period": "week", "timezone": "Europe/Berlin"},
            {"kind": "calendar", "period": "month", "timezone": "Asia/Kathmandu"},
        ]
    ),
    days=st.integers(1, 60),
)
def test_violations_are_the_steps_of_the_history_at_which_the_objective_is_violated(
    events: list[tuple[int, int, int]], window: dict[str, Any], days: int
):  # fmt: skip
    (objective,) = definition_of(
        {"name": "x", "objectives": [{"target": 90, "window": window}]}
    ).objectives
    made = Counts.of(
        (micros(NOW - timedelta(minutes=ago)) // MINUTE * MINUTE, good, good + bad)
        for ago, good, bad in events
    )
    since = NOW - timedelta(days=days)
    history = history_of(objective, made, since, NOW, timedelta(hours=1), 5)
    said = [(at, one) for at, one in history if one.budget_left is not None]
    expected = list[tuple[datetime, datetime | None, float]]()
    for violated, run in groupby(said, lambda one: one[1].health is Health.VIOLATED):
        found = list(run)
        if violated:
            after = [at for at, _ in said if at > found[-1][0]]
            lefts = [one.budget_left or 0.0 for _, one in found]
            expected.append((found[0][0], after[0] if after else None, min(lefts)))
    violations = violations_between(objective, made, since, NOW, 5)
    assert [(one.start, one.end) for one in violations] == [one[:2] for one in expected]
    assert [one.worst_budget_left for one in violations] == pytest.approx([e[2] for e in expected])


def test_half_of_the_budget_is_left_where_half_as_many_events_were_bad_as_may_be():
    status = status_of(MONTH, counts((HOUR, 9995, 10_000)), NOW)
    assert status.health is Health.HOLDS
    assert status.compliance == pytest.approx(99.95)
    assert status.budget_left == pytest.approx(0.5)
    assert status.budget_events == pytest.approx(10)
    assert status.burn_rate == pytest.approx(0.5)


def test_a_budget_that_is_used_up_exactly_is_not_violated():
    assert status_of(MONTH, counts((HOUR, 9990, 10_000)), NOW).health is Health.AT_RISK
    assert status_of(MONTH, counts((HOUR, 9989, 10_000)), NOW).health is Health.VIOLATED


def test_too_few_events_say_nothing():
    status = status_of(MONTH, counts((HOUR, 0, 9)), NOW, minimum=10)
    assert status.health is Health.NOT_ENOUGH_DATA
    assert (status.compliance, status.budget_left, status.burn_rate) == (None, None, None)


def test_events_leave_a_rolling_window_and_those_ahead_are_not_in_it_yet():
    ahead, past = (-HOUR, 0.0, 1000.0), (timedelta(days=30, minutes=1), 0.0, 1000.0)
    status = status_of(MONTH, counts(ahead, past, (HOUR, 1000, 1000)), NOW)
    assert status.counted == Tally(1000, 1000)


def test_a_calendar_window_counts_from_midnight_of_its_zone():
    objective = Objective(
        target=99, window=CalendarWindow(kind="calendar", timezone="America/New_York")
    )
    first = datetime(2026, 11, 1, 4, tzinfo=UTC)  # daylight saving time ends that night
    both = Counts.of([(micros(first) - 1, 0, 100), (micros(first), 100, 100)])
    assert status_of(objective, both, NOW).counted == Tally(100, 100)


# github.com/slok/sloth, internal/alert/alert_test.go, commit 13542b9c: what its catalogs of 30
# and 28 days become.
SLOTH = {
    30: [(14.4, 60, 5), (6, 360, 30), (3, 1440, 120), (1, 4320, 360)],
    28: [(13.44, 60, 5), (5.6000000000000005, 360, 30), (2.8000000000000003, 1440, 120),
         (0.9333333333333333, 4320, 360)],
}  # fmt: skip


@pytest.mark.parametrize("days", SLOTH)
def test_burn_rates_are_those_of_sloth(days: int):
    found = pairs_of(timedelta(days=days))
    for (pair, at), (factor, long, short) in zip(found, SLOTH[days], strict=True):
        assert at == pytest.approx(factor, abs=1e-9, rel=0)
        assert (pair.long, pair.short) == (timedelta(minutes=long), timedelta(minutes=short))


@pytest.mark.parametrize("days", [7, 14, 30, 90, 366])
def test_no_pair_fires_at_a_rate_that_uses_up_no_budget(days: int):
    for pair, at in pairs_of(timedelta(days=days)):
        assert at >= 0.9
        assert pair.short < pair.long


def test_a_burn_pages_only_while_both_windows_burn():
    quiet = steady(0.0)
    minutes = [micros(NOW - timedelta(minutes=one)) for one in range(1, 21)]
    burning = quiet.replaced(NOW - HOUR / 3, NOW, Counts.of((one, 950, 1000) for one in minutes))
    page, ticket = burns_of(MONTH, burning, NOW)
    assert (page.kind, page.fires) == ("page", True)
    assert page.worst is not None
    assert page.worst.long == pytest.approx(50 / 3)
    assert ticket.fires is False
    # Five minutes after it is over the page ends, though the hour still remembers.
    after = NOW + timedelta(minutes=5)
    well = [micros(NOW + timedelta(minutes=one)) for one in range(5)]
    burning = burning.replaced(NOW, after, Counts.of((one, 1000, 1000) for one in well))
    later = burns_of(MONTH, burning, after)[0]
    assert later.fires is False
    assert max(one.long or 0 for one in later.pairs) > 14.4


def test_burn_without_enough_events_is_unknown_and_not_well():
    page, ticket = burns_of(MONTH, counts((HOUR / 2, 4, 9)), NOW, minimum=10)
    assert page.fires is None
    assert ticket.fires is None
    assert page.worst is None


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 60 * 24 * 40), st.integers(0, 50), st.integers(0, 50)),
        max_size=40,
    ),
    st.randoms(use_true_random=False),
)
def test_late_measurements_and_gaps_make_the_same_budget_as_timely_ones(
    given_: list[tuple[int, int, int]], random: object
):
    events = [(timedelta(minutes=ago), float(good), float(good + bad)) for ago, good, bad in given_]
    shuffled = list(events)
    random.shuffle(shuffled)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    timely, late = (status_of(MONTH, counts(*some), NOW) for some in (sorted(events), shuffled))
    assert timely.counted == late.counted
    inside = [one for one in events if timedelta(0) < one[0] <= timedelta(days=30)]
    assert timely.counted.total == pytest.approx(sum(one[2] for one in inside))
    if timely.budget_left is not None:
        assert timely.budget_left <= 1
        assert timely.burn_rate == pytest.approx(1 - timely.budget_left)
