"""Retention also deletes what depends on deleted groups and rules."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from sentinel.clock import FakeClock
from sentinel.store import Store
from tests.world import World


@pytest.fixture
def world(store: Store, clock: FakeClock) -> World:
    """A rule whose limits have held something back from a channel."""
    world = World(
        store,
        clock,
        group_wait="30s",
        throttle="1h",
        group_interval="1m",
        often={"times": 1, "of_last": 2},
    )
    world.sees({"/": 95})
    world.clock.forward(seconds=30)
    world.tells()
    world.sees({"/": 95, "/data": 95})
    world.clock.forward(minutes=2)
    world.tells()
    assert world.rows("SELECT held FROM held_back") == [(1,)]
    assert world.rows("SELECT rule FROM rule_memory") == [("disk",)]
    return world


def test_held_back_counts_are_deleted_with_their_group(world: World):
    for _ in range(3):
        world.sees({"/": 20, "/data": 20})
    world.tells()
    world.store.retain(timedelta(hours=1))
    assert len(world.rows("SELECT group_id FROM held_back")) == 1
    world.wait(hours=2)
    world.store.retain(timedelta(hours=1))
    assert world.rows("SELECT group_id FROM held_back") == []


def test_the_state_of_an_existing_rule_is_never_deleted(world: World):
    world.wait(days=400)
    world.store.retain(timedelta(days=90))
    assert world.rows("SELECT rule FROM rule_memory") == [("disk",)]


def test_state_left_by_deleted_groups_and_rules_is_deleted(world: World):
    with world.store.write() as connection:
        connection.execute(text("UPDATE held_back SET group_id = 'gone'"))
        connection.execute(text("DELETE FROM rule"))
    world.store.retain(timedelta(days=90))
    assert world.rows("SELECT group_id FROM held_back") == []
    assert world.rows("SELECT rule FROM rule_memory") == []
