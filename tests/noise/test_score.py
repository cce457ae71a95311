"""The fatigue score: between 0 and 100, monotone in each part, silent without data."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from sentinel.noise.score import DEFINITION, LEAST, PARTS, Counts, fatigue_of

WHOLES = {"ignored": "ended", "low": "opened", "noise": "opened", "flapping": "seen",
          "duplicates": "seen"}  # fmt: skip


@st.composite
def counts(draw: st.DrawFn) -> Counts:
    opened = draw(st.integers(LEAST, 5000))
    ended, seen = draw(st.integers(0, opened)), draw(st.integers(0, opened))
    up_to = {"ended": ended, "opened": opened, "seen": seen}
    some: dict[str, Any] = {
        name: draw(st.integers(0, up_to[whole])) for name, whole in WHOLES.items()
    }
    return Counts(
        opened=opened, ended=ended, seen=seen, seconds=draw(st.floats(3600, 40 * 86400)), **some
    )


@given(counts())
def test_it_lies_between_0_and_100_and_is_the_sum_of_its_parts(given_: Counts):
    found = fatigue_of(given_)
    assert found.score is not None
    assert 0 <= found.score <= 100
    assert {one.name for one in found.parts} == set(PARTS)
    assert abs(found.score - sum(one.points for one in found.parts)) <= 0.05 + 1e-9
    assert all(0 <= one.share <= 1 and one.points <= one.most for one in found.parts)


@given(counts(), st.sampled_from(sorted(WHOLES)), st.integers(1, 100))
def test_more_of_any_part_never_makes_it_smaller(before: Counts, part: str, more: int):
    most = getattr(before, WHOLES[part])
    after = msgspec.structs.replace(before, **{part: min(most, getattr(before, part) + more)})
    assert (fatigue_of(after).score or 0) >= (fatigue_of(before).score or 0)
    longer = msgspec.structs.replace(before, seconds=before.seconds * 2)  # half as many a day
    assert (fatigue_of(longer).score or 0) <= (fatigue_of(before).score or 0)


def test_too_few_alerts_are_not_enough_data():
    assert fatigue_of(Counts()).score is None
    assert fatigue_of(Counts(opened=LEAST - 1, ended=4, ignored=4)).score is None
    assert fatigue_of(Counts(opened=LEAST)).score is not None


def test_its_most_points_are_100_and_its_definition_names_them():
    assert sum(points for points, _ in PARTS.values()) == 100
    assert all(f"{name} {points}" in DEFINITION for name, (points, _) in PARTS.items())
    worst = Counts(opened=700, ended=700, ignored=700, low=700, noise=700, seen=100, flapping=100,
                   duplicates=100)  # fmt: skip
    assert fatigue_of(worst).score == 100
