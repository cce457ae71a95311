"""A condition over metrics is true or false, or a number that a threshold judges."""

from __future__ import annotations

from typing import Any

import pytest

from sentinel.errors import RuleError
from sentinel.rollout.metric_conditions import answers_truth, comparison_of
from sentinel.rollout.rule_words import Worded, worded
from tests.rollout.test_rule_words import KNOWN


def made(**body: Any) -> Worded:
    return worded({"name": "Load", **body}, KNOWN)


def changed(before: Worded, **body: Any) -> Worded:
    return worded(body, KNOWN, before.draft, before.given)


def when(found: Worded) -> Any:
    return found.draft.rule.get("when")


@pytest.mark.parametrize(
    "condition",
    [
        "errors > 85", "errors > 8 and requests > 5", "not errors > 85", "has(errors)",
        "errors > 5 if requests > 1 else false",
    ],
)  # fmt: skip
def test_what_is_true_or_false_fires_where_it_is_true(condition: str):
    assert answers_truth(condition)
    assert when(made(condition=condition)) == {"equals": 1}


@pytest.mark.parametrize(
    "condition", ["errors", "errors / requests", "default(errors, 1)", "-errors"]
)
def test_what_is_a_number_needs_a_threshold(condition: str):
    assert not answers_truth(condition)
    assert when(made(condition=condition)) is None
    assert when(made(condition=condition, threshold_value=5)) == {"above": 5}


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("errors > 85", (">", 85)), ("85 < errors", (">", 85)), ("errors <= -5", ("<=", -5)),
        ("errors > requests", None), ("1 < errors < 5", None),
        ("errors > 1 and requests > 1", None),
    ],
)  # fmt: skip
def test_one_comparison_with_a_number_is_known(condition: str, found: tuple[str, float] | None):
    assert comparison_of(condition) == found


def test_a_threshold_that_the_condition_has_already_is_accepted_with_a_note():
    words = {"condition": "errors > 85", "threshold_value": 85, "comparison_operator": ">"}
    found = made(**words)
    assert (when(found), found.notes) == (
        {"equals": 1}, ["the threshold is in the condition already"],
    )  # fmt: skip
    assert found.given == {"name": "Load", **words}


@pytest.mark.parametrize(
    "words",
    [
        {"threshold_value": 90},
        {"comparison_operator": "<"},
        {"threshold_value": 85, "comparison_operator": ">="},
    ],
)
def test_another_threshold_than_that_of_the_condition_is_refused(words: dict[str, Any]):
    with pytest.raises(RuleError, match="is true or false already"):
        made(condition="errors > 85", **words)
    with pytest.raises(RuleError, match="is true or false already"):
        changed(made(condition="errors > 85"), **words)


def test_a_when_that_true_and_false_do_not_differ_in_is_refused():
    with pytest.raises(RuleError, match="makes no difference"):
        made(condition="errors > 85", when={"above": 85})
    assert when(made(condition="errors > 85", when={"equals": 0})) == {"equals": 0}


def test_a_metric_that_becomes_a_condition_loses_its_threshold():
    metric = made(metric="errors", threshold_value=90)
    found = changed(metric, condition="errors > 80 and requests > 50")
    assert (found.draft.trigger, when(found)) == ("metric_expression", {"equals": 1})
    assert any("was about metric_threshold" in note for note in found.notes)
    assert "threshold_value" not in found.given


def test_a_condition_that_becomes_a_metric_is_compared_anew():
    condition = made(condition="errors > 85")
    found = changed(condition, metric="errors", threshold_value=85)
    assert (found.draft.trigger, when(found)) == ("metric_threshold", {"above": 85})
    assert when(changed(condition, metric="errors")) is None
    assert when(changed(condition, trigger="cpu_usage")) is None


def test_a_number_that_becomes_true_or_false_is_judged_as_that_and_back():
    number = made(condition="errors / requests", threshold_value=0.05)
    truth = changed(number, condition="errors / requests < 0.05")
    assert when(truth) == {"equals": 1}
    assert when(changed(truth, condition="errors / requests")) is None
    assert when(changed(truth, condition="errors", threshold_value=3)) == {"above": 3}
    assert when(changed(number, condition="errors")) == {"above": 0.05}


def test_a_rule_that_could_never_fire_does_after_its_next_condition():
    broken = worded({"when": {"equals": 1}}, KNOWN, made(condition="errors > 85").draft).draft
    broken.rule["when"] = {"above": 85}
    assert worded({"condition": "errors > 95"}, KNOWN, broken).draft.rule["when"] == {"equals": 1}


def test_another_condition_keeps_the_window_the_groups_and_what_its_names_have():
    parameters = {
        "by": ["host"], "match": {"errors": ["code=~'5..'"], "requests": ["env='prod'"]},
        "aggregate_by": {"requests": "rate"},
    }  # fmt: skip
    rule = made(
        condition="errors / requests > 0.1", parameters=parameters, evaluation_window_minutes=10
    )
    found = changed(rule, condition="errors > 95").draft
    assert found.parameters == {
        "metrics": {"errors": "errors"}, "expression": "errors > 95", "by": ["host"],
        "match": {"errors": ["code=~'5..'"]}, "over": "10m",
    }  # fmt: skip


def test_a_condition_may_use_the_names_that_the_rule_gave_its_metrics():
    own = {"metrics": {"bad": "errors", "all": "requests"}, "expression": "bad / all > 0.1"}
    rule = made(trigger="metric_expression", parameters=own)
    assert when(rule) == {"equals": 1}
    found = changed(rule, condition="bad > 5").draft
    assert found.parameters == {"metrics": {"bad": "errors"}, "expression": "bad > 5"}


def test_a_window_of_nothing_over_a_metric_is_said_to_have_no_effect():
    rule = made(metric="errors", threshold_value=5, evaluation_window_minutes=10)
    found = changed(rule, evaluation_window_minutes=0)
    assert found.draft.parameters["over"] == "10m"
    assert found.notes == [
        "evaluation_window_minutes 0 has no effect on a metric, whose window stays"
    ]
