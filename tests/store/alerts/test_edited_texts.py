"""A rule's texts that were edited reach its alerts, whatever the next evaluation saw."""

from __future__ import annotations

import pytest

from sentinel.clock import FakeClock
from sentinel.rules.rule import Rule
from sentinel.store import Store
from tests.world import World

OLD, NEW = "see the old page", "see the new page"


@pytest.fixture
def world(store: Store, clock: FakeClock) -> World:
    """`/` and `/data` fire, with the old description; then the rule is edited."""
    world = World(store, clock, description=OLD)
    world.sees({"/": 95, "/data": 95})
    world.rule = Rule.model_validate({**world.rule.model_dump(), "description": NEW})
    return world


def descriptions(world: World) -> set[str]:
    return {
        one.description for one in world.store.alerts.page(limit=50).items if "mount" in one.labels
    }


def test_the_next_evaluation_brings_them(world: World):
    world.sees({"/": 95, "/data": 95})
    assert descriptions(world) == {NEW}


@pytest.mark.parametrize("failures", [1, 3])
def test_evaluations_that_fail_first_do_not_lose_them(world: World, failures: int):
    for _ in range(failures):
        world.sees(error=OSError("no answer"))
    assert descriptions(world) == {OLD}
    world.sees({"/": 95, "/data": 95})
    assert descriptions(world) == {NEW}


def test_a_series_that_was_not_seen_at_first_gets_them_when_it_is_seen(world: World):
    world.sees({"/": 95})
    assert descriptions(world) == {OLD, NEW}
    world.sees({"/": 95, "/data": 95})
    assert descriptions(world) == {NEW}


def test_they_are_not_written_again_with_every_evaluation(world: World):
    def since() -> object:
        return world.rows("SELECT texts_since FROM rule")[0][0]

    world.sees({"/": 95, "/data": 95})
    first = since()
    world.sees({"/": 95, "/data": 95})
    assert since() == first is not None
