"""The check `promql` over stored metrics, on both databases."""

from __future__ import annotations

import pytest

from sentinel.clock import FakeClock
from sentinel.errors import ConfigurationError
from sentinel.store import Store
from tests.world import World
from triggers.promql import promql


@pytest.fixture
def world(store: Store, clock: FakeClock) -> World:
    return World(store, clock)


def test_each_series_of_the_result_is_an_alert_and_ends_when_it_is_no_longer_in_it(world: World):
    given = {
        "expr": "avg_over_time(cpu[3m]) > 90",
        "alert": "HighCpu",
        "labels": {"severity": "page"},
        "annotations": {"summary": "[[ $labels.host ]] at [[ $value | humanize ]]"},
    }
    world.measures_hosts("cpu", 3, a=95, b=20)
    done = world.evaluate(promql, {}, **given)
    assert (done.outcome, done.bad, [one.title for one in done.changes]) == (
        "firing", 1, ["a at 95"],
    )  # fmt: skip
    assert done.changes[0].severity == "critical"
    (reading,) = world.observe(promql, **given).readings
    assert reading.labels == {"host": "a", "severity": "page", "alertname": "HighCpu"}
    world.measures_hosts("cpu", 3, a=10, b=20)
    assert (world.evaluate(promql, {}, **given).outcome) == "ok"


def test_a_series_that_has_not_come_for_the_lookback_is_gone(world: World):
    world.measures_hosts("up", 1, a=0)
    given = {"expr": "up == 0", "alert": "Down"}
    assert world.evaluate(promql, {}, **given).outcome == "firing"
    world.clock.forward(minutes=6)
    assert world.evaluate(promql, {}, **given).outcome == "ok"
    assert len(world.observe(promql, **given, lookback="10m").readings) == 1


def test_what_cannot_be_used_is_an_error_of_the_rule(world: World):
    for expr, why in (("sum(", "no PromQL"), ("up[5m]", "no result"), ('"a"', "gives a text")):
        with pytest.raises(ConfigurationError, match=why):
            world.values(promql, expr=expr, alert="A")
