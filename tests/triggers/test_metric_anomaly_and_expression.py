"""Anomalies of stored metrics, and expressions over several, on both databases."""

from __future__ import annotations

import math
import random
from datetime import timedelta
from typing import Any

import pytest

from sentinel.clock import FakeClock
from sentinel.errors import ConfigurationError
from sentinel.store import Store
from tests.world import World
from triggers.metric_anomaly import metric_anomaly
from triggers.metric_expression import metric_expression


@pytest.fixture
def world(store: Store, clock: FakeClock) -> World:
    return World(store, clock)


def test_what_is_unusual_fires_and_stays_bad_for_a_while(world: World):
    chance = random.Random(3)
    world.measures_line([chance.gauss(50, 2) for _ in range(500)])
    (usual,) = world.observe(metric_anomaly, metric="load").readings
    assert (usual.labels, usual.firing) == ({"host": "a"}, False)
    world.measures_line([150.0])
    world.measures_line([chance.gauss(50, 2) for _ in range(10)])
    (odd,) = world.observe(metric_anomaly, metric="load").readings
    assert odd.firing is True
    assert odd.value is not None
    assert odd.value > 100
    assert "load a is unusual: 150 10m ago" in (odd.summary or "")
    world.measures_line([chance.gauss(50, 2) for _ in range(10)])
    assert [one.firing for one in world.observe(metric_anomaly, metric="load").readings] == [False]


def test_a_season_is_no_anomaly_and_its_absence_is(world: World):
    def day(minute: int) -> float:
        return 100 + 80 * math.sin(minute / 120 * 2 * math.pi) ** 21

    chance = random.Random(4)
    world.measures_line([day(n) + chance.gauss(0, 1) for n in range(1200)])
    given = {"metric": "load", "season": timedelta(hours=2), "over": timedelta(hours=2)}
    (usual,) = world.observe(metric_anomaly, **given).readings
    assert usual.firing is False
    world.measures_line([100 + chance.gauss(0, 1) for _ in range(60)])
    assert [one.firing for one in world.observe(metric_anomaly, **given).readings] == [True]


def test_with_too_few_samples_nothing_is_seen(world: World):
    world.measures_line([1.0] * 30)
    seen = world.observe(metric_anomaly, metric="load")
    assert (seen.readings, seen.not_seen) == ([], [{"host": "a"}])


def test_a_season_as_long_as_the_history_is_refused_since_nothing_lies_behind_it(world: World):
    with pytest.raises(ConfigurationError, match="season is 2d and history 2d") as caught:
        world.observe(metric_anomaly, metric="load", season=timedelta(days=2))
    assert "SENTINEL_KEEP_SAMPLES" in str(caught.value)


def test_several_metrics_become_one_value_for_each_group(world: World):
    for _ in range(3):
        world.measures(
            ("errors", 2, {"host": "a", "code": "500"}),
            ("errors", 6, {"host": "a", "code": "200"}),
            ("requests", 40, {"host": "a"}),
            ("requests", 0, {"host": "b"}),
            ("errors", 1, {"host": "b", "code": "500"}),
            ("requests", 9, {"host": "c"}),
        )
    seen = world.observe(
        metric_expression,
        metrics={"bad": "errors", "all": "requests"},
        match={"bad": ['code=~"5.."']},
        aggregate_by={"bad": "sum", "all": "sum"},
        expression="bad / all * 100",
        by=["host"],
    )
    (reading,) = seen.readings
    assert (reading.labels, reading.value) == ({"host": "a"}, 5)
    # b divides by zero, c has no errors to speak of.
    assert sorted(one["host"] for one in seen.not_seen) == ["b", "c"]


def test_true_and_false_are_one_and_zero(world: World):
    world.measures(("free", 3, {}), ("used", 9, {}))
    given: dict[str, Any] = {"metrics": {"f": "free", "u": "used"}}
    assert world.observe(metric_expression, **given, expression="u > 2 * f").readings[0].value == 1
    assert world.observe(metric_expression, **given, expression="u < f").readings[0].value == 0


def test_invalid_parameters_are_refused(world: World):
    with pytest.raises(ConfigurationError, match="match names x, which metrics does not"):
        world.observe(metric_expression, metrics={"a": "b"}, expression="a", match={"x": []})
    with pytest.raises(ConfigurationError, match=r"(?s)expression: .*column"):
        world.observe(metric_expression, metrics={"a": "b"}, expression="a + other")
