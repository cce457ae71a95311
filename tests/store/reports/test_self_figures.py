"""Figures of Sentinel itself: queues, lateness and sizes, which rules can watch."""

from __future__ import annotations

import msgspec

from sentinel.clock import FakeClock
from sentinel.store import Store
from sentinel.store.database.component_reports import report
from sentinel.store.reports.self_figures import keep_self_figures, overdue_rules, self_figures
from tests.world import World


def figures(store: Store) -> dict[str, float]:
    return {one.name: one.value for one in self_figures(store)}


def test_queues_have_a_length_and_an_age_until_they_are_served(store: Store, clock: FakeClock):
    idle = figures(store)
    assert [idle[f"sentinel_{name}_waiting"] for name in ("outbox", "notifications", "wakes")] == [
        0, 0, 0
    ]  # fmt: skip
    assert "sentinel_backup_age_seconds" not in idle
    world = World(store, clock)
    world.sees({"/": 95})
    clock.forward(minutes=10)
    late = figures(store)
    assert late["sentinel_notifications_waiting"] == 1
    assert late["sentinel_notifications_oldest_seconds"] == 600
    assert late["sentinel_outbox_oldest_seconds"] == 600
    world.tells()
    assert figures(store)["sentinel_notifications_waiting"] == 0
    assert figures(store)["sentinel_database_bytes"] > 0
    store.options = msgspec.structs.replace(store.options, most_active_alerts=2)
    assert figures(store)["sentinel_active_alerts_percent"] == 50


def test_a_rule_is_overdue_after_three_periods_and_a_minute(store: Store, clock: FakeClock):
    world = World(store, clock)
    world.sees({"/": 20})
    clock.forward(minutes=4)
    assert overdue_rules(store) == []
    clock.forward(seconds=30)
    ((name, late),) = overdue_rules(store)
    assert (name, late.total_seconds()) == ("disk", 30)
    assert figures(store)["sentinel_rule_late_seconds"] == 30
    store.rules.disable("disk", actor="ada")
    assert overdue_rules(store) == []


def test_the_age_and_the_state_of_the_last_backup_are_kept_as_metrics(
    store: Store, clock: FakeClock
):
    report(store, "backup", "ok", "1 MB")
    clock.forward(hours=30)
    assert keep_self_figures(store) == len(self_figures(store))
    (sample,) = store.metrics.reader().window(
        "sentinel_backup_age_seconds", (), clock.now().replace(hour=0), clock.now()
    ).values  # fmt: skip
    assert sample == 30 * 3600
    report(store, "backup", "wrong", "it does not restore")
    assert figures(store)["sentinel_backup_usable"] == 0
