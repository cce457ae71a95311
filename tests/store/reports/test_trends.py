"""Figures of a period beside those of the period before, on both databases."""

from __future__ import annotations

from datetime import timedelta

from sentinel.alerts.actions import Acknowledge, Resolve
from sentinel.clock import FakeClock
from sentinel.store import Store
from sentinel.store.reports.trends import trend
from tests.world import World

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def test_a_trend_counts_a_period_and_the_one_before(store: Store, clock: FakeClock):
    world = World(store, clock, category="system", team="ops")
    world.sees({"/old": 95.0})
    store.act(world.ids(), Resolve(actor="lena"))
    clock.forward(hours=25)
    world.sees({"/a": 95.0, "/b": 95.0, "/c": 95.0})
    ids = {one.labels["mount"]: one.id for one in store.alerts.page(order="live").items}
    clock.forward(minutes=10)
    store.act([ids["/a"]], Acknowledge(actor="lena"))
    clock.forward(minutes=20)
    store.act([ids["/a"], ids["/b"]], Resolve(actor="lena"))
    found = trend(store, DAY, HOUR)
    assert (found.now.opened, found.now.resolved, found.now.unattended) == (3, 2, 2)
    assert (round(found.now.acknowledge or 0), round(found.now.resolve or 0)) == (600, 1800)
    assert (found.before.opened, found.before.resolved) == (1, 1)
    assert found.by_category == [("system", 3)]
    assert found.by_team == [("ops", 3)]
    (noisy,) = found.noisy
    assert (noisy.rule, noisy.opened, noisy.before, noisy.unattended) == ("disk", 3, 1, 2)


def test_buckets_begin_on_whole_steps_and_hold_every_alert(store: Store, clock: FakeClock):
    world = World(store, clock)
    seen: dict[str, float] = {}
    for number in range(5):
        clock.forward(minutes=50)
        seen[f"/{number}"] = 95.0
        world.sees(seen)
    found = trend(store, DAY, HOUR)
    assert sum(one.opened for one in found.buckets) == 5
    for one in found.buckets:
        assert (one.at.minute, one.at.second, one.at.tzinfo) == (0, 0, found.until.tzinfo)
        assert one.severity == 3


def test_a_quiet_time_has_no_mean(store: Store):
    found = trend(store, DAY, HOUR)
    assert (found.now.opened, found.now.acknowledge, found.now.resolve) == (0, None, None)
    assert found.buckets == []
    assert found.noisy == []


def test_steps_of_minutes_hold_every_alert_too(store: Store, clock: FakeClock):
    world = World(store, clock)
    world.sees({"/": 95.0})
    clock.forward(minutes=7)
    world.sees({"/": 95.0, "/b": 95.0})
    found = trend(store, HOUR, timedelta(minutes=5))
    assert [one.opened for one in found.buckets] == [1, 1]
    assert all(one.at.minute % 5 == 0 for one in found.buckets)


def test_a_rule_that_is_quiet_now_counts_in_the_period_before_only(store: Store, clock: FakeClock):
    world = World(store, clock, category="system", team="ops")
    world.sees({"/a": 95.0, "/b": 95.0})
    clock.forward(hours=25)
    found = trend(store, DAY, HOUR)
    assert (found.now.opened, found.before.opened, found.before.unattended) == (0, 2, 2)
    assert (found.noisy, found.by_team, found.buckets) == ([], [], [])
