"""When a threshold is reached, and how sure that is."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from sentinel.metrics.forecast import forecast

MINUTES: NDArray[np.float64] = np.arange(-59, 1, dtype=np.float64) * np.float64(60)


def test_a_straight_line_meets_its_threshold_when_it_does():
    # 60 now, one more a minute.
    found = forecast(MINUTES, 60 + MINUTES / 60, 90, rising=True)
    assert found is not None
    assert found.until == pytest.approx(30 * 60)
    assert found.soonest == pytest.approx(30 * 60)
    assert found.latest == pytest.approx(30 * 60)
    assert found.level == pytest.approx(60)


def test_a_fall_is_followed_too():
    found = forecast(MINUTES, 60 - MINUTES / 60, 20, rising=False)
    assert found is not None
    assert found.until == pytest.approx(40 * 60)


def test_what_moves_away_or_stands_never_gets_there():
    for values in (60 - MINUTES / 60, np.full(60, 60.0)):
        found = forecast(MINUTES, values, 90, rising=True)
        assert found is not None
        assert math.isinf(found.until)


def test_what_is_past_the_threshold_is_there_now():
    found = forecast(MINUTES, 95 + MINUTES / 600, 90, rising=True)
    assert found is not None
    assert found.until == 0


def test_a_quarter_of_wild_points_does_not_move_the_line():
    values = 60 + MINUTES / 60
    values[::5] += 500
    found = forecast(MINUTES, values, 90, rising=True)
    assert found is not None
    assert found.until == pytest.approx(30 * 60, rel=0.05)


def test_few_points_say_nothing():
    assert forecast(MINUTES[:7], MINUTES[:7], 90, rising=True) is None
    assert forecast(np.zeros(9), np.arange(9.0), 90, rising=True) is None


def test_the_time_lies_in_the_interval_about_as_often_as_it_says():
    random = np.random.default_rng(7)
    inside = 0
    for _ in range(400):
        found = forecast(
            MINUTES, 60 + MINUTES / 60 + random.normal(0, 3, len(MINUTES)), 120, rising=True
        )
        assert found is not None
        inside += found.soonest <= 3600 <= found.latest
    assert 0.85 < inside / 400 < 0.95
