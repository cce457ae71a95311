"""A threshold, an operator and a condition of other systems, given whole or in part. Pure.

A part of them is merged with the others, which the rule was made with. Where the rule's present
`when` is something else, such as levels, a part cannot say what the whole is, and is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from sentinel.errors import RuleError
from sentinel.rollout.thresholds import KINDS, as_expression, names_in, still_clear, threshold_of

__all__ = ["OF_READING", "WORDS_OF_WHEN", "Judged", "judged", "words_of"]

OF_READING = frozenset({"value", "unit", "labels", "details"})
"""What a condition over a reading may ask for; another name is one of a metric."""
WORDS_OF_WHEN = ("threshold_value", "comparison_operator", "condition")
_NEEDED = "Give when, or condition, comparison_operator and threshold_value together."


class Judged(msgspec.Struct, frozen=True):
    """A `when`, the words that it is made of, and what is to be said about it."""

    when: dict[str, Any]
    words: dict[str, Any]
    notes: list[str]


def words_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the words about a reading's value among all words of a rule.

    Args:
        given: all words

    Returns:
        Threshold, operator and condition, as far as they are there. A condition that names
        metrics is not about the reading.
    """
    words = {name: given[name] for name in WORDS_OF_WHEN if given.get(name) is not None}
    condition = str(words.get("condition") or "").strip()
    words.pop("condition", None)
    if condition and names_in(condition) <= OF_READING:
        words["condition"] = condition
    return words


def judged(
    words: Mapping[str, Any], present: Mapping[str, Any] | None, before: Mapping[str, Any]
) -> Judged:
    """Return the `when` that some words make of the present one.

    Args:
        words: threshold, operator and condition, as far as they are given now
        present: `when` of the rule; None where it has none
        before: the words that the rule was made with

    Returns:
        The `when`.

    Raises:
        RuleError: the words are a part, and the rest is not known
    """
    notes: list[str] = []
    base = _rest(words, present, before, notes)
    merged: dict[str, Any] = {**base, **words}
    if "comparison_operator" in merged and "threshold_value" not in merged:
        raise RuleError(
            "comparison_operator: there is no threshold_value", hint="Give both of them."
        )
    _refuse_two_thresholds(words, base, merged)
    when = _made(merged)
    clear = (present or {}).get("clear")
    if clear is not None and still_clear(when, clear):
        when["clear"] = clear
    return Judged(when, merged, notes)


def _rest(
    words: Mapping[str, Any],
    present: Mapping[str, Any] | None,
    before: Mapping[str, Any],
    notes: list[str],
) -> dict[str, Any]:
    """Return the words that the present `when` is made of."""
    if not present or words.keys() >= set(WORDS_OF_WHEN):
        return {}
    plain = threshold_of(present)
    described = _describes(before, present)
    about_value = words.keys() - {"condition"}
    if plain is not None and (about_value or not described):
        return {"comparison_operator": plain[0], "threshold_value": plain[1]}
    if described:
        return dict(before)
    several = "levels" if present.get("levels") else "outside" if present.get("outside") else ""
    if several and words.keys() >= {"threshold_value", "comparison_operator"}:
        notes.append(f"one threshold replaces {several} of when")
        return {}
    shown = {kind: value for kind, value in present.items() if value is not None}
    raise RuleError(f"{min(words)}: is a part only, and when is {shown}", hint=_NEEDED)


def _describes(words: Mapping[str, Any], present: Mapping[str, Any]) -> bool:
    """Return whether the present `when` is what these words make."""
    if not words or set(words) == {"comparison_operator"}:
        return False
    without = {kind: one for kind, one in present.items() if kind != "clear" and one is not None}
    forms = [dict(words)]
    if "threshold_value" in words:  # a database may give 10 back as 10.0
        threshold = float(words["threshold_value"])
        forms.append({**words, "threshold_value": threshold})
        if threshold.is_integer():
            forms.append({**words, "threshold_value": int(threshold)})
    return any(_made(form) == without for form in forms)


def _refuse_two_thresholds(
    words: Mapping[str, Any], base: Mapping[str, Any], merged: Mapping[str, Any]
) -> None:
    """Refuse a threshold beside a condition over the value, of which just one is given now."""
    both = {"threshold_value", "condition"}
    if not merged.keys() >= both or words.keys() >= both or base.keys() >= both:
        return
    if "value" in names_in(str(merged["condition"])):
        given = min(both & words.keys(), default="comparison_operator")
        other = "the rule's threshold" if given == "condition" else "the rule's condition"
        raise RuleError(f"{given}: {other} is about the value, too", hint=_NEEDED)


def _made(words: Mapping[str, Any]) -> dict[str, Any]:
    """Return the `when` that words make, of which none is missing."""
    condition, threshold = words.get("condition"), words.get("threshold_value")
    if threshold is None:
        return {"expression": condition}
    operator = str(words.get("comparison_operator") or ">")
    kind = KINDS.get(operator)
    compared = {kind: threshold} if kind else {"expression": f"value {operator} {threshold!r}"}
    if not condition:
        return compared
    return {"expression": f"({as_expression(compared)}) and ({condition})"}
