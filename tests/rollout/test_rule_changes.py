"""Changes that give a part of a rule's condition keep the rest of it, or are refused."""

from __future__ import annotations

from typing import Any

import pytest

from sentinel.errors import RuleError
from sentinel.rollout.rule_words import Worded, worded
from tests.rollout.test_rule_words import KNOWN

PROD = "labels.env == 'prod'"


def made(**body: Any) -> Worded:
    return worded({"name": "cpu", **body}, KNOWN)


def changed(before: Worded, **body: Any) -> Worded:
    return worded(body, KNOWN, before.draft, before.given)


def when(found: Worded) -> Any:
    return found.draft.rule.get("when")


def test_a_threshold_keeps_the_operator_and_the_condition_beside_it():
    rule = made(threshold_value=10, comparison_operator="<", condition=PROD)
    once = changed(rule, threshold_value=5)
    assert when(once) == {"expression": f"(value < 5) and ({PROD})"}
    assert when(changed(once, comparison_operator=">=")) == {
        "expression": f"(value >= 5) and ({PROD})"
    }
    other = changed(once, condition="labels.env == 'test'")
    assert when(other) == {"expression": "(value < 5) and (labels.env == 'test')"}
    assert other.given["threshold_value"] == 5


def test_numbers_that_a_database_gives_back_otherwise_are_the_same_words():
    rule = made(threshold_value=10, comparison_operator="<", condition=PROD)
    again = worded(
        {"threshold_value": 5}, KNOWN, rule.draft, {**rule.given, "threshold_value": 10.0}
    )
    assert when(again) == {"expression": f"(value < 5) and ({PROD})"}


def test_a_condition_keeps_the_threshold_beside_it():
    assert when(changed(made(threshold_value=85), condition=PROD)) == {
        "expression": f"(value > 85) and ({PROD})"
    }
    written = made(when={"below": 3})
    both = changed(written, condition=PROD)
    assert when(both) == {"expression": f"(value < 3.0) and ({PROD})"}
    assert (both.given["comparison_operator"], "when" in both.given) == ("<", False)
    assert when(changed(both, threshold_value=4)) == {"expression": f"(value < 4) and ({PROD})"}


def test_a_threshold_joins_a_condition_that_was_alone():
    rule = made(condition=PROD)
    assert when(changed(rule, threshold_value=5)) == {"expression": f"(value > 5) and ({PROD})"}
    assert when(changed(rule, condition="value > 3")) == {"expression": "value > 3"}


@pytest.mark.parametrize(
    "written",
    [
        {"levels": {"high": 80, "critical": 95}},
        {"outside": [1, 9]},
        {"expression": f"value > 90 and {PROD}"},
    ],
)
@pytest.mark.parametrize("part", [{"threshold_value": 5}, {"condition": PROD}])
def test_a_part_of_what_is_no_plain_threshold_is_refused(
    written: dict[str, Any], part: dict[str, Any]
):
    with pytest.raises(RuleError, match="is a part only, and when is") as error:
        changed(made(when=written), **part)
    assert "condition, comparison_operator and threshold_value together" in error.value.hint


def test_what_is_given_whole_replaces_levels_and_says_so():
    rule = made(when={"levels": {"high": 80}})
    found = changed(rule, threshold_value=5, comparison_operator="<")
    assert (when(found), found.notes) == ({"below": 5}, ["one threshold replaces levels of when"])
    whole = {"threshold_value": 5, "comparison_operator": "<", "condition": PROD}
    assert when(changed(made(when={"expression": "value > 9 and unit == '%'"}), **whole)) == {
        "expression": f"(value < 5) and ({PROD})"
    }


def test_words_that_were_replaced_by_when_do_not_come_back():
    rule = changed(made(threshold_value=10, condition=PROD), when={"levels": {"high": 80}})
    assert not rule.given.keys() & {"threshold_value", "condition"}
    with pytest.raises(RuleError, match="is a part only"):
        changed(rule, threshold_value=5)


@pytest.mark.parametrize(
    ("before", "change"),
    [
        ({"threshold_value": 95}, {"condition": "value > 90"}),
        ({"condition": f"value > 95 and {PROD}"}, {"threshold_value": 90}),
    ],
)
def test_two_thresholds_of_which_one_is_not_given_are_refused(
    before: dict[str, Any], change: dict[str, Any]
):
    with pytest.raises(RuleError, match="is about the value, too"):
        changed(made(**before), **change)


def test_a_condition_that_is_one_comparison_takes_a_threshold():
    assert when(changed(made(condition="value >= 5"), threshold_value=6)) == {
        "expression": "value >= 6"
    }
    assert when(changed(made(condition="value >= 5"), condition="value >= 6")) == {
        "expression": "value >= 6"
    }
