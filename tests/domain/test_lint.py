"""A `prefect.yaml` is checked before it is rolled out; what is wrong is named, with the mend."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from sentinel.lint import lint_file, main

ROOT = Path(__file__).parents[2]
GOOD: dict[str, Any] = {
    "name": "disk-space",
    "entrypoint": "flows.rules.disk_space",
    "pull": [],
    "work_pool": {"name": "sentinel"},
    "parameters": {"rule": {"name": "disk-space", "every": "60s", "when": {"above": 90}}},
    "schedules": [{"slug": "every", "interval": 60, "anchor_date": "2026-01-01T00:00:22+00:00"}],
}


class Desk:
    """Writes a file with one deployment changed in one place, and lints it."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "prefect.yaml"

    def said(self, *deployments: dict[str, Any]) -> list[str]:
        self.file.write_text(yaml.safe_dump({"deployments": list(deployments)}))
        return [f"{one.deployment}: {one.what}" for one in lint_file(self.file)]

    def changed(self, *place: str | int, to: Any) -> list[str]:
        deployment = copy.deepcopy(GOOD)
        inner: Any = deployment
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] = to
        return self.said(deployment)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_what_ships_is_in_order():
    assert lint_file(ROOT / "prefect.yaml") == []


def test_the_shipped_demo_is_info_and_told_at_once():
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


def test_a_good_deployment_passes(desk: Desk):
    assert desk.said(GOOD) == []


def test_one_name_twice(desk: Desk):
    (said,) = desk.said(GOOD, {**GOOD, "entrypoint": "flows.rules.disk_space"})
    assert said.startswith("disk-space: another deployment has this name too")


@pytest.mark.parametrize(
    ("place", "to", "expected"),
    [
        (("parameters", "rule", "name"), "other", "its rule is named 'other'; give both the same"),
        (("parameters", "rule", "every"), "30s", "rule.every is 30s, the schedule's interval 1m"),
        (("parameters", "rule", "every"), None, "rule.every is missing; write every: 1m"),
        (("parameters", "rule", "for"), "soon", "rule.for: 'soon' is no length of time"),
        (("parameters", "rule", "when"), {"above": 1, "below": 2}, "rule.when: give exactly one"),
        (("parameters", "rule", "severty"), "high", "rule.severty: Extra inputs are not permitted"),
        (("parameters", "rule"), {"every": "60s"}, "rule.name: Field required"),
        (("parameters",), {}, "it has no parameter `rule`"),
        (("parameters", "smallest_gb"), -1, "smallest_gb: Input should be greater than"),
        (("parameters", "smalest_gb"), 1, "disk_space has no parameter 'smalest_gb'"),
        (("entrypoint",), "flows.rules.disk_spice", "there is no trigger 'disk_spice'"),
        (("schedules", 0, "slug"), "", "a schedule has no slug"),
        (("schedules", 0, "interval"), 0, "the schedule's interval 0 is no length of time"),
        (("schedules", 0, "anchor_date"), None, 'write anchor_date: "2026-01-01T00:00:22+00:00"'),
        (("schedules", 0, "anchor_date"), "2026-01-01T00:00:23+00:00", "follows from the name"),
        (("pull",), None, "write `pull: []`"),
        (("work_pool",), {}, "it names no work pool"),
    ],
)  # fmt: skip
def test_what_would_go_wrong_is_said(desk: Desk, place: tuple[Any, ...], to: Any, expected: str):
    said = desk.changed(*place, to=to)
    assert any(expected in one for one in said), said


def test_deployments_of_other_people_are_left_alone(desk: Desk):
    assert desk.said({"name": "etl", "entrypoint": "etl/flow.py:main"}) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("deployments: [", "it cannot be read as YAML"),
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


def test_a_missing_file_is_said(tmp_path: Path):
    (problem,) = lint_file(tmp_path / "prefect.yaml")
    assert problem.what == "there is no such file"


def test_the_command_says_what_is_wrong_and_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert main([str(ROOT / "prefect.yaml")]) == 0
    assert capsys.readouterr().out == ""
    assert main([str(tmp_path / "gone.yaml")]) == 1
    assert "there is no such file" in capsys.readouterr().out
