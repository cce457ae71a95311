"""The anomaly detector: what it fires on, and that it never looks ahead."""

from __future__ import annotations

import math
import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.metrics.anomaly import NORMAL, detect, z_scores


def noise(count: int, seed: int = 1) -> list[float]:
    chance = random.Random(seed)
    return [chance.gauss(100, 5) for _ in range(count)]


def days(count: int) -> list[float]:
    """A peak every 120 numbers, with a little noise."""
    chance = random.Random(7)
    return [100 + 80 * math.sin(n / 120 * math.pi) ** 20 + chance.gauss(0, 1) for n in range(count)]


def test_noise_is_nothing_unusual():
    assert [detect(noise(3000, seed)).fired for seed in range(5)] == [[]] * 5


def test_a_shape_that_comes_back_is_nothing_unusual():
    assert detect(days(3000)).fired == []


@pytest.mark.parametrize("spike", [400.0, -200.0])
def test_a_spike_fires_where_it_is(spike: float):
    values = noise(1000)
    values[700] = spike
    assert detect(values).fired == [700]


def test_a_spike_that_comes_every_day_is_learned():
    values = noise(4000)
    for place in range(300, 4000, 250):
        values[place] = 400.0
    assert len(detect(values).fired) <= 3


def test_a_lasting_change_fires_once_within_its_refractory_period():
    values = noise(600) + [one + 200 for one in noise(NORMAL.refractory - 1, 2)]
    assert detect(values).fired == [600]


def test_while_it_learns_it_is_silent():
    values = noise(NORMAL.warm)
    values[-1] = 1e6
    found = detect(values)
    assert (found.fired, max(found.scores)) == ([], 1.0)
    assert detect([]).fired == []


@pytest.mark.parametrize("jitter", [0.0, 1e-12, 1e-4])
def test_what_hardly_moves_is_no_anomaly(jitter: float):
    chance = random.Random(1)
    found = detect([5.0 + jitter * chance.gauss(0, 1) for _ in range(1000)])
    assert (found.fired, max(found.scores)) == ([], 1.0)


def test_unit_and_scale_do_not_matter():
    values = noise(800)
    values[500] = 300.0
    scaled = [one * 1024 for one in values]
    assert detect(scaled).scores == detect(values).scores
    huge = [one * 2.0**990 for one in values]
    assert detect(huge).fired == [500]
    assert all(math.isfinite(one) for one in detect(huge).scores)


def test_a_greater_rarity_fires_less():
    values = noise(2000)
    values[700], values[1500] = 135.0, 400.0
    rare = msgspec.structs.replace(NORMAL, rarity=900.0)
    assert detect(values, rare).fired == [1500]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(-1e12, 1e12), max_size=300),
    st.integers(0, 300),
)
def test_what_it_says_of_a_number_depends_on_earlier_ones_only(values: list[float], cut: int):
    whole, part = detect(values), detect(values[:cut])
    assert part.scores == whole.scores[:cut]
    assert part.fired == [place for place in whole.fired if place < cut]
    assert all(math.isfinite(one) for one in whole.scores)


def test_the_z_score_uses_only_earlier_numbers():
    values = noise(200)
    assert z_scores([*values, 200.0])[-1] > 15
    assert z_scores([*values, 200.0])[:200] == z_scores(values)
