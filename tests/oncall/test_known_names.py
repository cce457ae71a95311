"""A rule's escalation may name only receivers and schedules that there are."""

from __future__ import annotations

from pathlib import Path

import yaml

from sentinel.lint.deployment_file import lint_entries, lint_files
from sentinel.oncall.known_names import unknown_in_escalation
from sentinel.rules.escalation_rules import EscalationRules
from tests.lint.test_deployment_file import GOOD

NAMED = {"channels": ["ops", "default", "nobody"], "on_call_schedule": "nights"}
RULES = EscalationRules.model_validate(NAMED)


def test_each_unknown_name_is_said_with_those_that_there_are():
    channel, schedule = unknown_in_escalation(RULES, ["ops"], ["primary", "days"])
    assert channel.startswith(
        "escalation_rules.channels: there is no receiver 'nobody'; there are default, ops; make it"
    )
    assert schedule.startswith(
        "escalation_rules.on_call_schedule: the on-call document has no schedule 'nights'; there "
        "are days, primary; add it"
    )
    assert "there is none" in next(unknown_in_escalation(RULES, ["ops", "nobody"], []))
    many = [f"s{number:03}" for number in range(1_022)]
    assert "s019 and 1,002 more" in next(unknown_in_escalation(RULES, None, many))


def test_what_is_known_or_cannot_be_known_is_no_error():
    assert list(unknown_in_escalation(None, [], [])) == []
    assert list(unknown_in_escalation(RULES, None, None)) == []
    assert list(unknown_in_escalation(RULES, ["ops", "nobody"], ["nights"])) == []


def test_a_deployment_that_names_one_is_refused_with_its_line(tmp_path: Path):
    rule = {**GOOD["parameters"]["rule"], "escalation_rules": NAMED}
    one = {**GOOD, "parameters": {"rule": rule}}
    said = [each.what for each in lint_entries([("f", 1, one, {})], ["ops"], ["primary"])]
    assert [each.split(":")[0] for each in said] == [
        "rule.escalation_rules.channels", "rule.escalation_rules.on_call_schedule"
    ]  # fmt: skip
    assert lint_entries([("f", 1, one, {})], ["ops", "nobody"], ["nights"]) == []
    assert lint_entries([("f", 1, one, {})]) == []  # the database cannot be asked
    file = tmp_path / "prefect.yaml"
    file.write_text(yaml.safe_dump({"deployments": [one]}))
    lines = ["", *file.read_text().splitlines()]
    found = lint_files([file], ["ops"], ["primary"])
    assert [lines[each.line].strip().split(":")[0] for each in found] == [
        "channels", "on_call_schedule"
    ]  # fmt: skip
