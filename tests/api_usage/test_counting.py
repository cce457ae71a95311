"""Every way to count agrees with a plain reference, on random schedules and clocks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.api_usage.counting import (
    SLACK,
    State,
    charged,
    period_of,
    returned,
    settled,
    wait_for,
)
from sentinel.api_usage.decision import Ask, judged
from sentinel.api_usage.limit import DAY, LONGEST_LOG, MICROS, MONTH, Kind, Limit, checked
from sentinel.api_usage.text import parse_limit
from sentinel.metrics.moments import micros

ZONES = ["UTC", "Europe/Berlin", "Asia/Kolkata", "America/Havana"]
START = micros(datetime(2026, 3, 28, 22, tzinfo=UTC))
SECOND = MICROS

Reference = Callable[[Limit, list[tuple[int, int]], int], Fraction]
"""What is left, by all that was used: when, and how much."""


def log_left(limit: Limit, used: list[tuple[int, int]], now: int) -> Fraction:
    return Fraction(limit.amount - sum(n for at, n in used if at > now - limit.period))


def counter_left(limit: Limit, used: list[tuple[int, int]], now: int) -> Fraction:
    window = now // limit.period
    this = sum(n for at, n in used if at // limit.period == window)
    last = sum(n for at, n in used if at // limit.period == window - 1)
    share = 1 - Fraction(now % limit.period, limit.period)
    return limit.amount - this - last * share


def bucket_left(limit: Limit, used: list[tuple[int, int]], now: int) -> Fraction:
    level, last = Fraction(limit.capacity), 0
    for at, n in [*used, (now, 0)]:
        level = min(
            Fraction(limit.capacity), level + Fraction((at - last) * limit.amount, limit.period)
        )
        level, last = level - n, at
    return level


def quota_left(limit: Limit, used: list[tuple[int, int]], now: int) -> Fraction:
    zone, form = ZoneInfo(limit.timezone), "%Y-%m-%d" if limit.period == DAY else "%Y-%m"

    def named(at: int) -> str:
        return datetime.fromtimestamp(at / MICROS, zone).strftime(form)

    return Fraction(limit.amount - sum(n for at, n in used if named(at) == named(now)))


REFERENCES: dict[Kind, Reference] = {
    Kind.LOG: log_left,
    Kind.COUNTER: counter_left,
    Kind.BUCKET: bucket_left,
    Kind.QUOTA: quota_left,
}


@st.composite
def limits(draw: st.DrawFn) -> Limit:
    kind = draw(st.sampled_from(Kind))
    amount = draw(st.integers(1, 40))
    if kind is Kind.QUOTA:
        return checked(Limit(
            name="x", amount=amount, kind=kind, period=draw(st.sampled_from([DAY, MONTH])),
            timezone=draw(st.sampled_from(ZONES)),
        ))  # fmt: skip
    burst = draw(st.none() | st.integers(1, 60)) if kind is Kind.BUCKET else None
    period = draw(st.integers(1, 7)) * draw(st.sampled_from([1, 10, 3600])) * SECOND
    return checked(Limit(name="x", amount=amount, period=period, kind=kind, burst=burst))


def steps(limit: Limit) -> st.SearchStrategy[list[tuple[int, int]]]:
    """How much later each request comes, and what it costs."""
    near = st.integers(0, 2 * limit.period)
    exact = st.sampled_from([0, 1, limit.period - 1, limit.period, limit.period // 2])
    return st.lists(st.tuples(near | exact, st.integers(1, 12)), max_size=40)


@settings(max_examples=150)
@given(st.data())
def test_it_allows_what_a_plain_count_of_all_requests_allows(data: st.DataObject):
    limit = data.draw(limits())
    reference, state, now = REFERENCES[limit.kind], State(), START
    used: list[tuple[int, int]] = []
    for later, cost in data.draw(steps(limit)):
        now += later
        found = settled(limit, state, now)
        left = reference(limit, used, now)
        assert found.available == left.__floor__()
        if cost <= found.available:
            used.append((now, cost))
            state = charged(limit, found, cost)
            assert not found.set_back


@settings(max_examples=150)
@given(st.data())
def test_it_says_to_the_microsecond_when_a_request_fits(data: st.DataObject):
    limit = data.draw(limits())
    state, now = State(), START
    for later, cost in data.draw(steps(limit)):
        now += later
        found = settled(limit, state, now)
        wait = wait_for(limit, found, cost)
        if wait is None:
            assert cost > limit.capacity
        elif wait == 0:
            state = charged(limit, found, cost)
        else:
            assert settled(limit, state, now + wait).available >= cost
            assert settled(limit, state, now + wait - 1).available < cost


@settings(max_examples=100)
@given(st.data())
def test_a_clock_that_was_set_back_gives_no_more_and_holds_nobody_up_for_longer(
    data: st.DataObject,
):
    limit = data.draw(limits())
    ask = Ask(limit, "x")
    state, now = State(), START
    for later, _ in data.draw(steps(limit)):
        now += later
        _, [kept] = judged([ask], [state], now)
        state = kept or state
    before = settled(limit, state, now).available
    earlier = now - data.draw(st.integers(1, 3 * limit.period))
    decision, [kept] = judged([ask], [state], earlier)
    assert decision.verdicts[0].available <= before
    state = kept or state
    longest = limit.period + SLACK if limit.kind is not Kind.QUOTA else 31 * DAY + 3600 * SECOND
    slowest = longest * 2 if limit.kind is Kind.COUNTER else longest
    if limit.kind is Kind.BUCKET:
        slowest = limit.capacity * limit.period // limit.amount + 1 + SLACK
    assert settled(limit, state, earlier + slowest).available >= 1


def test_a_bucket_is_never_rounded_over_a_long_time():
    limit = checked(Limit(name="x", amount=7, period=SECOND, kind=Kind.BUCKET, burst=1))
    state, taken = State(), 0
    for millisecond in range(3_000):
        found = settled(limit, state, START + millisecond * 1000)
        if found.available:
            state, taken = charged(limit, found, 1), taken + 1
    assert taken == 21


def test_a_quota_begins_at_midnight_of_its_zone_also_where_the_clock_changes():
    limit = parse_limit("10 per day quota timezone Europe/Berlin")
    before = datetime(2026, 3, 29, 10, tzinfo=UTC)
    start, end = period_of(limit, micros(before))
    assert start == micros(datetime(2026, 3, 28, 23, tzinfo=UTC))
    assert end - start == 23 * 3600 * SECOND
    month = parse_limit("10 per month quota timezone America/New_York")
    assert period_of(month, micros(before)) == (
        micros(datetime(2026, 3, 1, 5, tzinfo=UTC)),
        micros(datetime(2026, 4, 1, 4, tzinfo=UTC)),
    )


@pytest.mark.parametrize("kind", [Kind.BUCKET, Kind.QUOTA])
def test_what_is_given_back_may_be_used_again_and_never_more(kind: Kind):
    limit = checked(Limit(name="x", amount=10, period=DAY, kind=kind))
    found = settled(limit, State(), START)
    state = returned(limit, charged(limit, found, 4), 3, found.state.at)
    assert settled(limit, state, START).available == 9
    assert settled(limit, returned(limit, state, 50, found.state.at), START).available == 10


def test_what_is_left_of_yesterdays_quota_is_not_given_back_today():
    limit = checked(Limit(name="x", amount=10, period=DAY, kind=Kind.QUOTA))
    yesterday = settled(limit, State(), START)
    today = settled(limit, charged(limit, yesterday, 5), START + DAY)
    state = returned(limit, charged(limit, today, 5), 5, yesterday.state.at)
    assert settled(limit, state, START + DAY).available == 5


def test_no_interval_sees_more_of_a_leased_bucket_than_it_would_without_leases():
    limit = parse_limit("1000/minute bucket lease 50")
    flows = -(-limit.amount * limit.lease_life // limit.period)
    assert limit.capacity + flows <= 1000
    assert limit.capacity >= 900  # at most a tenth less
    assert timedelta(microseconds=limit.lease_life) == timedelta(seconds=6)


def test_a_log_stays_as_short_as_its_limit():
    limit = checked(Limit(name="x", amount=LONGEST_LOG, period=SECOND, kind=Kind.LOG))
    state = State()
    for step in range(3 * LONGEST_LOG):
        found = settled(limit, state, START + step * 500)
        state = charged(limit, found, 1) if found.available else state
    assert len(state.entries) <= LONGEST_LOG


@pytest.mark.parametrize("text", ["10/minute", "10 per day quota"])
def test_a_clock_that_trembles_over_the_edge_of_a_window_does_not_empty_it(text: str):
    (limit, state) = (parse_limit(text), State())
    edge = START - START % DAY + DAY

    def passed(now: int) -> int:
        nonlocal state
        found = settled(limit, state, now)
        state = charged(limit, found, found.available)
        return found.available

    assert passed(edge - 1) == 10
    first = passed(edge + 5)
    tremble = passed(edge - 2) + passed(edge + 5)
    assert first == (10 if limit.kind is Kind.QUOTA else 0)
    assert tremble == 0


def test_a_window_that_was_full_stays_so_when_the_clock_is_set_back_far():
    limit, state = parse_limit("10/minute"), State()
    edge = START - START % (60 * SECOND) + 60 * SECOND
    found = settled(limit, state, edge - 1)
    state = charged(limit, found, 10)
    found = settled(limit, state, edge + 6 * SECOND)
    state = charged(limit, found, 1)  # 10 of the window before, 1 of this one
    back = settled(limit, state, edge - 30 * SECOND)
    assert back.available == 0
    assert settled(limit, back.state, edge).available == 0
