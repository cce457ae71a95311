"""Who is added to a receiver hears of what is open, at once and not when it is next due."""

from __future__ import annotations

import pytest

from sentinel.clock import FakeClock
from sentinel.errors import NotFound
from sentinel.store import Store
from tests.engine.test_dispatcher import World


@pytest.fixture
def world(store: Store, clock: FakeClock) -> World:
    """An open group whose receiver `ops` was told; it is next due when it is repeated."""
    store.receivers.set("ops", ["inbox"])
    world = World(store, clock, receivers=["ops"])
    world.desk.sees({"/": 95})
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


def test_a_channel_that_is_added_is_told_at_once_and_nobody_twice(world: World):
    before = wakes(world)
    world.store.receivers.set("ops", ["inbox", "sentinel-webhook/ops"])
    assert wakes(world) == before + 1
    assert heard(world) == ["sentinel-webhook/ops"]
    assert heard(world) == []


def test_a_receiver_that_is_left_as_it_is_wakes_nobody(world: World):
    before = wakes(world)
    world.store.receivers.set("ops", ["inbox"])
    assert wakes(world) == before


def test_another_receiver_does_not_concern_it(world: World):
    before = wakes(world)
    world.store.receivers.set("night", ["sentinel-webhook/night"])
    assert (wakes(world), heard(world)) == (before, [])


def test_what_is_over_is_not_told_to_who_comes_late(world: World):
    world.desk.sees({"/": 20})
    assert heard(world) == ["inbox"]
    world.store.receivers.set("ops", ["inbox", "sentinel-webhook/ops"])
    assert heard(world) == []


def test_who_stands_in_for_a_receiver_that_is_gone_is_told_at_once(world: World):
    world.store.receivers.set("default", ["sentinel-webhook/all"])
    assert heard(world) == []
    world.store.receivers.remove("ops")
    assert heard(world) == ["sentinel-webhook/all"]
    world.store.receivers.set("default", ["sentinel-webhook/all", "sentinel-webhook/more"])
    assert heard(world) == ["sentinel-webhook/more"]


def test_a_receiver_that_is_made_at_last_is_told_what_default_heard(store: Store, clock: FakeClock):
    world = World(store, clock, receivers=["later"])
    world.desk.sees({"/": 95})
    world.clock.forward(seconds=30)
    assert heard(world) == ["inbox"]
    store.receivers.set("later", ["sentinel-webhook/later"])
    assert heard(world) == ["sentinel-webhook/later"]


def test_a_receiver_that_never_was_cannot_be_removed(world: World):
    before = wakes(world)
    with pytest.raises(NotFound, match="there is no receiver 'nobody'"):
        world.store.receivers.remove("nobody")
    assert wakes(world) == before
