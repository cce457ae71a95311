"""A rule whose deployment is gone: its alerts close, and it may return."""

from __future__ import annotations

from sentinel.clock import FakeClock
from sentinel.store import Store
from tests.world import World


def test_alerts_of_a_retired_rule_close_without_a_recovery_and_stay_in_the_history(
    store: Store, clock: FakeClock
):
    world = World(store, clock)
    world.sees({"/data": 97, "/home": 95})
    assert store.rules.retire("disk", actor="ada") == 2
    assert store.rules.list() == []
    assert [status for _, status in world.alerts()] == ["resolved", "resolved"]
    (alert, _) = world.ids()
    last = store.alerts.timeline(alert)[-1]
    assert (last.kind, last.reason, last.actor) == ("resolved", "rule_disabled", "ada")


def test_a_retired_rule_may_return_and_is_enabled(store: Store, clock: FakeClock):
    world = World(store, clock)
    world.sees({"/data": 97})
    store.rules.retire("disk", actor="ada")
    world.wait(hours=1)
    world.sees({"/data": 97})
    assert store.rules.get("disk").enabled
    assert [status for _, status in world.alerts()] == ["resolved", "open"]


def test_a_run_that_was_under_way_brings_neither_the_rule_nor_its_alerts_back(
    store: Store, clock: FakeClock
):
    world = World(store, clock)
    world.sees({"/data": 97})
    slot = clock.forward(seconds=60)
    clock.forward(seconds=1)
    store.rules.retire("disk", actor="ada")
    clock.forward(seconds=1)
    assert store.apply(world.evaluation({"/data": 98}, slot=slot)).outcome == "disabled"
    assert store.rules.list() == []
    assert [status for _, status in world.alerts()] == ["resolved"]
    assert world.sees({"/data": 97}).outcome == "firing"  # a new rule of that name


def test_the_state_of_its_conditions_is_deleted_with_the_rule(store: Store, clock: FakeClock):
    world = World(store, clock, often={"times": 3, "of_last": 5})
    world.sees({"/data": 97})
    world.sees({"/data": 97})
    assert world.rows("SELECT rule FROM rule_memory") == [("disk",)]
    store.rules.retire("disk", actor="ada")
    assert world.rows("SELECT rule FROM rule_memory") == []
    # The third bad look of the old rule would have been one too many.
    assert world.sees({"/data": 97}).outcome == "ok"


def test_a_renamed_rule_keeps_no_condition_state_of_the_old_name(store: Store, clock: FakeClock):
    world = World(store, clock, often={"times": 3, "of_last": 5})
    world.sees({"/data": 97})
    world.rule = world.rule.model_copy(update={"name": "disks", "renamed_from": "disk"})
    world.sees({"/data": 97})
    assert world.rows("SELECT rule FROM rule_memory") == [("disks",)]


def test_retiring_a_rule_that_never_ran_is_no_error(store: Store):
    assert store.rules.retire("none", actor="ada") == 0
