"""What lint says of rule packs, and what a rollout of their names refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from sentinel.backtest import Candidate
from sentinel.backtest.file_rules import of_entries
from sentinel.errors import ConfigurationError
from sentinel.lint.deployment_file import lint_entries, lint_file
from sentinel.rollout.files import Entry
from sentinel.rollout.packed_entries import alone
from sentinel.rollout.rule_runs import start_run
from sentinel.rules.approval import is_critical
from sentinel.rules.pack import is_pack, member_names
from tests.rollout.test_plan import named, plan, there


def deployment(members: list[dict[str, Any]], **rule: Any) -> dict[str, Any]:
    """A pack of rules about full disks."""
    return {
        "name": "disks", "entrypoint": "flows.rules.rule_pack", "work_pool": {"name": "sentinel"},
        "pull": [],
        "parameters": {
            "trigger": "disk_space", "shared": {"ignore": ["/snap"]}, "members": members,
            "rule": {"name": "disks", "every": "60s", **rule},
        },
        "schedules": [
            {"slug": "every", "interval": 60, "anchor_date": "2026-01-01T00:00:00+00:00"}
        ],
    }  # fmt: skip


def said(*deployments: dict[str, Any]) -> list[str]:
    """What is wrong with them."""
    found = lint_entries([("a.yaml", n, one, {}) for n, one in enumerate(deployments, 1)], [])
    return [one.what for one in found]


def test_a_pack_whose_rules_are_right_is_right():
    assert said(deployment([{"name": "a"}, {"name": "b", "rule": {"severity": "high"}}])) == []


WRONG: list[tuple[list[dict[str, Any]], str]] = [
        ([{"name": "a", "rule": {"consecutive": 0}}], "members: rule 'a': consecutive: must be"),
        ([{"name": "a", "parameters": {"ignored": []}}], "members: rule 'a': parameters.ignored: "),
        ([{"name": "a", "rule": {"annotations": {"summary": "{mont} is full"}}}],
         "members: rule 'a': annotations.summary: nothing fills in {mont}"),
        ([{"name": "a", "rule": {"receivers": ["nobody"]}}], "it notifies the receiver 'nobody'"),
    ]  # fmt: skip


def test_what_is_wrong_with_many_rules_of_a_pack_is_said_once():
    wrong: list[dict[str, Any]] = [
        {"name": f"a{n}", "parameters": {"ignored": []}} for n in range(20)
    ]
    (found,) = said(deployment([*wrong, {"name": "b"}]))
    assert found.startswith("members: rule 'a0' (19 more of its rules likewise): parameters.")
    assert "did you mean ignore? See: sentinel trigger show disk_space" in found


@pytest.mark.parametrize(("members", "expected"), WRONG)
def test_what_is_wrong_with_a_rule_of_a_pack_names_it(members: list[dict[str, Any]], expected: str):
    (found,) = said(deployment(members))
    assert expected in found


def test_a_rule_of_a_pack_has_the_name_of_no_other_rule():
    single = {**deployment([]), "name": "a", "entrypoint": "flows.rules.disk_space"}
    single["parameters"] = {"rule": {"name": "a", "every": "60s"}}
    (found,) = said(single, deployment([{"name": "a"}]))
    assert "members: another rule than 'a' has this name too" in found
    (found,) = said(deployment([{"name": "a"}]), single)
    assert "another deployment has this name too (disks, a pack)" in found


def _packed(*names: str) -> Entry:
    members = [{"name": name} for name in names]
    return named("pack", flow="rule_pack", parameters=deployment(members)["parameters"])


def test_a_rollout_refuses_a_pack_whose_rule_is_another_deployment():
    steps = plan(named("a"), _packed("a", "b"))
    assert [step.kind for step in steps] == ["created", "refused"]
    assert steps[1].reasons == ["its rule 'a' is also in a (rules.yaml)"]
    (step,) = plan(_packed("a", "b"), known=[there("b")])
    assert step.kind == "refused"
    assert "its rule 'b' is a deployment of the flow disk_space" in step.reasons[0]


def test_one_rule_of_a_pack_reads_as_a_deployment_of_its_own():
    first, second = alone(_packed("a", "b"))
    assert (first.name, first.entrypoint) == ("a", "flows.rules.disk_space")
    assert second.spec["parameters"] == {
        "ignore": ["/snap"], "rule": {"name": "b", "every": "1m"},
    }  # fmt: skip
    assert alone(named("c")) == [named("c")]


def test_a_pack_whose_parameters_are_a_list_is_refused_by_its_place():
    pack = named("disks", flow="rule_pack", parameters=[1])
    with pytest.raises(ConfigurationError, match="disks: parameters: must be a mapping"):
        alone(pack)
    assert (is_pack([1]), member_names([1])) == (False, [])


def test_one_rule_of_a_pack_is_backtested_by_its_own_name():
    found = of_entries([_packed("a", "b")], "b", "rules.yaml")
    assert isinstance(found, Candidate)
    assert (found.trigger.name, found.rule.name, found.parameters) == (
        "disk_space", "b", {"ignore": ["/snap"]},
    )  # fmt: skip


def test_a_pack_with_one_critical_rule_is_critical():
    def critical(**rule: Any) -> bool:
        parameters = deployment([{"name": "a"}, {"name": "b", "rule": rule}])["parameters"]
        return is_critical(parameters["rule"], parameters)

    assert critical(severity="critical")
    assert critical(when={"levels": {"critical": 90}})
    assert not critical(severity="high")


class _Prefect:
    url = "http://prefect"

    def __init__(self) -> None:
        self.started: list[tuple[str, Any]] = []

    def deployments(self) -> list[dict[str, Any]]:
        return [{"id": "p", "parameters": deployment([{"name": "a"}])["parameters"]}]

    def run_deployment(self, id_: str, *, parameters: Any = None) -> dict[str, Any]:
        self.started.append((id_, parameters))
        return {"id": "run"}

    def run_url(self, id_: str) -> str:
        return id_


@pytest.mark.parametrize(("rule", "only"), [("a", {"only": ["a"]}), ("disks", None)])
def test_a_run_of_one_rule_of_a_pack_is_a_run_of_the_pack_for_that_rule(rule: str, only: Any):
    prefect: Any = _Prefect()
    start_run(prefect, rule, tenant="", store=None, actor="ann")
    assert prefect.started == [("p", only)]


def test_a_file_with_a_pack_is_linted_line_by_line(tmp_path: Path):
    file = tmp_path / "prefect.yaml"
    file.write_text(yaml.safe_dump({"deployments": [deployment([{"name": "a"}, {"name": "a"}])]}))
    found = [one for one in lint_file(file) if not one.warning]
    assert ["the name of another rule" in one.what and one.line > 0 for one in found] == [True]
