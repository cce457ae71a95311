"""How long a name must wait after failed logins."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from sentinel.access.lockout import (
    ADDRESS_EVERY,
    ADDRESS_FREE,
    FIRST_DELAY,
    FORGOTTEN_AFTER,
    FREE,
    LONGEST_DELAY,
    AddressFailures,
    Failures,
    delay_after,
)

START = datetime(2026, 3, 1, tzinfo=UTC)
ZERO = timedelta(0)


def test_the_first_failures_cost_nothing_then_the_delay_doubles_up_to_its_longest():
    delays = [delay_after(count) for count in range(FREE + 12)]
    assert delays[:FREE] == [ZERO] * FREE
    assert delays[FREE : FREE + 3] == [FIRST_DELAY, FIRST_DELAY * 2, FIRST_DELAY * 4]
    assert delays[-1] == LONGEST_DELAY


@given(st.integers(0, 10_000))
def test_a_further_failure_never_shortens_the_delay(count: int):
    assert delay_after(count) <= delay_after(count + 1) <= LONGEST_DELAY


@given(st.lists(st.timedeltas(ZERO, timedelta(hours=30)), min_size=1, max_size=60))
def test_guessing_as_fast_as_allowed_is_slowed_down(pauses: list[timedelta]):
    """Whoever tries again after any pause is let through exactly when the delay has passed."""
    now, failures, tries = START, Failures(), list[datetime]()
    for pause in pauses:
        now += pause
        wait = failures.wait(now)
        assert ZERO <= wait <= LONGEST_DELAY
        assert failures.wait(now + wait) == ZERO
        if wait:
            assert failures.wait(now + wait - timedelta(microseconds=1)) > ZERO
            continue
        failures = failures.after(now)
        tries.append(now)
    for first, last in zip(tries, tries[FREE:], strict=False):
        # Never more than FREE guesses in a row without a delay between them.
        assert last - first >= FIRST_DELAY or last - first >= FORGOTTEN_AFTER


@given(st.integers(0, 100), st.timedeltas(timedelta(days=-400), timedelta(days=400)))
def test_a_clock_that_was_moved_locks_nobody_out_for_longer_than_the_delay(
    count: int, moved: timedelta
):
    assert ZERO <= Failures(count, START).wait(START + moved) <= delay_after(count)


def test_failures_are_forgotten_after_a_day_without_one():
    old = Failures(30, START)
    assert old.after(START + FORGOTTEN_AFTER).count == 1
    assert old.after(START + FORGOTTEN_AFTER - timedelta(seconds=1)).count == 31


def test_a_clock_that_was_set_back_by_an_hour_locks_nobody_out():
    assert Failures(30, START).wait(START - timedelta(hours=1)) == ZERO
    # Clocks of several processes differ by less, which must give no further guess.
    assert Failures(30, START).wait(START - timedelta(seconds=1)) == LONGEST_DELAY
    full = AddressFailures(ADDRESS_FREE, START)
    assert full.wait(START - timedelta(hours=1)) == ZERO
    assert full.wait(START - timedelta(seconds=1)) == ADDRESS_EVERY


@given(st.lists(st.timedeltas(ZERO, timedelta(minutes=20)), min_size=1, max_size=150))
def test_an_address_fails_some_times_at_once_and_then_slowly(pauses: list[timedelta]):
    now, failures, tries = START, AddressFailures(), list[datetime]()
    for pause in pauses:
        now += pause
        wait = failures.wait(now)
        # Who shares the address is never locked out for long.
        assert ZERO <= wait <= ADDRESS_EVERY
        assert failures.wait(now + wait) == ZERO
        if wait:
            assert failures.wait(now + wait - timedelta(microseconds=1)) > ZERO
            continue
        failures = failures.after(now)
        tries.append(now)
    for place, last in enumerate(tries):
        within = [one for one in tries[: place + 1] if one > last - ADDRESS_EVERY * 10]
        assert len(within) <= ADDRESS_FREE + 10


def test_a_login_that_was_right_costs_its_address_nothing():
    once = AddressFailures().after(START)
    assert once.without_last().level == 0
    assert once.without_last().without_last() == once.without_last()
