"""A learned order of noisy rules is used where it is surely better on the last weeks."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.noise.history import Happened, Kept
from sentinel.noise.ranking import (
    HELD_OUT,
    LEAST_RULES,
    LEAST_WEEKS,
    Ranking,
    average_precisions,
    learning_is_installed,
    ranking_of,
)
from sentinel.noise.rule_weeks import FEATURES, RuleWeek, Week, rule_weeks

average_precision_score: Any = import_module("sklearn.metrics").average_precision_score

NOW = datetime(2026, 3, 30, 9, tzinfo=UTC)
WEEKS, RULES, ALERTS = 9, 24, 12


def history(
    seed: int, unacted: Callable[[Week], float], *, weeks: int = WEEKS, rules: int = RULES,
    alerts: int = ALERTS,
) -> list[RuleWeek]:  # fmt: skip
    """Rules with shares of their own, whose alerts nobody acts on with a chance that these give."""
    chance = random.Random(seed)
    found: list[RuleWeek] = []
    for number in range(rules):
        usual = [chance.random() for _ in FEATURES]
        for age in range(weeks):
            shares = tuple(min(1.0, max(0.0, one + chance.gauss(0, 0.05))) for one in usual)
            points = dict(zip(FEATURES, shares, strict=True))
            score = 40 * points["ignored"] + 20 * points["flapping"] + 40 * points["duplicates"]
            week = Week(shares=shares, score=round(score, 1))
            many = sum(chance.random() < unacted(week) for _ in range(alerts))
            found.append(
                RuleWeek(
                    rule=("default", f"rule-{number}"), age=age, before=week, unacted=many,
                    acted=alerts - many,
                )
            )  # fmt: skip
    return found


def brief_is_noise(week: Week) -> float:
    """What the fatigue score does not know: nobody acts on what is over at once."""
    return 0.05 + 0.9 * week.shares[FEATURES.index("brief")]


def score_is_right(week: Week) -> float:
    return week.score / 100


def chance_alone(_: Week) -> float:
    return 0.5


def test_what_the_score_does_not_know_is_learned_and_used():
    found = ranking_of(history(1, brief_is_noise))
    assert found.learned
    assert found.low is not None
    assert found.high is not None
    assert found.precision is not None
    assert found.simple_precision is not None
    assert 0 < found.low < found.precision - found.simple_precision < found.high
    assert max(found.coefficients, key=lambda name: found.coefficients[name]) == "brief"
    assert found.text.startswith("Ordered by what was learned of the earlier weeks: ")
    assert f"precision was {found.precision:.2f} and that of the fatigue score " in found.text
    (brief, long) = (
        Week(shares=tuple(float(name == "brief") * share for name in FEATURES), score=0.0)
        for share in (1.0, 0.0)
    )
    assert 0 < found.value(long) < 50 < found.value(brief) < 100
    assert ranking_of(history(1, brief_is_noise)) == found, "the same history, the same ranking"


@pytest.mark.parametrize("unacted", [score_is_right, chance_alone])
def test_where_the_score_is_as_good_it_orders(unacted: Callable[[Week], float]):
    found = ranking_of(history(2, unacted))
    assert not found.learned
    assert found.low is not None
    assert found.low <= 0
    assert found.text.startswith(
        "Ordered by the fatigue score. The learned order is not surely better: in the last 3 weeks"
    )
    assert f"difference: {found.low:.2f} to" in found.text


@pytest.mark.parametrize(
    ("unacted", "least", "most"),
    [(chance_alone, 0, 3), (score_is_right, 0, 3), (brief_is_noise, 40, 40)],
)
def test_of_forty_histories_it_is_used_where_it_should_be(
    unacted: Callable[[Week], float], least: int, most: int
):
    """Of those where it is no better, an interval of 95 % allows one in forty on average."""
    used = sum(ranking_of(history(seed, unacted)).learned for seed in range(40))
    assert least <= used <= most


def test_only_the_weeks_before_those_held_out_are_learned_from():
    """Were the last weeks learned from, the reversal would be known and the order right again."""
    turned = [
        one if one.age >= HELD_OUT
        else msgspec.structs.replace(one, unacted=one.acted, acted=one.unacted)
        for one in history(1, brief_is_noise)
    ]  # fmt: skip
    found, straight = ranking_of(turned), ranking_of(history(1, brief_is_noise))
    assert not found.learned
    assert found.coefficients == straight.coefficients
    assert found.precision is not None
    assert found.simple_precision is not None
    assert found.precision < found.simple_precision


@pytest.mark.parametrize(
    ("examples", "lacks"),
    [
        ([], f"it needs {LEAST_WEEKS} weeks that follow a week in which a rule had five alerts, "
             f"the last {HELD_OUT} among them, and has 0"),
        (history(1, brief_is_noise, weeks=LEAST_WEEKS - 1), "and has 5"),
        (history(1, brief_is_noise, rules=LEAST_RULES - 1),
         f"it needs {LEAST_RULES} such rules in the last {HELD_OUT} weeks, and has 7"),
        (history(1, lambda _: 1.0),
         "it needs 20 alerts that somebody acted on before the last 3 weeks, and has 0"),
        ([one for one in history(1, brief_is_noise) if one.age >= HELD_OUT]
         + [one for one in history(1, lambda _: 0.0) if one.age < HELD_OUT],
         "it needs 20 alerts that nobody acted on in the last 3 weeks, and has 0"),
    ],
)  # fmt: skip
def test_too_little_history_is_named_and_nothing_is_fitted(examples: list[RuleWeek], lacks: str):
    found = ranking_of(examples)
    assert found == Ranking(text=found.text)
    assert found.text.startswith(
        "Ordered by the fatigue score. The history is too short to learn from: "
    )
    assert lacks in found.text


def test_the_library_is_looked_for_and_not_imported(monkeypatch: pytest.MonkeyPatch):
    assert learning_is_installed()
    monkeypatch.setitem(sys.modules, "sklearn", None)
    assert not learning_is_installed()


@given(
    st.lists(
        st.tuples(st.floats(0, 1), st.sampled_from([0.0, 0.3, 0.5, 0.9]), st.integers(0, 3)),
        min_size=1, max_size=12,
    )
)  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_average_precision_is_that_of_scikit_learn(examples: list[tuple[float, float, int]]):
    share, scores, times = (np.array(some, dtype=float) for some in zip(*examples, strict=True))
    (found,) = average_precisions(share, scores, times[None, :])
    weights = np.column_stack((share, 1 - share)).ravel() * np.repeat(times, 2)
    if (share * times).sum() == 0:
        assert found == 0
        return
    expected = average_precision_score(
        np.tile([1, 0], len(share)), np.repeat(scores, 2), sample_weight=weights
    )
    assert found == pytest.approx(expected, abs=1e-9)


def alert(days: float, number: int = 0, *, minutes: float | None = 30, rule: str = "disk",
          acknowledged: bool = False, by_hand: bool = False, noise: bool = False,
          severity: int = 3) -> Kept:  # fmt: skip
    opened = NOW - timedelta(days=days, minutes=20 * number)
    return Kept(
        id=f"{rule}-{days}-{number}", tenant="default", rule=rule, team="", series=f"s{number}",
        severity=severity, opened_at=opened,
        resolved_at=None if minutes is None else opened + timedelta(minutes=minutes),
        acknowledged=acknowledged, by_hand=by_hand, noise=noise,
    )  # fmt: skip


def test_a_week_of_a_rule_is_told_by_its_shares_and_by_what_became_of_the_next():
    before = [
        *(alert(9, number, minutes=2) for number in range(3)),
        alert(9, 3, minutes=2, by_hand=True), alert(9, 4, noise=True, severity=2),
    ]  # fmt: skip
    after = [
        alert(2, 0), alert(2, 1, acknowledged=True), alert(2, 2, by_hand=True),
        alert(2, 3, acknowledged=True, noise=True), alert(2, 4, minutes=None),
    ]  # fmt: skip
    (example,), latest = rule_weeks([*after, *before], {}, {}, NOW, 12)
    assert (example.rule, example.age) == (("default", "disk"), 0)
    # Acted on and not called noise, of those that ended.
    assert (example.acted, example.unacted) == (2, 2)
    shares = dict(zip(FEATURES, example.before.shares, strict=True))
    assert shares == pytest.approx(
        {"ignored": 0.8, "flapping": 0, "noise": 0.2, "volume": 5 / 70, "low": 0.2,
         "duplicates": 0, "brief": 0.6}
    )  # fmt: skip
    assert example.before.score == pytest.approx(30 * 0.8 + 3 + 15 * 5 / 70 + 2, abs=0.05)
    assert set(latest) == {("default", "disk")}


def test_a_week_of_few_alerts_or_without_outcome_is_no_example():
    four = [alert(9, number) for number in range(4)]
    assert rule_weeks([*four, alert(2)], {}, {}, NOW, 12) == ([], {})
    five = [*four, alert(9, 4)]
    assert len(rule_weeks([*five, alert(2)], {}, {}, NOW, 12)[0]) == 1
    assert rule_weeks([*five, alert(2, minutes=None)], {}, {}, NOW, 12) == ([], {})
    assert rule_weeks([*five, alert(2)], {}, {}, NOW, 1) == ([], {}), "older than asked for"
    assert rule_weeks([*five, alert(-1)], {}, {}, NOW, 12) == ([], {}), "after the end"


def test_flapping_is_told_by_the_period_of_the_rule():
    found: list[Kept] = []
    timelines: dict[str, list[Happened]] = {}
    for number in range(5):
        one = msgspec.structs.replace(alert(9, number, minutes=1), series="same")
        found.append(one)
        timelines[one.id] = [Happened(one.opened_at, "acknowledged", "")]

    def share(minutes: int) -> float:
        periods = {("default", "disk"): timedelta(minutes=minutes)}
        (example,), _ = rule_weeks([*found, alert(2)], timelines, periods, NOW, 12)
        return example.before.shares[FEATURES.index("flapping")]

    assert share(1) == 0 < share(10)
