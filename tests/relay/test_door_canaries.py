"""The relay alerts by another path where a canary that was posted at a door does not arrive."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sentinel.clock import FakeClock
from sentinel.engine.canary_watch import DOOR_RULE, CanaryWatch
from sentinel.store import Store
from sentinel.store.notifications.door_canaries import (
    begin_door_canaries,
    forget_door_canaries,
    note_arrived,
    note_refused,
)
from tests.relay.test_relay import Night

EVERY, WITHIN = timedelta(minutes=15), timedelta(minutes=5)


@pytest.fixture
def night(store: Store, clock: FakeClock) -> Night:
    """A relay that watches canaries; no worker runs."""
    return Night(store, clock, watch_channels=CanaryWatch(store).evaluate)


def posted(night: Night, marker: str, *, arrives: bool) -> None:
    markers = {"opsgenie": marker, "webhook": f"{marker}-2"}
    begin_door_canaries(night.store, markers, every=EVERY, within=WITHIN)
    with night.store.write() as connection:
        note_arrived(connection, f"{marker}-2", night.clock.now())
        if arrives:
            note_arrived(connection, marker, night.clock.now())
    if not arrives:
        note_refused(night.store, marker, "it answered 503")


def told(night: Night) -> list[tuple[str, str]]:
    """Status and title of each message about a door, then forget them."""
    found = [
        (one.status, one.alerts[0].title)
        for one in night.channels.messages
        if one.alerts[0].rule == DOOR_RULE
    ]
    night.channels.messages.clear()
    return found


def live(night: Night) -> list[str]:
    return [one.title for one in night.store.alerts.page(limit=99).items if one.status == "open"]


def test_one_that_does_not_arrive_is_told_once_until_one_arrives(night: Night):
    posted(night, "one", arrives=False)
    night.passes(290, step=10)
    assert live(night) == []  # it has time left
    night.passes(60, step=10)
    title = "A canary posted at the door opsgenie did not arrive: it answered 503"
    assert live(night) == [title]
    night.passes(60, step=10)
    assert told(night) == [("firing", f"{title}")]
    posted(night, "two", arrives=True)
    night.passes(60, step=10)
    assert live(night) == []


def test_a_door_that_is_proved_no_longer_ends_its_alert(night: Night):
    posted(night, "one", arrives=False)
    night.passes(360, step=10)
    assert len(live(night)) == 1
    forget_door_canaries(night.store)
    night.passes(30, step=10)
    assert live(night) == []
