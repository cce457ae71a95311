"""What becomes of a window; rate and increase with the figures of Prometheus' own tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.metrics.aggregate import Aggregate, aggregate
from sentinel.metrics.series import Series

NAN = float("nan")


def series(
    *values: Sequence[float],
    every: float = 300,
    window: float = 3000,
    labels: Sequence[Mapping[str, str]] | None = None,
    missing: int = 0,
) -> Series:
    """Series of samples `every` so many seconds, the last of each at the window's end."""
    until = 100_000_000_000
    kept = [list(one) for one in values]
    times = [
        until - int(every * 1e6) * (len(one) - 1 - n + missing)
        for one in kept
        for n in range(len(one))
    ]
    return Series(
        name="m",
        since=until - int(window * 1e6),
        until=until,
        labels=labels or [{"n": str(n)} for n in range(len(kept))],
        units=[""] * len(kept),
        starts=np.append(0, np.cumsum([len(one) for one in kept])).astype(np.int64),
        times=np.array(times, np.int64),
        values=np.array([value for one in kept for value in one], float),
    )


def one(how: Aggregate, *values: float, **more: Any) -> float:
    return float(aggregate(series(values, **more), how).values[0])


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("avg", 4), ("min", 1), ("max", 9), ("sum", 20), ("count", 5), ("last", 5), ("p50", 3),
        ("p90", 7.4), ("p95", 8.2), ("p99", 8.84),
    ],
)  # fmt: skip
def test_each_aggregate_of_a_few_samples(how: Aggregate, expected: float):
    assert one(how, 1, 9, 2, 3, 5) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        # promql/promqltest/testdata/functions.test of prometheus/prometheus: `increase`, loads
        # of one sample every 5m, looked at over 50m.
        (range(10, 110, 10), 100),  # 0+10x10
        (range(18, 198, 18), 180),  # 0+18x10
        ([18, 36, 54, 72, 90, 0, 18, 36, 54, 72], 160),  # 0+18x5 0+18x5: a reset
    ],
)
def test_increase_is_that_of_prometheus(values: Sequence[float], expected: float):
    assert one("increase", *values) == pytest.approx(expected)
    assert one("rate", *values) == pytest.approx(expected / 3000)


def test_increase_is_not_extrapolated_below_zero():
    # Half of the window has no samples: without the bound it would be 200 * 600 / 300 and more.
    assert one("increase", 1, 101, 201, every=300, window=1500) == pytest.approx(
        200 * (600 + 3) / 600
    )


def test_increase_reaches_half_an_interval_beyond_where_samples_end_far_from_the_edge():
    assert one("increase", 1000, 1060, 1120, every=60, window=3600) == pytest.approx(
        120 * (120 + 30) / 120
    )


def test_delta_is_of_a_gauge_and_may_fall():
    # functions.test: 0 50 100 150 200 and 200 150 100 50 0 every 5m, delta over 20m.
    assert one("delta", 50, 100, 150, 200, window=1200) == pytest.approx(200)
    assert one("delta", 150, 100, 50, 0, window=1200) == pytest.approx(-200)


@pytest.mark.parametrize("how", ["rate", "increase", "delta"])
def test_one_sample_says_nothing_of_change(how: Aggregate):
    found = aggregate(series([5], [1, 2]), how)
    assert np.isnan(found.values[0])
    assert not np.isnan(found.values[1])


def test_series_that_agree_in_labels_make_one_value():
    labels = [{"host": "a", "core": "0"}, {"host": "a", "core": "1"}, {"host": "b", "core": "0"}]
    three = series([1, 2], [3, 4], [10, 20], labels=labels)

    def by(how: Aggregate, *names: str) -> dict[str, float]:
        found = aggregate(three, how, names)
        return {
            one.get("host", "all"): value
            for one, value in zip(found.labels, found.values.tolist(), strict=True)
        }

    assert by("avg", "host") == {"a": 2.5, "b": 15}
    assert by("sum") == {"all": 40}
    assert by("last", "host") == {"a": 4, "b": 20}
    assert by("max", "none") == {"all": 20}
    # Rates are added up, as `sum by (host) (rate(...))` does.
    assert by("increase", "host")["a"] == pytest.approx(2 * one("increase", 1, 2), rel=0.5)


def test_groups_of_rates_leave_out_series_that_say_nothing():
    labels = [{"host": "a"}, {"host": "a"}, {"host": "b"}]
    found = aggregate(series([5], [1, 2], [7], labels=labels), "increase", ["host"])
    assert not np.isnan(found.values[0])
    assert np.isnan(found.values[1])


@pytest.mark.parametrize("how", get_args(Aggregate))
@pytest.mark.parametrize("by", [None, [], ["n"]])
def test_no_series_give_no_values(how: Aggregate, by: list[str] | None):
    found = aggregate(series(), how, by)
    assert (len(found.labels), len(found.values)) == (0, 0)


@given(st.lists(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20), min_size=1, max_size=5))
def test_all_series_at_once_is_each_by_itself(many: list[list[float]]):
    for how in get_args(Aggregate):
        together = aggregate(series(*many), how).values
        alone = [aggregate(series(values), how).values[0] for values in many]
        np.testing.assert_allclose(together, alone, rtol=1e-6, atol=1e-4)
    for q in ("p50", "p90", "p95", "p99"):
        expected = [np.percentile(values, int(q[1:])) for values in many]
        np.testing.assert_allclose(aggregate(series(*many), q).values, expected, atol=1e-6)
