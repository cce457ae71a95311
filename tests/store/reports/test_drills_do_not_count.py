"""Fire drills count in no statistics."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sentinel.alerts.actions import Acknowledge, MarkNoise, Resolve
from sentinel.clock import FakeClock
from sentinel.engine.paging import escalate_due
from sentinel.ingest.drill import start_drill
from sentinel.store import Store
from sentinel.store.alerts.filter import AlertFilter
from sentinel.store.escalations.drills import drill_of_team
from sentinel.store.oncall.documents import OnCallDocuments
from sentinel.store.reports.digests import digest_of
from sentinel.store.reports.escalations import escalation_figures
from sentinel.store.reports.noise import noise_report
from sentinel.store.reports.own_times import paging_load
from sentinel.store.reports.period_comparison import Span, compare
from sentinel.store.reports.trends import trend
from tests.databases import both_databases
from tests.store.days import keep
from tests.world import World

DOCUMENT = """
people:
  ann: {notify: [{receiver: default}]}
teams:
  db: {people: [ann], escalation: db, digest: {at: "07:00", receivers: [default]}}
escalation_policies: {db: {steps: [{notify: person:ann}]}}
"""


@pytest.fixture
def team(store: Store, clock: FakeClock) -> World:
    world = World(store, clock, team="db")
    OnCallDocuments(store).apply(DOCUMENT, actor="ann")
    return world


@both_databases
def test_one_real_alert_and_three_drills_count_as_one_alert(team: World, clock: FakeClock):
    store, begun = team.store, clock.now()
    team.sees({"/": 95})
    clock.forward(minutes=10)
    escalate_due(store, team.recorder.channel_of, by="test")
    store.act(team.ids(), Acknowledge(actor="ann"))
    drills: list[str] = []
    for _ in range(3):
        drills.append(start_drill(store, "db", severity="high", actor="ann"))
        clock.forward(seconds=31)
        escalate_due(store, team.recorder.channel_of, by="test")
        store.act([drills[-1]], MarkNoise(actor="ann", comment="a drill"))
        store.act([drills[-1]], Acknowledge(actor="ann"))
        store.act([drills[-1]], Resolve(actor="ann"))
        clock.forward(minutes=1)
    assert drill_of_team(store, "db") == drills[-1]
    team.sees({"/": 20})
    assert len(team.ids()) == 4
    figures = store.statistics.figures(24)
    assert (figures.generated, figures.resolved) == (1, 1)
    span = Span(since=begun, until=clock.now() + timedelta(hours=1))
    both = compare(store, AlertFilter(team="db"), span, span)
    assert (both.second.opened, both.second.resolved, both.second.acknowledge) == (1, 1, 600)
    assert [one.rule for one in both.rules] == ["disk"]
    assert escalation_figures(store).total.escalations == 1
    (paged,) = paging_load(store, begun, clock.now())
    assert (paged.person, paged.pages) == ("ann", 1)
    noisy = noise_report(store, timedelta(days=1))
    assert [(one.name, one.counts.opened, one.counts.noise) for one in noisy.rules] == [
        ("disk", 1, 0)
    ]  # fmt: skip
    assert [(one.name, one.counts.opened, one.counts.noise) for one in noisy.teams] == [
        ("db", 1, 0)
    ]  # fmt: skip
    assert [(one.name, one.counts.pages) for one in noisy.people] == [("ann", 1)]
    clock.forward(days=1)
    for kept in (False, True):  # counted from the alerts, then from rollups
        if kept:
            keep(store)
        found = trend(store, timedelta(days=2), timedelta(hours=1))
        assert (found.now.opened, found.now.resolved, found.now.acknowledge) == (1, 1, 600)
        assert [one.rule for one in found.noisy] == ["disk"]
        assert [one.opened for one in found.buckets] == [1]
    digest = digest_of(store, "db")
    assert (digest.opened, digest.resolved, len(digest.alerts)) == (1, 1, 1)
    assert [one.rule for one in digest.rules] == ["disk"]
