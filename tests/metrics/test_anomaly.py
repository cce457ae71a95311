"""The anomaly detector: what it fires on, and that it goes on from where it was."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.metrics.anomaly import NORMAL, Detector, advance, z_scores


def noise(count: int, seed: int = 1) -> list[float]:
    chance = random.Random(seed)
    return [chance.gauss(100, 5) for _ in range(count)]


def test_noise_is_nothing_unusual():
    assert [advance(Detector(), noise(3000, seed)).fired for seed in range(5)] == [[]] * 5


@pytest.mark.parametrize("spike", [400.0, -200.0])
def test_a_spike_fires_where_it_is(spike: float):
    values = noise(1000)
    values[700] = spike
    assert advance(Detector(), values).fired == [700]


def test_a_lasting_change_fires_once_within_its_refractory_period():
    values = noise(600) + [one + 200 for one in noise(NORMAL.refractory - 1, 2)]
    assert advance(Detector(), values).fired == [600]


def test_while_it_learns_it_is_silent():
    values = noise(NORMAL.warm)
    values[-1] = 1e6
    found = advance(Detector(), values)
    assert (found.fired, max(found.scores)) == ([], 0.0)


def test_constant_numbers_are_no_anomaly():
    found = advance(Detector(), [5.0] * 2000)
    assert (found.fired, max(found.scores)) == ([], 0.0)


@given(
    st.lists(st.floats(-1e12, 1e12), max_size=300),
    st.integers(0, 300),
)
def test_in_pieces_it_says_the_same_as_at_once(values: list[float], cut: int):
    whole = advance(Detector(), values)
    first = advance(Detector(), values[:cut])
    second = advance(first.detector, values[cut:])
    assert [*first.scores, *second.scores] == whole.scores
    assert [*first.fired, *(min(cut, len(values)) + one for one in second.fired)] == whole.fired
    assert second.detector == whole.detector
    assert all(math.isfinite(one) for one in whole.scores)


def test_the_z_score_uses_only_earlier_numbers():
    values = noise(200)
    assert z_scores([*values, 200.0])[-1] > 15
    assert z_scores([*values, 200.0])[:200] == z_scores(values)
