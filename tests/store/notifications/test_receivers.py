"""A channel that is added to a receiver is notified of open groups at once."""

from __future__ import annotations

import pytest

from sentinel.clock import FakeClock
from sentinel.errors import NotFound
from sentinel.store import Store
from tests.world import World


@pytest.fixture
def world(store: Store, clock: FakeClock) -> World:
    """An open group whose receiver `ops` was told; it is next due when it is repeated."""
    store.receivers.set("ops", ["inbox"])
    world = World(store, clock, group_wait="30s", receivers=["ops"])
    world.sees({"/": 95})
    world.clock.forward(seconds=30)
    assert heard(world) == ["inbox"]
    assert heard(world) == []
    return world


def heard(world: World) -> list[str]:
    """The channels that are told now."""
    world.tells()
    channels = [channel for channel, _ in world.recorder.messages]
    world.recorder.messages.clear()
    return channels


def wakes(world: World) -> int:
    return world.store.wakes.requested()


def test_an_added_channel_is_notified_at_once_and_no_channel_twice(world: World):
    before = wakes(world)
    world.store.receivers.set("ops", ["inbox", "sentinel-webhook/ops"])
    assert wakes(world) == before + 1
    assert heard(world) == ["sentinel-webhook/ops"]
    assert heard(world) == []


def test_an_unchanged_receiver_requests_no_wake(world: World):
    before = wakes(world)
    world.store.receivers.set("ops", ["inbox"])
    assert wakes(world) == before


def test_changing_a_receiver_does_not_affect_groups_of_another(world: World):
    before = wakes(world)
    world.store.receivers.set("night", ["sentinel-webhook/night"])
    assert (wakes(world), heard(world)) == (before, [])


def test_an_added_channel_is_not_notified_of_resolved_alerts(world: World):
    world.sees({"/": 20})
    assert heard(world) == ["inbox"]
    world.store.receivers.set("ops", ["inbox", "sentinel-webhook/ops"])
    assert heard(world) == []


def test_default_is_notified_at_once_when_a_receiver_is_removed(world: World):
    world.store.receivers.set("default", ["sentinel-webhook/all"])
    assert heard(world) == []
    world.store.receivers.remove("ops")
    assert heard(world) == ["sentinel-webhook/all"]
    world.store.receivers.set("default", ["sentinel-webhook/all", "sentinel-webhook/more"])
    assert heard(world) == ["sentinel-webhook/more"]


def test_a_receiver_created_later_is_notified_of_what_default_was(store: Store, clock: FakeClock):
    world = World(store, clock, group_wait="30s", receivers=["later"])
    world.sees({"/": 95})
    world.clock.forward(seconds=30)
    assert heard(world) == ["inbox"]
    store.receivers.set("later", ["sentinel-webhook/later"])
    assert heard(world) == ["sentinel-webhook/later"]


def test_an_unknown_receiver_cannot_be_removed(world: World):
    before = wakes(world)
    with pytest.raises(NotFound, match="there is no receiver 'nobody'"):
        world.store.receivers.remove("nobody")
    assert wakes(world) == before
