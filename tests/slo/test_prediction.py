"""When a budget is used up: an interval, a probability, and where nothing can be said."""

from __future__ import annotations

import tracemalloc
from datetime import UTC, datetime, timedelta

import pytest

from sentinel.metrics.moments import micros
from sentinel.slo.counts import Counts
from sentinel.slo.definition import Objective
from sentinel.slo.prediction import predicted
from sentinel.slo.windows import CalendarWindow, RollingWindow

NOW = datetime(2026, 11, 11, tzinfo=UTC)
MONTH = Objective(target=99, window=CalendarWindow(kind="calendar"))
ROLLING = Objective(target=99)


def steady(days: int, bad: float, first_days_bad: float | None = None) -> Counts:
    """A hundred events an hour, of which `bad` are bad."""
    return Counts.of(
        (micros(NOW - timedelta(hours=one)),
         100 - (first_days_bad if first_days_bad is not None and one > 72 else bad), 100)
        for one in range(1, 24 * days + 1)
    )  # fmt: skip


def test_an_uncertain_end_has_an_interval_ahead_and_a_probability_between():
    # 7 good days, and 3 with twice as many bad events as may be.
    found = predicted(MONTH, steady(10, 2, 0), NOW, paths=100)
    assert found is not None
    assert found.soonest is not None
    assert found.soonest > NOW
    assert 0 < found.probability < 1
    assert found.horizon == datetime(2026, 12, 1, tzinfo=UTC)
    assert found.days == 10


def test_days_that_were_all_alike_leave_no_doubt():
    well = predicted(ROLLING, steady(20, 0.5), NOW, paths=50)
    assert well is not None
    assert (well.probability, well.soonest, well.latest) == (0, None, None)
    assert predicted(ROLLING, steady(20, 0.5), NOW, paths=50) == well


def test_what_is_violated_already_is_so_now():
    found = predicted(MONTH, steady(10, 2), NOW)
    assert found is not None
    assert (found.probability, found.soonest, found.latest) == (1, NOW, NOW)


@pytest.mark.parametrize(("days", "minimum"), [(2, 1), (20, 1_000_000)])
def test_too_little_says_nothing(days: int, minimum: int):
    assert predicted(ROLLING, steady(days, 0.5), NOW, minimum=minimum) is None


def test_what_leaves_a_rolling_window_gives_budget_back():
    # The bad days are the oldest of the window: they leave it before the good ones use it up.
    found = predicted(ROLLING, steady(30, 0.0, 0.9), NOW, paths=50)
    worse = predicted(MONTH, steady(30, 0.9, 0.0), NOW, paths=50)
    assert found is not None
    assert worse is not None
    assert found.probability <= 0.2


def test_a_year_is_predicted_in_little_memory():
    year = Objective(target=99, window=RollingWindow(kind="rolling", days=366))
    tracemalloc.start()
    try:
        predicted(year, steady(20, 0.5), NOW)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 40_000_000
