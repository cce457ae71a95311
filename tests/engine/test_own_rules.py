"""Sentinel's own rules are evaluated only while they have something to say."""

from __future__ import annotations

from sentinel.clock import FakeClock
from sentinel.engine import channel_watch, chat_watch, run_health
from sentinel.rules.health import RuleHealth, health_of
from sentinel.store import Store
from sentinel.store.alerts.filter import AlertFilter
from sentinel.store.alerts.live_labels import live_labels
from sentinel.store.notifications.chat_connections import connected, disconnected
from sentinel.store.rules.health import FACTS, NONE, alert_counts, facts_of
from sentinel.worker.failure_reporting import LATENESS, report_lateness
from tests.engine.test_run_health import DEAD, OK, Pool
from tests.store.notifications.test_channel_health import HOOK, Night


def health(store: Store, rule: str) -> RuleHealth:
    rows = store.rules.fields({name: name for name in (*FACTS, "tenant", "name")}, None)
    (row,) = [one for one in rows if one["name"] == rule]
    counts = alert_counts(store).get((row["tenant"], rule), NONE)
    return health_of(facts_of(row, counts), store.now())


def test_flow_runs_that_have_lived_for_a_day_are_not_stale(store: Store, clock: FakeClock):
    pool = Pool()
    watch = run_health.RunWatch(store, pool, "sentinel")
    pool.ended = [DEAD] * 3
    watch.evaluate(clock.now())
    assert health(store, run_health.RULE) is RuleHealth.FIRING
    clock.forward(seconds=30)
    pool.ended = [OK]
    watch.evaluate(clock.now())
    clock.forward(days=1)
    watch.evaluate(clock.now())
    assert health(store, run_health.RULE) is RuleHealth.OK


def test_channels_that_have_answered_for_a_day_are_not_stale(store: Store, clock: FakeClock):
    night = Night(store, clock)
    night.hook.permanent = True
    watch = channel_watch.ChannelWatch(store)
    night.worlds[0].sees({"/": 95})
    night.passes(5)
    watch.evaluate(clock.now())
    assert health(store, channel_watch.RULE) is RuleHealth.FIRING
    store.receivers.remove("ops")
    clock.forward(seconds=30)
    watch.evaluate(clock.now())
    clock.forward(days=1)
    watch.evaluate(clock.now())
    assert HOOK not in {one.channel for one in channel_watch.channel_states(store)}
    assert health(store, channel_watch.RULE) is RuleHealth.OK


def test_rules_that_have_been_on_time_for_a_day_are_not_stale(store: Store, clock: FakeClock):
    report_lateness(store, {"disk": "is late"}, [])
    assert health(store, LATENESS) is RuleHealth.FIRING
    clock.forward(minutes=1)
    report_lateness(store, {}, ["disk"])
    clock.forward(days=1)
    assert health(store, LATENESS) is RuleHealth.OK


def test_a_chat_whose_connection_is_lost_is_one_alert_that_ends_by_itself(
    store: Store, clock: FakeClock
):
    slack = "sentinel-slack-app/ops"
    store.receivers.set("ops", [slack])
    watch = chat_watch.ChatWatch(store)
    watch.evaluate(clock.now())
    assert live_labels(store, chat_watch.RULE) == []
    disconnected(store, [slack, "sentinel-slack-app/unused"], "invalid_auth")
    for _ in range(3):
        clock.forward(seconds=15)
        watch.evaluate(clock.now())
    (alert,) = store.alerts.page(AlertFilter(rule=chat_watch.RULE)).items
    assert (alert.labels, alert.status) == ({"chat": slack}, "open")
    assert alert.title.endswith(f"the buttons of {slack} do nothing: invalid_auth")
    assert health(store, chat_watch.RULE) is RuleHealth.FIRING
    clock.forward(seconds=15)
    connected(store, [slack])
    watch.evaluate(clock.now())
    assert live_labels(store, chat_watch.RULE) == []
    clock.forward(days=1)
    watch.evaluate(clock.now())
    assert health(store, chat_watch.RULE) is RuleHealth.OK
