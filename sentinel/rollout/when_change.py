"""A rule's `when` after a body of which only a part may be about it. Pure.

An expression over metrics that is true or false is judged by itself, as `equals: 1`; a threshold
is for numbers. What was about another check is not kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sentinel.errors import RuleError
from sentinel.rollout.metric_conditions import (
    EXPRESSION,
    answers_truth,
    comparison_of,
    distinguishes,
)
from sentinel.rollout.rule_draft import Draft
from sentinel.rollout.when_words import WORDS_OF_WHEN, judged, words_of

__all__ = ["WhenChange"]

_COMPARED = ("threshold_value", "comparison_operator")


class WhenChange:
    """What a body makes of `when`.

    Args:
        body: the fields that are given
        draft: what the rule checks from now on
        before: the rule as it is; None for a new one
        rule: its fields from now on; `when` is changed in it
        given: the words that it was made of; those that no longer hold are taken out
        judges: whether the check judges by itself, so that it has no threshold

    Attributes:
        notes: what is to be said about it
    """

    def __init__(
        self,
        *,
        body: Mapping[str, Any],
        draft: Draft,
        before: Draft | None,
        rule: dict[str, Any],
        given: dict[str, Any],
        judges: bool,
    ) -> None:
        self._body, self._draft, self._before = body, draft, before
        self._rule, self._given, self._judges = rule, given, judges
        self._expression = _expression_of(draft)
        self._truth = bool(self._expression) and answers_truth(self._expression)
        self.notes: list[str] = []

    def apply(self) -> None:
        """Change `when`.

        Raises:
            RuleError: the fields contradict each other, or are a part and the rest is not known
        """
        words = words_of(self._body)
        if "when" in self._body:
            self._given_whole(words)
            return
        self._drop_of_another_check()
        if self._judges and words.keys() & set(_COMPARED):
            self.notes.append(
                f"{self._draft.trigger} judges what it sees by itself, so the threshold has no "
                "effect"
            )
            return
        if self._expression:
            words = self._over_metrics(words)
        if not words:
            return
        found = judged(words, self._rule.get("when"), words_of(self._given))
        self._rule["when"] = found.when
        self.notes += found.notes
        self._forget("when")
        if self._before is not None:
            self._given |= found.words

    def _given_whole(self, words: Mapping[str, Any]) -> None:
        if words:
            raise RuleError(f"when: {max(words)} is given too", hint="Give one of them.")
        if self._truth and not distinguishes(self._body["when"]):
            raise RuleError(
                f"when: the condition {self._expression!r} is true or false, as 1 or 0, and when "
                "makes no difference between them",
                hint="Leave when out, or give a condition that is a number.",
            )
        self._forget(*words_of(self._given))

    def _drop_of_another_check(self) -> None:
        before, now = self._before, self._draft.trigger
        if before is None or before.trigger == now:
            return
        self._forget("when", *WORDS_OF_WHEN)
        if self._rule.pop("when", None) is not None:
            self.notes.append(f"when was about {before.trigger}, so it is not kept for {now}")

    def _over_metrics(self, words: dict[str, Any]) -> dict[str, Any]:
        """Judge what is true or false by itself, and leave a number to the words.

        Returns:
            The words that are still to be judged.
        """
        rule, before = self._rule, _expression_of(self._before)
        was_truth = bool(before) and answers_truth(before)
        if not self._truth:
            if was_truth and rule.pop("when", None) is not None:  # it asked whether it is true
                self._forget("when", *_COMPARED)
            return words
        if words.keys() & set(_COMPARED):
            self._say_the_same(words)
        else:
            self._forget(*_COMPARED)
        present = rule.get("when")
        if present is None or not was_truth or not distinguishes(present):
            rule["when"] = {"equals": 1}  # what is true is 1
            self._forget("when")
        return {name: one for name, one in words.items() if name == "condition"}

    def _say_the_same(self, words: Mapping[str, Any]) -> None:
        """Note a threshold that the condition has already; refuse another one."""
        found = comparison_of(self._expression)
        if found is not None:
            operator = words.get("comparison_operator", found[0])
            if (operator, words.get("threshold_value", found[1])) == found:
                self.notes.append("the threshold is in the condition already")
                return
        name = max(words.keys() & set(_COMPARED))
        raise RuleError(
            f"{name}: the condition {self._expression!r} is true or false already",
            hint="Write the threshold into the condition, or give a condition that is a number.",
        )

    def _forget(self, *names: str) -> None:
        """Take out words that no longer say what the rule is, unless they are given now."""
        for name in names:
            if name not in self._body:
                self._given.pop(name, None)


def _expression_of(draft: Draft | None) -> str:
    """Return the expression over metrics that a rule works out; empty where it has none."""
    if draft is None or draft.trigger != EXPRESSION:
        return ""
    return str(draft.parameters.get("expression") or "")
