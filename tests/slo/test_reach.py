"""Alerts that cannot fire are named, since their windows never have enough events."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sentinel.metrics.moments import micros
from sentinel.slo.counts import Bucket, Counts
from sentinel.slo.definition import Objective
from sentinel.slo.reach import out_of_reach

NOW = datetime(2026, 3, 1, tzinfo=UTC)
OBJECTIVE = Objective(target=99.0)


def each(hours: float, events: float = 1, days: float = 20) -> Counts:
    """Some events every so many hours."""
    many = int(days * 24 / hours)
    return Counts.of(
        Bucket(micros(NOW - timedelta(hours=hours * (one + 1))), events, events)
        for one in range(many)
    )


@pytest.mark.parametrize(
    ("counts", "lengths"),
    [
        (each(1, 10), []),
        (each(1, 1), [1, 6]),  # 2 of the 10 within an hour and one more, 7 of them within six
        (each(24, 1), [1, 6, 24, 72]),
        (each(24, 10), []),
        (each(1, 1, days=2), []),  # too early to say
        (Counts.of([]), []),
    ],
    ids=["enough", "hourly", "daily", "daily runs at once", "new", "nothing yet"],
)
def test_pairs_without_enough_events_are_named(counts: Counts, lengths: list[int]):
    found = out_of_reach(OBJECTIVE, counts, NOW, 10)
    assert [one.pair.long / timedelta(hours=1) for one in found] == lengths
    assert all(one.most < one.needs == 10 for one in found)


def test_one_busy_hour_of_the_last_weeks_is_enough():
    quiet = each(24, 1)
    busy = quiet.replaced(
        NOW - timedelta(days=5),
        NOW - timedelta(days=4),
        each(1, 50).replaced(NOW - timedelta(days=4), NOW, Counts.of([])),
    )
    assert out_of_reach(OBJECTIVE, busy, NOW, 10) == []
