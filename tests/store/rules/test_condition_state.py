"""Conditions on both databases: what is stored, notified and held back."""

from __future__ import annotations

from datetime import UTC, datetime

from sentinel.clock import FakeClock
from sentinel.store import Store
from tests.engine.test_dispatcher import FIRST
from tests.world import World


def test_three_of_the_last_five_open_and_survive_a_new_process(store: Store, clock: FakeClock):
    world = World(store, clock, often={"times": 3, "of_last": 5})
    for value in (95, 95, 20):
        assert world.sees({"/": value}).outcome == "ok"
    assert world.sees({"/": 95}).outcome == "firing"
    assert world.sees({"/": 20}).live == 1
    assert world.sees({"/": 20}).outcome == "ok"
    assert world.rows("SELECT status, resolution FROM alert") == [("resolved", "recovered")]


def test_an_alert_kept_firing_stays_open_without_a_notification(store: Store, clock: FakeClock):
    world = World(store, clock, keep_firing_for="3m")
    world.sees({"/": 95})
    applied = world.sees({"/": 20})
    assert (applied.live, applied.changed, applied.outcome) == (1, 0, "firing")
    assert world.alerts() == [("disk: / 95 percent", "open")]
    # Three minutes from the first good reading, as Prometheus counts.
    assert [world.sees({"/": 20}).outcome for _ in range(3)] == ["firing", "firing", "ok"]
    assert world.rows("SELECT kind FROM timeline ORDER BY id") == [("opened",), ("resolved",)]


def test_more_findings_than_allowed_become_one_alert(store: Store, clock: FakeClock):
    world = World(store, clock, max_alerts=2)
    applied = world.sees({f"/{n}": 91 + n for n in range(8)})
    assert (applied.bad, applied.live) == (8, 3)
    assert sorted(world.alerts()) == [
        ("disk: /6 97 percent", "open"),
        ("disk: /7 98 percent", "open"),
        ("disk: 6 more are bad than the 2 that have alerts", "open"),
    ]
    assert world.sees({f"/{n}": 20 for n in range(8)}).live == 0


def test_no_data_is_an_alert_where_the_rule_says_so(store: Store, clock: FakeClock):
    world = World(
        store, clock, no_data={"then": "own", "after": 2, "severity": "high"}, **{"for": "1h"}
    )
    assert world.sees({}).outcome == "ok"
    assert world.sees({}).outcome == "firing"
    world.sees({})
    assert world.rows("SELECT severity_word, title FROM alert") == [
        ("high", "disk sees nothing: no readings in 3 evaluations in a row")
    ]
    assert world.sees({"/": 20}).outcome == "ok"


def test_a_series_that_disappears_resolves_without_a_notification(store: Store, clock: FakeClock):
    world = World(store, clock, no_data={"then": "ok", "after": 2})
    world.sees({"/": 95, "/usb": 95})
    world.sees({"/": 95})
    assert world.sees({"/": 95}).live == 1
    assert world.rows("SELECT resolution FROM alert WHERE status = 'resolved'") == [("no_data",)]
    assert world.rows("SELECT quiet FROM group_member WHERE resolved_seq IS NOT NULL")[0][0]


def test_outside_active_hours_nothing_is_notified_and_afterwards_what_still_fires(
    store: Store, clock: FakeClock
):
    clock.set(datetime(2026, 3, 2, 20, tzinfo=UTC))  # a Monday
    hours = {"windows": [{"days": "mon-fri", "start": "08:00", "end": "18:00"}]}
    world = World(store, clock, group_wait="30s", active_hours=hours)
    world.sees({"/": 95, "/data": 95})
    clock.forward(minutes=5)
    assert world.said() == []
    assert [
        one.decision.reason for one in store.notification_log.explain_alert(world.ids()[0])
    ] == ["outside_hours"]
    world.sees({"/": 95, "/data": 20})
    clock.forward(minutes=5)
    assert world.said() == []
    due = store.notification_log.next_due()
    assert due == datetime(2026, 3, 3, 8, tzinfo=UTC)
    clock.set(datetime(2026, 3, 3, 8, tzinfo=UTC))
    assert world.said() == [FIRST]
    # Its end is told at any hour.
    clock.set(datetime(2026, 3, 3, 23, tzinfo=UTC))
    world.sees({"/": 20})
    assert world.said() == [("resolved", "resolved")]


def test_a_throttle_holds_notifications_back_and_counts_them(store: Store, clock: FakeClock):
    world = World(store, clock, group_wait="30s", throttle="1h", group_interval="1m")
    world.sees({"/": 95})
    clock.forward(seconds=30)
    assert world.said() == [FIRST]
    for mount in ("/a", "/b", "/c"):
        world.sees({"/": 95, mount: 95})
        clock.forward(minutes=5)
        assert world.said() == []
    due = store.notification_log.next_due()
    assert due is not None
    clock.set(due)
    assert world.told_why() == ["more alerts are firing; 3 held back by limits since the last one"]
    world.sees({"/": 95, "/d": 95})
    clock.forward(hours=1)
    assert world.said() == [("firing", "new_firing")]


def test_a_maximum_per_hour_counts_messages_over_any_hour(store: Store, clock: FakeClock):
    world = World(store, clock, group_wait="30s", max_messages_per_hour=2, group_interval="1m")
    world.sees({"/": 95})
    clock.forward(seconds=30)
    assert world.said() == [FIRST]
    world.sees({"/": 95, "/a": 95})
    clock.forward(minutes=10)
    assert world.said() == [("firing", "new_firing")]
    world.sees({"/": 95, "/a": 95, "/b": 95})
    clock.forward(minutes=10)
    assert world.said() == []
    assert store.notification_log.explain_alert(world.ids()[0])[0].decision.reason == ("per_hour")
    clock.forward(minutes=45)
    assert world.told_why() == ["more alerts are firing; 1 held back by limits since the last one"]
