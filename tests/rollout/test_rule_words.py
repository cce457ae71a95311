"""The words in which other systems write rules, and what becomes of them."""

from __future__ import annotations

from typing import Any

import pytest

from sentinel.errors import RuleError
from sentinel.rollout.rule_draft import Draft, draft_of, entry_of_draft, etag_of, rule_of
from sentinel.rollout.rule_words import Known, slug_of, worded
from sentinel.rollout.shipped_rules import shipped_draft
from tests.api.seed_requests import REQUESTS

JUDGES = {"service_up"}
KNOWN = Known(
    shipped=shipped_draft,
    judges=lambda name: name in JUDGES,
    checks=["cpu_usage", "disk_space", "memory_usage", "metric_expression", "metric_threshold",
            "service_up", "database_up", "backup_fresh"],
    metrics=["api_response_time", "errors", "requests"],
    receivers=["default", "email"],
)  # fmt: skip
CPU, DISK = (one.body for one in REQUESTS if one.path.endswith("/rules") and one.body)


def made(**body: Any) -> tuple[Draft, list[str]]:
    found = worded(body, KNOWN)
    return found.draft, found.notes


def test_the_first_seeded_body_means_what_it_says():
    found = worded(CPU, KNOWN)
    rule = rule_of(found.draft)
    assert (found.draft.trigger, found.matched, rule.name) == (
        "cpu_usage", "cpu_usage", "high-cpu-usage",
    )  # fmt: skip
    assert rule.when is not None
    assert rule.when.above == 85
    assert (rule.severity, rule.category, rule.consecutive) == ("warning", "system_health", 2)
    assert rule.dump()["for"] == "5m"
    assert rule.receivers == ["email", "slack"]
    assert found.given == CPU
    assert any("no receiver slack" in note for note in found.notes)
    assert any("'cpu'" in note for note in found.notes)


def test_the_second_seeded_body_is_about_the_disk():
    draft, _ = made(**DISK)
    assert draft.trigger == "disk_space"
    assert rule_of(draft).dump()["when"] == {"above": 80.0}


@pytest.mark.parametrize(
    ("name", "check"),
    [
        ("High CPU Usage", "cpu_usage"),
        ("memory_high", "memory_usage"),
        ("Disk Space Critical", "disk_space"),
        ("Service Down", "service_up"),
        ("Database Slow", "database_up"),
        ("Backup Failure", "backup_fresh"),
    ],
)
def test_a_name_is_matched_to_a_shipped_check(name: str, check: str):
    found = worded({"name": name, "threshold_value": 1, "comparison_operator": ">"}, KNOWN)
    assert found.matched == check
    assert entry_of_draft(found.draft).spec["entrypoint"] == f"flows.rules.{check}"


@pytest.mark.parametrize("name", ["Revenue", "Cpuset", "Disk of the database"])
def test_where_nothing_or_several_fit_the_error_lists_what_is_known(name: str):
    with pytest.raises(RuleError) as error:
        made(name=name, threshold_value=1)
    assert "api_response_time" in error.value.hint
    assert "cpu_usage" in error.value.hint


def test_a_service_that_is_not_named_is_not_watched_before_it_is():
    draft, notes = made(name="Service Down", threshold_value=0, comparison_operator="==")
    assert entry_of_draft(draft).spec["schedules"][0]["active"] is False
    assert any("parameters.services" in note for note in notes)
    assert any("judges what it sees by itself" in note for note in notes)
    assert "when" not in draft.rule
    changed = worded({"parameters": {"services": ["tcp://db:5432"]}}, KNOWN, draft).draft
    assert "active" not in entry_of_draft(changed).spec["schedules"][0]


@pytest.mark.parametrize(
    ("operator", "when"),
    [
        (">", {"above": 5}),
        ("<", {"below": 5}),
        ("==", {"equals": 5}),
        (">=", {"expression": "value >= 5"}),
        ("<=", {"expression": "value <= 5"}),
        ("!=", {"expression": "value != 5"}),
    ],
)
def test_every_operator_is_a_condition_and_keeps_its_own_when_the_threshold_changes(
    operator: str, when: dict[str, Any]
):
    draft, _ = made(name="cpu", threshold_value=5, comparison_operator=operator)
    assert draft.rule["when"] == when
    rule_of(draft)
    again = worded({"threshold_value": 7}, KNOWN, draft).draft.rule["when"]
    assert str(again) == str(when).replace("5", "7")


def test_a_metric_is_judged_over_its_window():
    draft, notes = made(
        name="Slow API", metric="api_response_time", threshold_value=500,
        evaluation_window_minutes=10,
    )  # fmt: skip
    assert (draft.trigger, draft.parameters) == (
        "metric_threshold", {"metric": "api_response_time", "over": "10m"},
    )  # fmt: skip
    assert "for" not in draft.rule
    assert notes == ["the metric's average over 10m is judged"]


@pytest.mark.parametrize(
    ("body", "trigger", "when"),
    [
        ({"name": "cpu", "condition": "value > 90 and labels.host != 'a'"}, "cpu_usage",
         {"expression": "value > 90 and labels.host != 'a'"}),
        ({"name": "cpu", "condition": "labels.host != 'a'", "threshold_value": 9}, "cpu_usage",
         {"expression": "(value > 9) and (labels.host != 'a')"}),
        ({"name": "Ratio", "condition": "errors / requests > 0.05"}, "metric_expression",
         {"equals": 1}),
        ({"name": "Ratio", "condition": "errors / requests", "threshold_value": 0.05},
         "metric_expression", {"above": 0.05}),
    ],
)  # fmt: skip
def test_a_condition_is_an_expression_over_the_reading_or_over_metrics(
    body: dict[str, Any], trigger: str, when: dict[str, Any]
):
    draft, _ = made(**body)
    assert (draft.trigger, draft.rule["when"]) == (trigger, when)
    rule_of(draft)


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({"condition": "revenue > 5"}, "condition: names revenue"),
        ({"condition": "value >"}, "condition: "),
        ({"condition": "value > 5", "when": {"above": 5}}, "when: condition"),
        ({"threshold_value": 5, "when": {"above": 5}}, "when: threshold_value"),
        ({"comparison_operator": ">"}, "comparison_operator: there is no threshold_value"),
        ({"trigger": "nonsense"}, "trigger: there is no check 'nonsense'"),
        ({"trigger": "cpu_usage", "metric": "errors"}, "metric: "),
        ({"evaluation_window_minutes": 5, "for": "1m"}, "for: "),
        ({"notification_channels": ["email"], "receivers": ["email"]}, "receivers: "),
    ],
)
def test_what_contradicts_itself_is_refused_by_name(body: dict[str, Any], names: str):
    with pytest.raises(RuleError) as error:
        made(name="cpu", **body)
    assert error.value.message.startswith(names)


def test_a_change_touches_only_what_it_names():
    draft, _ = made(**CPU, team="web")
    draft = worded({"when": {"above": 85, "clear": 80}}, KNOWN, draft).draft
    after = worded({"threshold_value": 90, "enabled": False}, KNOWN, draft)
    assert after.draft.rule == {**draft.rule, "when": {"above": 90, "clear": 80}}
    assert worded({"threshold_value": 70}, KNOWN, draft).draft.rule["when"] == {"above": 70}
    with pytest.raises(RuleError, match="keeps its name") as refused:
        worded({"name": "other"}, KNOWN, draft)
    assert "renamed_from" not in refused.value.hint, "a rule made over HTTP takes no state over"
    assert worded({"name": "High CPU Usage"}, KNOWN, draft).draft == draft


def test_escalation_rules_page_their_channels_else_the_receivers_of_the_rule():
    words = {"delay_minutes": 60, "max_level": None}
    found = worded({"name": "cpu", "escalation_rules": words}, KNOWN)
    assert found.given["escalation_rules"] == words
    assert any("name neither channels nor" in note for note in found.notes)
    own = rule_of(found.draft).escalation_rules
    assert own is not None
    assert (own.delay_minutes, own.max_level, own.channels) == (60, 1, ["default"])
    named = {"name": "cpu", "escalation_rules": {"channels": ["On Call"], "max_level": 3}}
    found = worded(named, KNOWN)
    assert found.draft.rule["escalation_rules"] == {"channels": ["on-call"], "max_level": 3}
    assert not [note for note in found.notes if "on-call" in note]  # refused when it is made
    by_schedule = {"name": "cpu", "escalation_rules": {"on_call_schedule": "primary"}}
    assert not [note for note in worded(by_schedule, KNOWN).notes if "escalation" in note]


def test_a_draft_comes_back_from_its_deployment():
    draft, _ = made(**CPU)
    spec = dict(entry_of_draft(draft).spec)
    back = draft_of({**spec, "work_pool_name": spec["work_pool"]["name"]})
    assert rule_of(back) == rule_of(draft)
    assert etag_of(back, enabled=True) == etag_of(back, enabled=True)
    assert etag_of(back, enabled=True) != etag_of(back, enabled=False)


@pytest.mark.parametrize(
    ("name", "slug"), [("High CPU Usage", "high-cpu-usage"), ("a.b_c", "a.b_c"), ("-É x-", "x")]
)
def test_a_title_has_a_name(name: str, slug: str):
    assert slug_of(name) == slug


def test_a_title_without_a_letter_has_none():
    with pytest.raises(RuleError, match="no letter"):
        slug_of("–")
