"""A learned order of noisy rules, used only where it is better than the fatigue score. Pure.

A logistic regression of the earlier weeks says which rules nobody will act on. It is compared with
the fatigue score on the last weeks, which it was not fitted on.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from math import exp
from typing import Any

import msgspec
import numpy as np

from sentinel.noise.rule_weeks import FEATURES, RuleWeek, Week

__all__ = [
    "HELD_OUT", "LEAST_ALERTS", "LEAST_RULES", "LEAST_WEEKS", "NOT_INSTALLED", "Ranking",
    "average_precisions", "learning_is_installed", "ranking_of",
]  # fmt: skip

HELD_OUT = 3
"""The last weeks, which the comparison is made on."""
LEAST_WEEKS = 6
"""Weeks with an outcome, those held out among them."""
LEAST_RULES = 8
"""Rules with an outcome in the weeks held out: they are what is drawn anew for the interval."""
LEAST_ALERTS = 20
"""Alerts that people acted on, and as many that nobody did, both held out and before."""
_DRAWS, _SEED = 1000, 19
_BOUNDS = (2.5, 97.5)
"""Percentiles of the differences drawn: an interval of 95 %."""


class Ranking(msgspec.Struct, frozen=True, kw_only=True):
    """How noisy rules are ordered, and why so.

    Attributes:
        learned: whether by what was learned; else by the fatigue score
        text: which order it is and why, as sentences
        intercept: of the regression
        coefficients: of the regression, by name of the share; empty where nothing was fitted
        precision: average precision of the learned order in the weeks held out, 0 to 1; None where
            nothing was compared
        simple_precision: that of the fatigue score
        low: lower end of the 95 % interval of the first less the second
        high: upper end of it
    """

    learned: bool = False
    text: str
    intercept: float = 0.0
    coefficients: dict[str, float] = {}
    precision: float | None = None
    simple_precision: float | None = None
    low: float | None = None
    high: float | None = None

    def value(self, week: Week) -> float:
        """Return where a rule stands in the learned order, from 0 to 100.

        Args:
            week: what its alerts were like in the last seven days

        Returns:
            A hundred times the logistic function of the regression. It orders; whether it is right
            as a probability is not measured.
        """
        shares = zip(FEATURES, week.shares, strict=True)
        sums = self.intercept + sum(self.coefficients[name] * share for name, share in shares)
        return 100 / (1 + exp(-sums))


NOT_INSTALLED = Ranking(
    text="Ordered by the fatigue score. A learned order needs scikit-learn, which is not "
    "installed: install the extra sentinel-alerts[learned]."
)


def learning_is_installed() -> bool:
    """Return whether scikit-learn is there, without importing it."""
    return find_spec("sklearn") is not None


def ranking_of(examples: Sequence[RuleWeek]) -> Ranking:
    """Fit a regression on the earlier weeks, and compare it with the fatigue score on the last.

    Each rule counts the same in each week, however many alerts it has. The average precision is
    that of rules put in order: high where few of the alerts of the first rules were acted on. The
    interval is a percentile bootstrap that draws rules, since the weeks of one rule are alike; it
    is seeded, so that the same history gives the same ranking.

    Args:
        examples: as `rule_weeks` returns them

    Returns:
        The learned ranking where the interval lies above 0; else that of the fatigue score, with
        what was measured or what the history lacks.

    Raises:
        ImportError: the history suffices and scikit-learn is not installed
    """
    train = [one for one in examples if one.age >= HELD_OUT]
    held = [one for one in examples if one.age < HELD_OUT]
    lacks = _lacks(train, held)
    if lacks:
        return Ranking(
            text=f"Ordered by the fatigue score. The history is too short to learn from: {lacks}."
        )
    intercept, coefficients = _fitted(train)
    found = Ranking(learned=True, text="", intercept=intercept, coefficients=coefficients)
    learned = np.array([found.value(one.before) for one in held])
    simple = np.array([one.before.score for one in held])
    precision, simple_precision, low, high = _compared(held, learned, simple)
    measured = (
        f"in the last {HELD_OUT} weeks, which it was not fitted on, its average precision was "
        f"{precision:.2f} and that of the fatigue score {simple_precision:.2f} (95 % interval of "
        f"the difference: {low:.2f} to {high:.2f})"
    )
    better = low > 0
    text = (
        f"Ordered by what was learned of the earlier weeks: {measured}."
        if better
        else f"Ordered by the fatigue score. The learned order is not surely better: {measured}."
    )
    return msgspec.structs.replace(
        found, learned=better, text=text, precision=precision, simple_precision=simple_precision,
        low=low, high=high,
    )  # fmt: skip


def _lacks(train: Sequence[RuleWeek], held: Sequence[RuleWeek]) -> str:
    """Return what a history lacks to be learned from; empty where it suffices."""
    weeks = len({one.age for one in train}), len({one.age for one in held})
    rules = len({one.rule for one in held})
    if weeks[1] < HELD_OUT or sum(weeks) < LEAST_WEEKS:
        return (
            f"it needs {LEAST_WEEKS} weeks that follow a week in which a rule had five alerts, the "
            f"last {HELD_OUT} among them, and has {sum(weeks)}"
        )
    if rules < LEAST_RULES:
        return f"it needs {LEAST_RULES} such rules in the last {HELD_OUT} weeks, and has {rules}"
    for name, some in (("before", train), ("in", held)):
        for what, count in (
            ("somebody acted on", sum(one.acted for one in some)),
            ("nobody acted on", sum(one.unacted for one in some)),
        ):
            if count < LEAST_ALERTS:
                return (
                    f"it needs {LEAST_ALERTS} alerts that {what} {name} the last {HELD_OUT} weeks, "
                    f"and has {count}"
                )
    return ""


def _fitted(train: Sequence[RuleWeek]) -> tuple[float, dict[str, float]]:
    regression: Any = import_module("sklearn.linear_model").LogisticRegression(max_iter=1000)
    # Two rows for each example: one with its share of unacted alerts, one with the rest.
    share = np.array([one.unacted / (one.unacted + one.acted) for one in train])
    outcomes = np.tile([1, 0], len(train))
    weights = np.column_stack((share, 1 - share)).ravel()
    shares = np.repeat(np.array([one.before.shares for one in train]), 2, axis=0)
    regression.fit(shares, outcomes, sample_weight=weights)
    found = zip(FEATURES, regression.coef_[0].tolist(), strict=True)
    return float(regression.intercept_[0]), dict(found)


def _compared(
    held: Sequence[RuleWeek], learned: np.ndarray, simple: np.ndarray
) -> tuple[float, float, float, float]:
    """Return both average precisions, and the ends of the interval of their difference."""
    share = np.array([one.unacted / (one.unacted + one.acted) for one in held])
    rules = sorted({one.rule for one in held})
    places = np.array([rules.index(one.rule) for one in held])
    chance = np.random.default_rng(_SEED)
    drawn = chance.integers(len(rules), size=(_DRAWS, len(rules)))
    times = np.array([np.bincount(one, minlength=len(rules))[places] for one in drawn])
    differences = average_precisions(share, learned, times) - average_precisions(
        share, simple, times
    )
    low, high = np.percentile(differences, _BOUNDS).tolist()
    once = np.ones((1, len(held)))
    precision, simple_precision = (
        float(average_precisions(share, some, once)[0]) for some in (learned, simple)
    )
    return precision, simple_precision, low, high


def average_precisions(share: np.ndarray, scores: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Return the average precision of an order for each of many draws, all at once.

    It is that of `sklearn.metrics.average_precision_score` with `share` and `1 - share` as weights
    of a positive and a negative of the same score.

    Args:
        share: of each example, what is to be found first, 0 to 1; of shape (examples,)
        scores: by which the examples are ordered, the highest first; of the same shape
        times: how many times each example is there; of shape (draws, examples)

    Returns:
        Of shape (draws,); 0 for a draw in which there is nothing to find.
    """
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    # Examples of one score are taken together: there is no order among them.
    last = np.append(np.flatnonzero(np.diff(ordered)), len(ordered) - 1)
    there = times[:, order].astype(float)
    seen = np.cumsum(there, axis=1)[:, last]
    found = np.cumsum(there * share[order], axis=1)[:, last]
    precision = found / np.maximum(seen, 1)
    gained = np.diff(found, axis=1, prepend=0.0)
    return np.sum(gained * precision, axis=1) / np.where(found[:, -1] > 0, found[:, -1], 1.0)
