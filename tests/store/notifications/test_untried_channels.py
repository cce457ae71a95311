"""A channel that was never sent a message, or has no block, is not called healthy."""

from __future__ import annotations

import pytest

from sentinel.clock import FakeClock
from sentinel.engine.channel_watch import RULE, ChannelWatch
from sentinel.store import Store
from sentinel.store.alerts.live_labels import live_labels
from sentinel.store.audit.queries import every
from sentinel.store.notifications.channel_health import (
    channel_states,
    note_missing,
    record_recovery,
)
from tests.store.notifications.test_channel_health import HOOK
from tests.world import World


@pytest.mark.both_databases
def test_a_channel_that_was_never_tried_is_not_called_healthy(store: Store, clock: FakeClock):
    other = "sentinel-webhook/other"
    store.receivers.set("ops", [HOOK])

    def states() -> dict[str, str]:
        return {one.channel: one.state for one in channel_states(store, [other])}

    assert states() == {"inbox": "healthy", HOOK: "untried", other: "untried"}
    world = World(store, clock, receivers=["ops"])
    world.sees({"/": 95})
    world.tells()
    assert states() == {"inbox": "healthy", HOOK: "healthy", other: "untried"}
    record_recovery(store, other)
    assert states()[other] == "healthy"
    assert not [one for some in every(store) for one in some if one.action == "channel.tested"]


@pytest.mark.both_databases
def test_a_channel_without_a_block_is_missing_until_it_takes_a_message(
    store: Store, clock: FakeClock
):
    store.receivers.set("ops", [HOOK])
    watch = ChannelWatch(store)

    def state() -> tuple[str, bool]:
        watch.evaluate(clock.forward(seconds=30))
        shown = next(one.state for one in channel_states(store) if one.channel == HOOK)
        return shown, bool(live_labels(store, RULE))

    assert state() == ("untried", False)
    note_missing(store, {HOOK}, set())
    assert state() == ("missing", True)
    note_missing(store, {HOOK}, {"sentinel-webhook/other"})
    with store.read() as connection:
        logged = "SELECT count(*) FROM system_log WHERE what = 'channel.missing'"
        assert connection.exec_driver_sql(logged).scalar() == 1, "once, however often it is seen"
    note_missing(store, set(), {HOOK})
    assert state() == ("untried", False)
    note_missing(store, {HOOK}, set())
    record_recovery(store, HOOK)
    assert state() == ("healthy", False)
