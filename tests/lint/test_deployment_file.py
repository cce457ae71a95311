"""A `prefect.yaml` is checked before it is rolled out; what is wrong is named, with the mend."""

import copy
import importlib
from pathlib import Path
from typing import Any

import pytest
import yaml

from sentinel.lint.deployment_file import lint_entries, lint_file, lint_files, main

ROOT = Path(__file__).parents[2]
GOOD: dict[str, Any] = {
    "name": "disk-space",
    "entrypoint": "flows.rules.disk_space",
    "pull": [],
    "work_pool": {"name": "sentinel"},
    "parameters": {"rule": {"name": "disk-space", "every": "60s", "when": {"above": 90}}},
    "schedules": [{"slug": "every", "interval": 60, "anchor_date": "2026-01-01T00:00:22+00:00"}],
}


class LintedFile:
    """Writes a file with one deployment changed in one place, and lints it."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "prefect.yaml"

    def findings(self, *deployments: dict[str, Any]) -> list[str]:
        self.file.write_text(yaml.safe_dump({"deployments": list(deployments)}))
        return [f"{one.deployment}: {one.what}" for one in lint_file(self.file)]

    def changed(self, *place: str | int, to: Any) -> list[str]:
        deployment = copy.deepcopy(GOOD)
        inner: Any = deployment
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] = to
        return self.findings(deployment)


@pytest.fixture
def linted(tmp_path: Path) -> LintedFile:
    return LintedFile(tmp_path)


def test_what_ships_is_in_order():
    assert lint_file(ROOT / "prefect.yaml") == []


def test_the_shipped_demo_is_info_and_notified_at_once():
    content = yaml.safe_load((ROOT / "prefect.yaml").read_text())
    demo = [d for d in content["deployments"] if "demo" in d["tags"]]
    assert sorted(d["name"] for d in demo) == ["demo-cpu", "demo-disk"]
    for deployment in demo:
        rule = deployment["parameters"]["rule"]
        assert (rule["severity"], rule["group_wait"]) == ("info", "0s")


def test_automations_pass_text_only():
    content = yaml.safe_load((ROOT / "prefect.yaml").read_text())
    for deployment in content["deployments"]:
        for trigger in deployment.get("triggers", []):
            assert all(isinstance(v, str) for v in trigger.get("parameters", {}).values())


def test_a_good_deployment_passes(linted: LintedFile):
    assert linted.findings(GOOD) == []


def test_one_name_twice(linted: LintedFile):
    (said,) = linted.findings(GOOD, {**GOOD, "entrypoint": "flows.rules.disk_space"})
    assert said.startswith("disk-space: another deployment has this name too")


@pytest.mark.parametrize(
    ("place", "to", "expected"),
    [
        (("parameters", "rule", "name"), "other", "its rule is named 'other'; give both the same"),
        (("parameters", "rule", "every"), "30s", "rule.every is 30s, the schedule's interval 1m"),
        (("parameters", "rule", "every"), None, "rule.every is missing; write every: 1m"),
        (("parameters", "rule", "for"), "soon", "rule.for: 'soon' is not a duration"),
        (("parameters", "rule", "when"), {"above": 1, "below": 2}, "rule.when: give exactly one"),
        (("parameters", "rule", "severty"), "high",
         "rule.severty: there is no such field; did you mean severity?"),
        (("parameters", "rule"), {"every": "60s"}, "rule.name: it is missing"),
        (("parameters",), {}, "it has no parameter `rule`"),
        (("parameters", "smallest_gb"), -1, "smallest_gb: must be between 0 and 1000000, got -1"),
        (("parameters", "smalest_gb"), 1, "disk_space has no parameter 'smalest_gb'"),
        (("entrypoint",), "flows.rules.disk_spice", "there is no trigger 'disk_spice'"),
        (("schedules", 0, "slug"), "", "a schedule has no slug"),
        (("schedules", 0, "interval"), 0, "the schedule's interval 0 is not a duration"),
        (("pull",), None, "write `pull: []`"),
        (("work_pool",), {}, "it names no work pool"),
        (("parameters", "rule", "annotations"), {"summary": "{mount} {valeu}"},
         "rule.annotations.summary: nothing fills in {valeu}; did you mean {value}? There are"),
        (("parameters", "rule", "description"), "On {moutn}",
         "rule.description: nothing fills in {moutn}; did you mean {mount}?"),
        (("parameters", "rule", "annotations"), {"where": "{customer}"},
         "a label that only the data knows is {labels.customer}"),
        (("parameters", "rule", "receivers"), ["Ops Team"],
         "it notifies 'Ops Team', which cannot be a receiver's name; use small letters"),
        (("parameters", "rule", "receivers"), "ops", "rule.receivers: must be a list: [a, b], got"),
        (("parameters", "rule", "when"), {"abov": 1},
         "rule.when.abov: there is no such field; did you mean above?"),
        (("parameters", "rule", "often"), {"times": 2, "window": 3},
         "rule.often.window: there is no such field; there are of_last, times"),
        (("parameters", "rule", "max_alerts"), "none", "rule.max_alerts: must be a whole number"),
        (("parameters", "rule", "severity"), "urgent", "rule.severity: must be 'critical', 'high'"),
    ],
)  # fmt: skip
def test_every_mistake_is_reported(
    linted: LintedFile, place: tuple[Any, ...], to: Any, expected: str
):
    said = linted.changed(*place, to=to)
    assert any(expected in one for one in said), said


def test_deployments_of_other_people_are_left_alone(linted: LintedFile):
    assert linted.findings({"name": "etl", "entrypoint": "etl/flow.py:main"}) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("deployments: [", "it cannot be read as YAML"),
        ("deployments: !!bool x", "it cannot be read as YAML: what is there is no boolean"),
        ("just text", "it has no list of `deployments`"),
        ("deployments: {a: b}", "it has no list of `deployments`"),
        ("deployments: [text]", "it is no deployment"),
        ("", "it has no list of `deployments`"),
    ],
)
def test_a_malformed_file_is_a_sentence_not_a_traceback(tmp_path: Path, text: str, expected: str):
    file = tmp_path / "prefect.yaml"
    file.write_text(text)
    (problem,) = lint_file(file)
    assert expected in str(problem)
    assert str(problem).startswith(str(file))


def test_a_missing_file_is_reported(tmp_path: Path):
    (problem,) = lint_file(tmp_path / "prefect.yaml")
    assert problem.what == "there is no such file"


def test_the_command_says_what_is_wrong_and_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert main([str(ROOT / "prefect.yaml")]) == 0
    assert capsys.readouterr().out == ""
    assert main([str(tmp_path / "gone.yaml")]) == 1
    assert "there is no such file" in capsys.readouterr().out


def test_what_the_triggers_code_yields_may_be_written_in_texts(linted: LintedFile):
    texts = {
        "summary": "{mount} on {host} is {value} {unit} full, {free_bytes} bytes left",
        "runbook": "https://example.org/{rule}?severity={severity}&team={team}&site={site}",
        "description": "{labels.mount}, {details.free_bytes}, {labels.nobody_knows}, {timestamp}",
    }
    rule = {**GOOD["parameters"]["rule"], "labels": {"site": "north"}, "annotations": texts}
    assert linted.changed("parameters", "rule", to=rule) == []


def test_a_trigger_without_parameters_says_that_it_takes_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    package = tmp_path / "triggers_of_test"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "bare_of_test.py").write_text(
        "from sentinel import Reading, trigger\n\n\n@trigger\ndef bare_of_test():\n"
        "    return [Reading(firing=False)]\n"
    )
    triggers = importlib.import_module("triggers")
    monkeypatch.setattr(triggers, "__path__", [*triggers.__path__, str(package)])
    said = LintedFile(tmp_path).changed("entrypoint", to="flows.rules.bare_of_test")
    assert said == []
    both = {"rule": GOOD["parameters"]["rule"], "limitt": 1}
    (said,) = LintedFile(tmp_path).findings(
        {**GOOD, "entrypoint": "flows.rules.bare_of_test", "parameters": both}
    )
    assert said == "disk-space: bare_of_test has no parameter 'limitt'; it takes none"


class TestSeveralFiles:
    """What is rolled out together is checked together."""

    def test_two_rules_of_one_name_are_refused_across_files(self, tmp_path: Path):
        one, other = tmp_path / "prefect.yaml", tmp_path / "more.yaml"
        for file in (one, other):
            file.write_text(yaml.safe_dump({"deployments": [GOOD]}))
        (problem,) = lint_files([one, other])
        line = 1 + other.read_text().splitlines().index("  name: disk-space")
        assert str(problem) == (
            f"{other}:{line}: disk-space: another deployment has this name too "
            f"(flows.rules.disk_space in {one}); rename one"
        )

    def test_a_file_named_twice_is_one_file(self, tmp_path: Path):
        file = tmp_path / "prefect.yaml"
        file.write_text(yaml.safe_dump({"deployments": [GOOD]}))
        assert lint_files([file, tmp_path / "." / "prefect.yaml"]) == []

    def test_one_that_cannot_be_read_hides_nothing_of_the_others(self, tmp_path: Path):
        (tmp_path / "broken.yaml").write_text("deployments: [")
        (tmp_path / "bad.yaml").write_text(yaml.safe_dump({"deployments": [{**GOOD, "pull": 1}]}))
        said = [str(p) for p in lint_files(sorted(tmp_path.glob("*.yaml")))]
        assert "write `pull: []`" in said[0]
        assert "it cannot be read as YAML" in said[1]

    def test_a_folder_is_no_file(self, tmp_path: Path):
        (problem,) = lint_files([tmp_path])
        assert problem.what == "it is a folder; name the files in it"


def test_a_finding_names_the_line_of_what_is_wrong(tmp_path: Path):
    rule = {**GOOD["parameters"]["rule"], "when": {"above": "much"}}
    parameters = {**GOOD["parameters"], "rule": rule, "ignored": 1}
    file = tmp_path / "prefect.yaml"
    deployments = [GOOD, {**GOOD, "name": "other", "pull": [1], "parameters": parameters}]
    file.write_text("# a comment\n\n" + yaml.safe_dump({"deployments": deployments}))
    lines = file.read_text().splitlines()
    said = {one.what.split(":")[0]: lines[one.line - 1].strip() for one in lint_files([file])}
    assert said["rule.when.above"] == "above: much"
    assert said["write `pull"] == "pull:"
    assert all(one.line for one in lint_files([file]))


def metric(trigger: str, rule: dict[str, Any] | None = None, **parameters: Any) -> dict[str, Any]:
    """A deployment of a check over stored metrics."""
    chosen = {**GOOD["parameters"]["rule"], **(rule or {})}
    found = {"entrypoint": f"flows.rules.{trigger}", "parameters": {**parameters, "rule": chosen}}
    return {**GOOD, **found}


@pytest.mark.parametrize(
    ("deployment", "expected"),
    [
        (metric("metric_threshold", metric="cpu", match=['env=~"("']), "the matcher 'env=~\"(\"'"),
        (metric("metric_threshold", metric="cpu", over="0s"), "over must be longer than 0s"),
        (metric("metric_anomaly", metric="cpu", season="2d"), "season is 2d and history 2d"),
        (metric("heartbeat", jobs={"nightly": "0s"}), "jobs.nightly must be longer than 0s"),
        (metric("metric_expression", metrics={"a": "b"}, expression="a + c"),
         "expression: there is no name 'c'"),
        (metric("metric_expression", metrics={"a": "b"}, expression="a +"),
         "expression: the expression ends too early"),
    ],
)  # fmt: skip
def test_invalid_parameters_of_a_metric_check_are_reported_without_a_database(
    linted: LintedFile, deployment: dict[str, Any], expected: str
):
    (said,) = linted.findings(deployment)
    assert expected in said


@pytest.mark.parametrize(
    ("given", "said"),
    [(None, "`sentinel deploy` fills it in"), ("2026-01-01T00:00:23+00:00", "which holds")],
)
def test_an_anchor_that_does_not_follow_from_the_name_is_a_warning(
    linted: LintedFile, given: str | None, said: str
):
    (found,) = linted.changed("schedules", 0, "anchor_date", to=given)
    assert said in found
    assert 'anchor_date: "2026-01-01T00:00:22+00:00"' in found
    assert all(problem.warning for problem in lint_file(linted.file))


@pytest.mark.parametrize(
    ("times", "said"),
    [
        ({"keep_firing_for": "30s"}, ["rule.keep_firing_for is 30s", "write keep_firing_for: 1m"]),
        ({"for": "59s"}, ["rule.for is 59s", "write for: 1m"]),
        ({"resolve_after": "30s"}, ["rule.resolve_after is 30s", "resolves and reopens"]),
        ({"keep_firing_for": "60s", "for": "60s", "resolve_after": "60s"}, []),
    ],
)
def test_a_time_shorter_than_the_period_is_a_warning(
    linted: LintedFile, times: dict[str, str], said: list[str]
):
    deployment = copy.deepcopy(GOOD)
    deployment["parameters"]["rule"] |= times
    found = linted.findings(deployment)
    assert len(found) == bool(said)
    assert all(words in found[0] for words in said)
    assert all(problem.warning for problem in lint_file(linted.file))


@pytest.mark.parametrize(
    ("trigger", "parameters"),
    [("metric_threshold", {"metric": "cpu"}), ("sql_query", {"source": "a", "query": "SELECT 1"})],
)
def test_a_rule_of_which_nothing_says_what_is_bad_is_a_warning(
    tmp_path: Path, trigger: str, parameters: dict[str, Any]
):
    file = tmp_path / "prefect.yaml"
    deployment = metric(trigger, {"when": None}, **parameters)
    file.write_text(yaml.safe_dump({"deployments": [deployment]}))
    (found,) = lint_file(file)
    assert found.warning
    assert "rule.when is missing" in found.what
    assert lint_entries([("a.yaml", 1, deployment, {})]) == []
    judged = metric("metric_absent", {"when": None}, metric="cpu")
    file.write_text(yaml.safe_dump({"deployments": [judged]}))
    assert lint_file(file) == []


POLICY = {"name": "Logins", "rules": [{"field": "action", "operator": "eq", "value": "login"}]}


def pack(*policies: dict[str, Any], **rule: Any) -> dict[str, Any]:
    """A deployment of policies."""
    chosen = {"name": GOOD["name"], "every": "60s", **rule}
    parameters = {"policies": list(policies), "rule": chosen}
    return {**GOOD, "entrypoint": "flows.rules.event_pack", "parameters": parameters}


@pytest.mark.parametrize(
    ("deployment", "expected"),
    [
        (pack(POLICY, {**POLICY, "name": "logins"}), "'logins' would be the rule 'logins'"),
        (pack({**POLICY, "name": "Disk space"}), "and so would the deployment's own rule"),
        (pack(), "policies: an event pack takes policies or a file, one of them"),
        (pack(POLICY, **{"for": "5m"}), "for is about readings, not about events"),
        (pack({**POLICY, "thresold": 1}), "thresold: there is no such field"),
        (pack({**POLICY, "throttle_minute": 1}), "did you mean throttle_minutes?"),
        (pack({**POLICY, "rules": [{"any": []}]}), "rules.0.any: must have at least 1 entry"),
        (pack({**POLICY, "rules": [{"not": [1]}]}), "rules.0.not: write {field, operator, value}"),
        (pack({**POLICY, "window": {"type": "frequency", "num_events": 3}}),
         "window.timeframe: it is missing"),
    ],
)  # fmt: skip
def test_policies_are_checked_one_by_one_and_together(
    linted: LintedFile, deployment: dict[str, Any], expected: str
):
    (said,) = linted.findings(deployment)
    assert expected in said


def test_a_finding_in_a_policy_names_the_line_in_it(tmp_path: Path):
    rules = [*POLICY["rules"], {"field": "size", "operator": "is", "value": 1}]
    file = tmp_path / "prefect.yaml"
    deployments = [pack(POLICY, {**POLICY, "name": "Sizes", "rules": rules})]
    file.write_text(yaml.safe_dump({"deployments": deployments}))
    (found,) = lint_file(file)
    assert "policies.1: policy 'Sizes': rules.1.operator: must be 'eq'" in found.what
    assert file.read_text().splitlines()[found.line - 1].strip() == "operator: is"


def test_help_teaches(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    said = capsys.readouterr().out
    assert ended.value.code == 0
    for taught in ("two rules of one name", "examples:", "--receiver", "Exit codes"):
        assert taught in said
