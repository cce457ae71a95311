"""Metrics and flow runs become good and total events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from sentinel.labels.matchers import matcher, matches
from sentinel.metrics.moments import micros
from sentinel.metrics.series import Series
from sentinel.slo.counts import Counts, Tally
from sentinel.slo.definition import (
    LatencyIndicator,
    MetricPart,
    PrefectIndicator,
    RatioIndicator,
    ThresholdIndicator,
)
from sentinel.slo.indicators import RunEnd, counts_of_runs, counts_of_samples

START = datetime(2026, 11, 30, 12, tzinfo=UTC)
END = START + timedelta(minutes=10)
Samples = Sequence[tuple[float, float]]
"""Minutes after START, and the value."""


class Metrics:
    """A reader of series that are given."""

    def __init__(self, **series: Sequence[tuple[Mapping[str, str], Samples]]) -> None:
        self._series = series

    def window(
        self, name: str, matchers: Sequence[str], since: datetime, until: datetime
    ) -> Series:
        asked = [matcher(one) for one in matchers]
        kept = [
            (labels, inside)
            for labels, samples in self._series[name]
            if matches(asked, labels)
            and (inside := [(t, v) for minutes, v in samples
                            if micros(since) < (t := _at(minutes)) <= micros(until)])
        ]  # fmt: skip
        return Series(
            name=name, since=micros(since), until=micros(until),
            labels=[labels for labels, _ in kept], units=[""] * len(kept),
            starts=np.cumsum([0, *(len(one) for _, one in kept)]),
            times=np.array([t for _, one in kept for t, _ in one], np.int64),
            values=np.array([v for _, one in kept for _, v in one], np.float64),
        )  # fmt: skip


def _at(minutes: float) -> int:
    return micros(START) + round(minutes * 60_000_000)


def total(counts: Counts) -> Tally:
    return counts.between(START, END)


def test_a_ratio_of_counters_counts_what_they_rose_by_over_resets_and_series():
    metrics = Metrics(
        bad=[({}, [(-1, 5), (1, 6), (2, 7)])],
        all=[({"pod": "a"}, [(-1, 100), (1, 150), (2, 10)]), ({"pod": "b"}, [(1, 7), (2, 47)])],
    )
    indicator = RatioIndicator(
        kind="ratio", bad=MetricPart(metric="bad"), total=MetricPart(metric="all")
    )
    # pod a: 50, then a restart and 10; pod b: 40; two of them bad.
    assert total(counts_of_samples(indicator, metrics, START, END)) == Tally(98, 100)


def test_metrics_that_are_numbers_of_events_add_up():
    metrics = Metrics(
        ok=[({"code": "200"}, [(1, 9), (2, 10)]), ({"code": "500"}, [(1, 1)])],
    )
    indicator = RatioIndicator(
        kind="ratio", good=MetricPart(metric="ok", match=['code="200"']),
        total=MetricPart(metric="ok"), counter=False,
    )  # fmt: skip
    assert total(counts_of_samples(indicator, metrics, START, END)) == Tally(19, 20)


def test_good_events_are_never_more_than_all():
    metrics = Metrics(good=[({}, [(0, 0), (1, 12)])], all=[({}, [(0, 0), (1, 10)])])
    indicator = RatioIndicator(
        kind="ratio", good=MetricPart(metric="good"), total=MetricPart(metric="all")
    )
    assert total(counts_of_samples(indicator, metrics, START, END)) == Tally(10, 10)


@pytest.mark.parametrize(
    ("limits", "good"), [({"below": 2.0}, 2), ({"above": 2.0}, 2), ({"above": 2, "below": 2}, 1)]
)
def test_samples_within_a_threshold_are_good(limits: dict[str, float], good: int):
    metrics = Metrics(load=[({}, [(1, 1), (2, 2), (3, 3)])])
    indicator = ThresholdIndicator.model_validate({"kind": "threshold", "metric": "load", **limits})
    assert total(counts_of_samples(indicator, metrics, START, END)) == Tally(good, 3)


def test_a_histogram_says_how_many_requests_were_fast():
    metrics = Metrics(
        took_bucket=[({"le": "0.5"}, [(0, 0), (1, 8)]), ({"le": "1"}, [(0, 0), (1, 9)])],
        took_count=[({}, [(0, 0), (1, 10)])],
    )
    indicator = LatencyIndicator(kind="latency", metric="took", below=0.5)
    assert total(counts_of_samples(indicator, metrics, START, END)) == Tally(8, 10)


def test_a_sample_on_the_edge_of_two_spans_counts_once():
    metrics = Metrics(load=[({}, [(0, 1), (10, 1)])])
    indicator = ThresholdIndicator(kind="threshold", metric="load", below=2)
    first = counts_of_samples(indicator, metrics, START - timedelta(minutes=10), START)
    second = counts_of_samples(indicator, metrics, START, END)
    assert first.between(START - timedelta(minutes=10), START) == Tally(1, 1)
    assert total(second) == Tally(1, 1)


def test_runs_count_at_their_end():
    indicator = PrefectIndicator(kind="prefect_runs", deployments=["*"])
    runs = [RunEnd(START, good=True), RunEnd(END - timedelta(seconds=1), good=False),
            RunEnd(END, good=True)]  # fmt: skip
    assert total(counts_of_runs(indicator, runs, START, END)) == Tally(1, 2)


def test_a_day_is_good_where_a_run_completed_by_its_time_also_when_the_clocks_change():
    indicator = PrefectIndicator(
        kind="prefect_runs", deployments=["*"], ready_by="06:00", timezone="Europe/Berlin"
    )
    start, end = datetime(2026, 10, 24, tzinfo=UTC), datetime(2026, 10, 27, tzinfo=UTC)
    runs = [
        RunEnd(datetime(2026, 10, 24, 3, 59, tzinfo=UTC), good=True),  # 05:59 in summer
        RunEnd(datetime(2026, 10, 25, 4, 59, tzinfo=UTC), good=True),  # 05:59 in winter
        RunEnd(datetime(2026, 10, 26, 5, 1, tzinfo=UTC), good=True),  # 06:01, too late
    ]
    found = counts_of_runs(indicator, runs, start, end)
    assert found.between(start, end) == Tally(2, 3)


@pytest.mark.parametrize(
    ("chosen", "all_events"),
    [
        ([(one, 60 * one) for one in range(6)], [(0, 0), (5, 300)]),
        ([(0, 0), (5, 300)], [(one, 60 * one) for one in range(6)]),
        ([(0, 0), (1, 0), (5, 240)], [(one, 60 * one) for one in range(6)]),
        ([(0, 0), (5, 240)], [(0, 0), (1, 60), (4, 240), (6, 300)]),
    ],
)
def test_events_of_counters_that_are_sampled_apart_are_not_lost(
    chosen: Samples, all_events: Samples
):
    metrics = Metrics(bad=[({}, chosen)], all=[({}, all_events)])
    indicator = RatioIndicator(
        kind="ratio", bad=MetricPart(metric="bad"), total=MetricPart(metric="all")
    )
    found = counts_of_samples(indicator, metrics, START, END)
    assert total(found) == Tally(300 - chosen[-1][1], 300)
    assert (found.good >= 0).all()


def test_events_that_no_minute_nearby_can_hold_are_not_counted_elsewhere():
    metrics = Metrics(bad=[({}, [(-60, 0), (-59, 5)])], all=[({}, [(1, 0), (2, 10)])])
    indicator = RatioIndicator(
        kind="ratio", bad=MetricPart(metric="bad"), total=MetricPart(metric="all")
    )
    found = counts_of_samples(indicator, metrics, START - timedelta(hours=1), END)
    assert total(found) == Tally(10, 10)


def test_a_span_that_is_counted_again_has_what_the_minutes_before_it_could_not_hold():
    """Bad events of the minutes before START are counted with the next sample of all events."""
    metrics = Metrics(
        bad=[({}, [(one, 9 * one + 90) for one in range(-10, 6)])],
        all=[({}, [(-7, 0), (-2, 50), (3, 100)])],
    )
    indicator = RatioIndicator(
        kind="ratio", bad=MetricPart(metric="bad"), total=MetricPart(metric="all")
    )
    whole = counts_of_samples(indicator, metrics, START - timedelta(minutes=10), END)
    again = counts_of_samples(indicator, metrics, START, END)
    assert total(again) == total(whole)
    assert total(whole).bad > 27
