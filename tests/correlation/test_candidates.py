"""Changes before alerts, ranked: the nearest of the same service first, each with its reasons."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.correlation.candidates import AffectedAlert, ObservedChange, ranked

ALERTS = [AffectedAlert(opened=10_000.0 + at, rule="slow", service="web") for at in (0, 300)]
DOWNSTREAM = {"pay": 1, "db": 2}


def change(before: float, kind: Any = "deployment", **more: Any) -> ObservedChange:
    """A change so many seconds before the first alert."""
    return ObservedChange(at=10_000.0 - before, kind=kind, title="x", **more)


@pytest.mark.parametrize(
    ("one", "score", "reason"),
    [
        (change(0, service="web"), 0.9, "it is about web, which alerts"),
        (change(1_800, service="web"), 0.45, "it is about web, which alerts"),
        (change(0, rule="slow"), 0.9, "it changed the rule slow, which alerts"),
        (change(0, service="pay"), 0.81, "it is about pay, which it calls"),
        (change(0, service="db"), 0.729, "it is about db, 2 calls away"),
        (change(0, service="mail"), 0.09, "it is about mail, with no known tie"),
        (change(0, "configuration"), 0.08, "it names no service"),
        (change(0, "slow_dependency", service="pay", weight=0.5), 0.36, "which it calls"),
    ],
)
def test_a_change_counts_by_its_kind_its_time_and_how_it_is_related(
    one: ObservedChange, score: float, reason: str
):
    (found,) = ranked(ALERTS, [one], DOWNSTREAM)
    assert found.score == pytest.approx(score, abs=1e-4)
    assert reason in found.reasons[0]
    assert "the first alert" in found.reasons[1]


def test_what_came_long_before_or_after_is_no_candidate():
    assert ranked(ALERTS, [change(6 * 3600 + 1), change(-61)], {}) == []
    assert len(ranked(ALERTS, [change(6 * 3600), change(-60)], {})) == 2
    assert ranked([], [change(0)], {}) == []


@settings(max_examples=40)
@given(st.lists(st.integers(-60, 21_600), max_size=12), st.randoms(use_true_random=False))
def test_the_order_of_changes_does_not_matter_and_scores_fall(
    times: list[int], random: random.Random
):
    changes = [change(at, service="web", reference=str(n)) for n, at in enumerate(times)]
    found = ranked(ALERTS, changes, {}, 50)
    assert len(found) == len(changes)
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    assert found == ranked(ALERTS, random.sample(changes, len(changes)), {}, 50)
