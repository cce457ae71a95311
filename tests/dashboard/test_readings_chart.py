"""The chart in the drawer: the readings of an alert's own series, around the alert."""

from __future__ import annotations

from datetime import timedelta

import pytest

from dashboard.readings_chart import MOST_POINTS, lines_of, readings
from sentinel import Reading, Rule
from sentinel.alerts.actions import Resolve
from sentinel.alerts.view import AlertView
from sentinel.checks.observation import Observation
from sentinel.clock import FakeClock
from sentinel.evaluation.model import Evaluation
from sentinel.rules.condition import above, expression, levels, outside
from sentinel.store import Store

EVERY = timedelta(minutes=1)


class Watched:
    """One rule that looks at two hosts every minute."""

    def __init__(self, store: Store, clock: FakeClock) -> None:
        self.store = store
        self.clock = clock
        self.rule = Rule.model_validate(
            {"name": "cpu", "when": {"above": 90}, "labels": {"site": "a"}, "every": "60s"}
        )

    def sees(self, **values: float) -> None:
        at = self.clock.forward(minutes=1)
        found = [Reading(labels={"host": host}, value=value) for host, value in values.items()]
        self.store.apply(
            Evaluation(
                rule=self.rule, trigger="cpu_usage", slot=at, at=at, unit="percent",
                observation=Observation(readings=found, state={}),
            )
        )  # fmt: skip

    def alert(self) -> AlertView:
        (found,) = self.store.alerts.page(limit=1).items
        return found


@pytest.fixture
def watched(store: Store, clock: FakeClock) -> Watched:
    return Watched(store, clock)


def test_they_are_the_alerts_own_with_the_threshold_of_its_rule(watched: Watched):
    watched.sees(web=50, db=10)
    watched.sees(web=95, db=11)
    watched.sees(web=97, db=12)
    found = readings(watched.store, watched.alert())
    assert found is not None
    assert [value for _, value in found.points] == [50, 95, 97]
    assert [(line.at, line.name) for line in found.lines] == [(90, "above 90")]
    assert found.unit == "percent"
    assert found.step == EVERY.total_seconds()


def test_they_begin_before_the_alert_and_go_on_after_it(watched: Watched):
    for value in (50, 95, 60):
        watched.sees(web=value)
    alert = watched.alert()
    assert alert.resolved_at is not None
    for _ in range(60):
        watched.sees(web=60)
    found = readings(watched.store, alert)
    assert found is not None
    assert found.since < alert.first_bad_at
    assert alert.resolved_at < found.until < watched.clock.now()


@pytest.mark.slow
def test_very_many_are_thinned_and_keep_their_peaks(watched: Watched):
    for number in range(600):
        watched.sees(web=99.5 if number == 301 else 95 + number % 3)
    found = readings(watched.store, watched.alert())
    assert found is not None
    assert len(found.points) <= MOST_POINTS + 2
    assert max(value for _, value in found.points) == 99.5
    assert found.points == sorted(found.points)


def test_an_alert_of_days_is_drawn_by_the_minute(watched: Watched):
    watched.sees(web=95)
    watched.clock.forward(hours=30)
    watched.sees(web=96)
    found = readings(watched.store, watched.alert())
    assert found is not None
    assert [value for _, value in found.points] == [95, 96]


def test_a_rule_that_keeps_none_has_no_chart(watched: Watched):
    watched.rule = watched.rule.model_copy(update={"keep_readings": timedelta(0)})
    watched.sees(web=95)
    assert readings(watched.store, watched.alert()) is None


def test_a_rule_that_is_gone_has_readings_but_no_threshold(watched: Watched):
    watched.sees(web=95)
    watched.store.act([watched.alert().id], Resolve(actor="lena"))
    watched.store.rules.retire("cpu", actor="lena")
    found = readings(watched.store, watched.alert())
    assert found is not None
    assert found.lines == []


def test_every_threshold_of_a_condition_is_a_line():
    assert [one.at for one in lines_of(outside(1, 5))] == [1, 5]
    assert [(one.at, one.rank) for one in lines_of(levels(high=80, critical=95))] == [
        (80, 4),
        (95, 5),
    ]
    assert [one.name for one in lines_of(above(3))] == ["above 3"]
    assert lines_of(expression("value > 3")) == []
    assert lines_of(None) == []
