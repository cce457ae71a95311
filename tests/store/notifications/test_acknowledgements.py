"""Channels of vendors hear at once that somebody has acknowledged what fires; others do not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sentinel.alerts.actions import Acknowledge, Unacknowledge
from sentinel.clock import FakeClock
from sentinel.notifications.decision import GroupNow, Notified, Policy, decide
from sentinel.notifications.reasons import Reason
from sentinel.prefect_client.channel_types import takes_acknowledgements
from sentinel.store import Store
from sentinel.timing.rate_limit import Limit
from tests.world import World

PAGER, HOOK = "sentinel-pagerduty/oncall", "sentinel-webhook/ops"
NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ref", "takes"),
    [
        (PAGER, True), ("sentinel-teams/x", True), (HOOK, False), ("sentinel-email/x", False),
        ("inbox", False), ("slack-webhook/x", False), ("sentinel-", False),
    ],
)  # fmt: skip
def test_a_channel_type_of_a_vendor_hears_of_acknowledgements(ref: str, takes: bool):
    assert takes_acknowledgements(ref) is takes


def test_an_acknowledgement_is_sent_once_and_past_any_limit():
    group = GroupNow(seq=2, opened_at=NOW, severity=4, firing=2, acknowledged=2)
    policy = Policy(limit=Limit(throttle=timedelta(hours=1)))

    def reason(acknowledged: bool | None) -> tuple[bool, Reason]:
        last = Notified(seq=1, firing=2, severity=4, at=NOW, acknowledged=acknowledged)
        found = decide(group, last, NOW + timedelta(seconds=1), policy)
        return found.send, found.reason

    assert reason(False) == (True, Reason.ACKNOWLEDGEMENT)
    assert reason(True) == (False, Reason.ACKNOWLEDGED)
    assert reason(None) == (False, Reason.ACKNOWLEDGED)


def test_vendors_hear_of_it_within_the_pass_and_of_what_comes_after(store: Store, clock: FakeClock):
    store.receivers.set("ops", [PAGER, HOOK])
    world = World(store, clock, receivers=["ops"], group_wait="0s")
    world.sees({"/": 95.0, "/data": 95.0})
    world.tells()

    def heard() -> list[tuple[str, str, str]]:
        world.tells()
        found = [(ref, one.reason, one.alerts[0].status) for ref, one in world.recorder.messages]
        world.recorder.messages.clear()
        return found

    assert sorted(heard()) == [(PAGER, "first", "open"), (HOOK, "first", "open")]
    first, second = world.ids()
    store.act([first], Acknowledge(actor="ann"))
    assert heard() == []
    store.act([second], Acknowledge(actor="ann"))
    assert heard() == [(PAGER, "acknowledgement", "acknowledged")]
    clock.forward(hours=9)
    assert heard() == []
    # Once it is withdrawn it repeats, and a new acknowledgement is news again.
    store.act([first, second], Unacknowledge(actor="ann"))
    assert sorted(heard()) == [(PAGER, "repeat", "open"), (HOOK, "repeat", "open")]
    store.act([first, second], Acknowledge(actor="ann"))
    assert heard() == [(PAGER, "acknowledgement", "acknowledged")]
    world.sees({"/": 1.0, "/data": 1.0})
    assert sorted(heard()) == [(PAGER, "resolved", "resolved"), (HOOK, "resolved", "resolved")]


def test_a_message_says_who_acknowledged_and_what_is_new(store: Store, clock: FakeClock):
    store.receivers.set("ops", [PAGER])
    world = World(store, clock, receivers=["ops"], group_wait="0s", group_interval="1m")
    world.sees({"/": 95.0})
    world.tells()
    store.act(world.ids(), Acknowledge(actor="ann"))
    world.tells()
    clock.forward(minutes=2)
    world.sees({"/": 95.0, "/data": 95.0})
    world.tells()
    named = [
        {(one.labels["mount"], one.acknowledged_by, one.new) for one in message.alerts}
        for _, message in world.recorder.messages
    ]
    assert named == [
        {("/", "", True)}, {("/", "ann", False)}, {("/", "ann", False), ("/data", "", True)},
    ]  # fmt: skip
