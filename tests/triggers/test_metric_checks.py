"""Checks over stored metrics, on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sentinel import Rule
from sentinel.clock import FakeClock
from sentinel.errors import ConfigurationError
from sentinel.evaluation.model import Evaluation
from sentinel.store import Store
from tests.world import World
from triggers.metric_absent import metric_absent
from triggers.metric_change import metric_change
from triggers.metric_forecast import metric_forecast
from triggers.metric_threshold import metric_threshold


@pytest.fixture
def world(store: Store, clock: FakeClock) -> World:
    return World(store, clock)


def test_a_threshold_judges_each_series_over_its_window(world: World):
    world.measures_hosts("cpu", 3, a=10, b=100)
    world.measures_hosts("cpu", 3, a=40, b=100)
    assert world.values(metric_threshold, metric="cpu", over="6m") == {"a": 25, "b": 100}
    assert world.values(metric_threshold, metric="cpu", over="3m") == {"a": 40, "b": 100}
    last = world.values(metric_threshold, metric="cpu", aggregate_by="last", match=["host=a"])
    assert last == {"a": 40}
    assert world.values(metric_threshold, metric="cpu", over="3m", total=True) == {"*": 70}


def test_an_alert_opens_stays_while_nothing_comes_and_resolves_when_seen_good(world: World):
    rule = {"when": {"above": 90, "clear": 80}}
    world.measures_hosts("cpu", 2, a=95, b=20)
    first = world.evaluate(metric_threshold, rule, metric="cpu", over="1m")
    assert (first.outcome, first.seen, first.bad, first.changed) == ("firing", 2, 1, 1)
    world.clock.forward(minutes=5)
    silent = world.evaluate(metric_threshold, rule, metric="cpu", over="1m")
    assert (silent.outcome, silent.seen, silent.changed) == ("firing", 0, 0)
    world.measures_hosts("cpu", 2, a=85, b=20)  # below the threshold, not past `clear`
    assert world.evaluate(metric_threshold, rule, metric="cpu", over="1m").outcome == "firing"
    world.measures_hosts("cpu", 2, a=50, b=20)
    done = world.evaluate(metric_threshold, rule, metric="cpu", over="1m")
    assert (done.outcome, done.changed) == ("ok", 1)


def test_severity_by_value_reaches_series_of_a_table(world: World):
    world.measures_hosts("cpu", 2, a=85, b=97, c=10)
    rule = {"when": {"levels": {"high": 80, "critical": 95}}}
    done = world.evaluate(metric_threshold, rule, metric="cpu", over="1m")
    assert sorted(change.severity for change in done.changes) == ["critical", "high"]


def test_what_a_rule_over_metrics_sees_is_not_kept_twice(world: World):
    world.measures_hosts("cpu", 2, a=85)
    world.evaluate(metric_threshold, {"when": {"above": 90}}, metric="cpu")
    assert world.store.metrics.names() == ["cpu"]


def test_the_readings_of_one_rule_are_a_metric_for_another(world: World):
    world.measures_hosts("cpu", 2, a=85)
    spikes = {"name": "spikes", "when": {"above": 90}}
    seen = world.observe(metric_absent, metric="cpu")
    now = world.clock.now()
    world.store.apply(
        Evaluation(
            rule=Rule.model_validate(spikes), trigger="x", slot=now, at=now, observation=seen
        )
    )
    assert world.values(metric_threshold, metric="rule:spikes", match=["host=a"]) == {"a": 0}


def test_absence_is_the_age_of_the_last_sample_of_each_series(world: World):
    world.measures_hosts("beat", 2, a=1, b=1)
    world.measures_hosts("beat", 7, a=1)
    ages = world.values(metric_absent, metric="beat")
    assert ages == {"*": 0, "a": 0, "b": 420}
    done = world.evaluate(metric_absent, {}, metric="beat")
    assert [change.title for change in done.changes] == ["beat last came 7m ago b"]


def test_a_metric_that_no_series_sends_is_bad_with_the_labels_that_are_certain(world: World):
    match = ["env=prod", 'zone=~"a.*"']
    (reading,) = world.observe(metric_absent, metric="beat", match=match, remember="1h").readings
    assert reading.labels == {"metric": "beat", "env": "prod"}
    assert reading.firing is True
    assert reading.summary == "beat has not come from any series for 1h"


def test_a_metric_that_comes_back_resolves_its_absence(world: World):
    assert world.evaluate(metric_absent, {}, metric="beat").outcome == "firing"
    world.measures_hosts("beat", 1, a=1)
    done = world.evaluate(metric_absent, {}, metric="beat")
    assert (done.outcome, done.changed) == ("ok", 1)


def test_change_is_against_the_same_window_earlier(world: World):
    world.measures_hosts("orders", 5, a=100, b=0, c=10)
    world.measures_hosts("orders", 5, a=40, b=5)
    moved = world.values(metric_change, metric="orders")
    assert moved == {"a": -60}  # b was zero, c has stopped coming
    moved = world.values(metric_change, metric="orders", percent=False)
    assert moved == {"a": -60, "b": 5}


def test_a_forecast_says_when_and_how_sure(world: World):
    for minute in range(60):
        world.measures_hosts("disk", a=30 + minute, b=50)
    seen = world.observe(metric_forecast, metric="disk", threshold=95, over="1h")
    a, b = seen.readings
    assert a.value == pytest.approx(6 / 60, abs=0.001)
    assert a.summary == "disk a reaches 95 in 6m (90% sure: between 6m and 6m)"
    assert b.value == 24 * 365
    assert b.summary == "disk b does not head for 95"


def test_a_series_with_few_samples_is_not_forecast(world: World):
    world.measures_hosts("disk", 5, a=1)
    seen = world.observe(metric_forecast, metric="disk", threshold=95)
    assert seen.readings == []
    assert seen.not_seen == [{"host": "a"}]


def test_windows_and_matchers_that_are_none_are_explained(world: World):
    with pytest.raises(ConfigurationError, match="over must be longer than 0s"):
        world.observe(metric_threshold, metric="cpu", over=timedelta(0))
    with pytest.raises(ConfigurationError, match="cannot be read"):
        world.observe(metric_threshold, metric="cpu", match=["host"])
    with pytest.raises(ConfigurationError, match=r"\(a.*cannot be used"):
        world.observe(metric_threshold, metric="cpu", match=['host=~"(a"'])


def test_without_a_database_it_says_what_to_do():
    with pytest.raises(ConfigurationError, match="no database is known here"):
        metric_threshold.check(metric="cpu")
