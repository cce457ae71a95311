"""A company lives through its days: everybody hears of what is theirs, once, and no shift drowns.

The small company lives for a day; the whole one, of `make test-long`, for a week in which some of
its teams change their clocks.
"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sentinel.clock import FakeClock
from sentinel.store import Store
from tests.databases import sqlite_alone
from tests.simulation.company import MOST_PAGES, Company
from tests.simulation.week import Week

BEFORE_THE_CHANGE = datetime(2026, 3, 25, tzinfo=UTC)
"""Europe changes its clocks on the 29th of March."""


def live(store: Store, clock: FakeClock, company: Company, days: int) -> Week:
    clock.forward(seconds=(BEFORE_THE_CHANGE - clock.now()).total_seconds())
    week = Week(store, clock, company, days)
    week.run()
    return week


def holds(week: Week) -> None:
    """What must be true of any company and any seed."""
    assert week.wrong == []
    assert week.unpaged() == []
    twice = {key for key, count in week.received.items() if count > 1}
    assert {message for _, message in twice} <= week.dead
    drowned = {key: len(pages) for key, pages in week.paged.items() if len(pages) > MOST_PAGES}
    assert drowned == {}


def test_a_small_company_lives_through_a_night(store: Store, clock: FakeClock):
    week = live(store, clock, Company(teams=3, people=4, rules=10, seed=1), 1)
    holds(week)
    (day,) = week.days
    assert day.opened > 2
    assert day.pages > 2


@pytest.mark.long
@sqlite_alone
def test_a_company_of_two_thousand_people_lives_through_a_week(store: Store, clock: FakeClock):
    week = live(store, clock, Company(teams=50, people=40, rules=100, seed=7), 7)
    holds(week)
    assert week.dead  # some senders died with their claims
    assert sum(day.opened for day in week.days) > 5_000
    # Once retention has begun, what a day leaves behind stays the same, and so does the memory but
    # for the 64 MiB in which SQLite keeps pages.
    settled = week.days[2:]
    assert max(day.rows for day in settled) < 1.5 * min(day.rows for day in settled)
    assert settled[-1].memory - settled[0].memory < 64
