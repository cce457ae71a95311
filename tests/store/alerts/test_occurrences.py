"""A check that counts says how often it happened; the alert keeps the sum and the last details."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from sentinel import Reading
from sentinel.checks.reading import checked
from sentinel.clock import FakeClock
from sentinel.errors import ReadingError
from sentinel.evaluation.model import Evaluation
from sentinel.store import Store
from tests.world import World


class Counting(World):
    """A rule whose check counts failed runs."""

    def counts(self, new: int | None, firing: bool = True, **details: Any) -> None:
        self.clock.forward(seconds=60)
        reading = Reading(
            labels={"job": "nightly"},
            firing=firing,
            occurrences=new,
            summary="bad",
            details=details,
        )
        looked: Evaluation = self.evaluation()
        seen = msgspec.structs.replace(looked.observation, readings=[reading])
        self.store.apply(msgspec.structs.replace(looked, observation=seen))

    def occurrences(self) -> list[int]:
        return [row[0] for row in self.rows("SELECT occurrences FROM alert ORDER BY id")]


@pytest.fixture
def world(store: Store, clock: FakeClock) -> Counting:
    return Counting(store, clock)


def test_every_new_occurrence_counts_and_an_evaluation_without_one_does_not(world: Counting):
    world.counts(2)
    assert world.occurrences() == [2]
    world.counts(0)
    world.counts(1)
    world.counts(3)
    assert world.occurrences() == [6]
    assert len(world.ids()) == 1


def test_a_new_one_brings_its_details_and_changes_nothing_that_people_act_on(world: Counting):
    world.counts(1, run="first")
    before = world.rows("SELECT status, version FROM alert")
    told = world.events()
    world.counts(0, run="first, seen again")
    assert "first" in str(world.rows("SELECT details FROM alert"))
    world.counts(1, run="second")
    assert "second" in str(world.rows("SELECT details FROM alert"))
    assert world.rows("SELECT status, version FROM alert") == before
    assert world.events() == told


def test_one_that_comes_back_soon_adds_to_the_same_alert(world: Counting):
    world.counts(2)
    world.counts(0, firing=False)
    world.counts(3)
    assert world.occurrences() == [5]


def test_what_happens_while_it_is_pending_counts(store: Store, clock: FakeClock):
    world = Counting(store, clock, consecutive=3)
    world.counts(1)
    world.counts(0)
    world.counts(2)
    assert world.occurrences() == [3]


def test_a_check_that_does_not_count_has_one_occurrence(world: Counting):
    world.counts(None)
    world.counts(None)
    assert world.occurrences() == [1]


def test_a_count_below_zero_is_refused():
    with pytest.raises(ReadingError, match="the occurrences of the reading"):
        checked(Reading(firing=True, occurrences=-1))


def test_texts_and_details_are_those_of_one_reading(world: Counting):
    world.counts(1, run="first")
    world.counts(1)
    assert world.rows("SELECT details FROM alert") in ([("{}",)], [({},)])
