"""Flapping by Nagios' weighted window, with hysteresis."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.noise.episode import Episode
from sentinel.noise.flapping import (
    STATES,
    change_percent,
    flapping_at,
    flapping_episodes,
)

START = datetime(2026, 3, 2, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def test_the_newest_change_counts_half_as_much_again_as_the_oldest():
    oldest = [True] + [False] * (STATES - 1)
    newest = [False] * (STATES - 1) + [True]
    assert change_percent(oldest) == pytest.approx(0.8 * 100 / 20)
    assert change_percent(newest) == pytest.approx(1.2 * 100 / 20)
    every = [place % 2 == 0 for place in range(STATES)]
    assert change_percent(every) == pytest.approx(100)
    # A history that is not full yet has changed at its newest end alone.
    assert change_percent([False, True]) == pytest.approx(change_percent(newest))
    assert change_percent([]) == change_percent([True]) == 0


@given(st.lists(st.booleans(), max_size=60), st.booleans())
def test_it_is_a_percentage_of_the_last_21_states(states: list[bool], more: bool):
    assert 0 <= change_percent(states) <= 100 + 1e-9
    assert change_percent(states) == change_percent(states[-STATES:])
    if len(states) >= STATES:  # what is older than the window is forgotten
        assert change_percent([more, *states]) == change_percent(states)


def test_it_begins_at_the_high_threshold_and_ends_below_the_low_one():
    states = [flaps := False]
    for percent in (19.9, 20.0, 12.0, 10.0, 9.9, 19.0):
        flaps = flapping_at(flaps, percent)
        states.append(flaps)
    assert states == [False, False, True, True, True, False, False]


def test_alerts_that_open_in_a_burst_flap_and_a_lone_one_does_not():
    burst = [
        Episode(series="a", begins=START + 3 * n * MINUTE, ends=START + (3 * n + 1) * MINUTE,
                severity=3)
        for n in range(8)
    ]  # fmt: skip
    lone = Episode(series="a", begins=START + timedelta(hours=5), ends=None, severity=3)
    found = flapping_episodes([*burst, lone], MINUTE)
    assert found == [False, False, True, True, True, True, True, True, False]
    assert flapping_episodes(burst, timedelta(hours=1)) == [False] * 8  # at hourly evaluations
    assert flapping_episodes([], MINUTE) == []
