"""A rule whose deployment is gone: its alerts close, and it may come again."""

from __future__ import annotations

from sentinel.clock import FakeClock
from sentinel.store import Store
from tests.store.desk import Desk


def test_its_alerts_close_without_a_recovery_and_stay_in_the_history(
    store: Store, clock: FakeClock
):
    desk = Desk(store, clock)
    desk.sees({"/data": 97, "/home": 95})
    assert store.rules.retire("disk", actor="ada") == 2
    assert store.rules.list() == []
    assert [status for _, status in desk.alerts()] == ["resolved", "resolved"]
    (alert, _) = desk.ids()
    last = store.alerts.timeline(alert)[-1]
    assert (last.kind, last.reason, last.actor) == ("resolved", "rule disabled", "ada")


def test_it_may_come_again_and_is_on(store: Store, clock: FakeClock):
    desk = Desk(store, clock)
    desk.sees({"/data": 97})
    store.rules.retire("disk", actor="ada")
    desk.wait(hours=1)
    desk.sees({"/data": 97})
    assert store.rules.get("disk").enabled
    assert [status for _, status in desk.alerts()] == ["resolved", "open"]


def test_one_that_never_ran_is_no_error(store: Store):
    assert store.rules.retire("none", actor="ada") == 0
