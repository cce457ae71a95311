"""Bounds within which a rate is expected: from earlier numbers alone, and with a season."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.metrics.expected import LEAST, expected_band

COUNTS = st.lists(st.integers(0, 1_000), min_size=1, max_size=120)


def test_there_are_no_bounds_until_enough_was_compared() -> None:
    low, high = expected_band(np.full(LEAST + 2, 7.0))
    assert np.isnan(low[:-1]).all()
    assert (low[-1], high[-1]) == (7, 7)
    assert np.isnan(expected_band(np.full(50 + LEAST, 7.0), 50)[0]).all()


def test_most_numbers_of_noise_are_within_and_a_burst_is_not() -> None:
    values = np.random.default_rng(7).poisson(20, 2_000).astype(np.float64)
    values[1_500] = 400
    low, high = expected_band(values)
    within = (low <= values) & (values <= high)
    assert 0.95 < within[LEAST + 1 :].mean() < 0.99
    assert not within[1_500]


def test_a_peak_of_each_season_is_expected() -> None:
    values = np.tile(np.where(np.arange(100) == 40, 500.0, 5.0), 5)
    low, high = expected_band(values, 100)
    assert (low[440], high[440], high[420]) == (5, 500, 5)
    assert expected_band(values)[1][440] < 150


@settings(max_examples=60)
@given(COUNTS, COUNTS, st.sampled_from([0, 3, 20]))
def test_what_comes_later_changes_no_bound(first: list[int], more: list[int], season: int) -> None:
    alone = expected_band(np.array(first, np.float64), season)
    longer = expected_band(np.array(first + more, np.float64), season)
    for one, other in zip(alone, longer, strict=True):
        np.testing.assert_array_equal(one, other[: len(first)])
