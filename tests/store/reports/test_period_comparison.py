"""Two periods compared."""

from __future__ import annotations

from datetime import datetime, timedelta

from sentinel import Reading, Rule
from sentinel.alerts.actions import Acknowledge
from sentinel.checks.observation import Observation
from sentinel.clock import FakeClock
from sentinel.evaluation.model import Evaluation
from sentinel.store import Store
from sentinel.store.alerts.filter import AlertFilter
from sentinel.store.reports.period_comparison import Compared, Span, compare
from tests.databases import both_databases
from tests.store.days import keep

HOUR = timedelta(hours=1)


def sees(store: Store, clock: FakeClock, name: str, minutes: int = 1, **values: float) -> None:
    at = clock.forward(minutes=minutes)
    store.apply(
        Evaluation(
            rule=Rule.model_validate({"name": name, "when": {"above": 90}, "team": name}),
            trigger="t", slot=at, at=at,
            observation=Observation(
                readings=[Reading(labels={"h": h}, value=v) for h, v in values.items()], state={}
            ),
        )
    )  # fmt: skip


def compared(store: Store, middle: datetime, chosen: AlertFilter | None = None) -> Compared:
    before = Span(since=middle - HOUR, until=middle)
    return compare(store, chosen or AlertFilter(), before, Span(since=middle, until=middle + HOUR))


def test_counts_times_and_rules_of_both_periods(store: Store, clock: FakeClock):
    sees(store, clock, "cpu", a=95, b=95)
    (first, _) = store.alerts.page().items
    clock.forward(minutes=3)
    store.act([first.id], Acknowledge(actor="lena"))
    sees(store, clock, "cpu", 7, a=1, b=1)
    middle = clock.forward(minutes=1)
    sees(store, clock, "disk", a=95)
    sees(store, clock, "disk", 4, a=1)
    found = compared(store, middle)
    assert (found.first.opened, found.first.resolved, found.first.unattended) == (2, 2, 1)
    assert (found.second.opened, found.second.resolved, found.second.unattended) == (1, 1, 1)
    assert round(found.first.acknowledge or 0) == 180
    assert round(found.first.resolve or 0) == 600
    assert round(found.second.resolve or 0) == 240
    assert found.second.acknowledge is None
    assert [(one.rule, one.first, one.second) for one in found.rules] == [
        ("cpu", 2, 0),
        ("disk", 0, 1),
    ]


@both_databases
def test_rollups_and_alerts_give_the_same_figures(store: Store, clock: FakeClock):
    for name, minutes in (("cpu", 50), ("disk", 70), ("cpu", 90), ("net", 240)):
        sees(store, clock, name, minutes, a=95, b=96)
        sees(store, clock, name, 13, a=1, b=1)
    store.act([store.alerts.page().items[0].id], Acknowledge(actor="lena"))
    until = clock.forward(hours=30)
    spans = [
        Span(since=until - timedelta(hours=hours, minutes=7), until=until - timedelta(hours=less))
        for hours, less in ((40, 33), (33, 28))
    ]
    # A condition that all alerts meet has each of them read.
    before = compare(store, AlertFilter(severity=("low", "medium", "high")), *spans)
    assert compare(store, AlertFilter(), *spans) == before
    keep(store)
    assert compare(store, AlertFilter(), *spans) == before
    assert before.first.opened
    assert before.second.opened
    assert before.rules[0].first_resolve


def test_a_filter_applies_to_both_periods(store: Store, clock: FakeClock):
    sees(store, clock, "cpu", a=95)
    middle = clock.forward(minutes=1)
    sees(store, clock, "disk", a=95)
    found = compared(store, middle, AlertFilter(rule="disk", since=middle + HOUR))
    assert (found.first.opened, found.second.opened) == (0, 1)


def test_two_empty_periods_compare_as_zero(store: Store, clock: FakeClock):
    found = compared(store, clock.now())
    assert found.rules == []
    assert found.first == found.second
