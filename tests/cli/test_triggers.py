"""`sentinel trigger …`: real triggers, looked with here and now, and one freshly written."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.shell import Run
from tests.prefect_server import ROOT


def looked(run: Run, *arguments: str) -> dict[str, Any]:
    code, out, err = run("trigger", "run", *arguments, "--json")
    assert code == 0, err
    return json.loads(out)


def test_every_trigger_is_listed_with_its_description(run: Run) -> None:
    found = {one["name"]: one for one in json.loads(run("trigger", "list", "--json")[1])["items"]}
    assert {"cpu_usage", "disk_space"} <= set(found)
    assert found["disk_space"]["when"] == "above 95 percent"
    assert found["disk_space"]["category"] == "system"
    assert "How full each file system is" in run("trigger", "list")[1]


def test_a_trigger_shows_its_parameters_and_an_example_rule(run: Run) -> None:
    code, out, _ = run("trigger", "show", "cpu_usage")
    assert code == 0
    assert "number, 0 to 30" in out
    assert "measure over this many seconds" in out
    assert "entrypoint: flows.rules.cpu_usage" in out
    schema = json.loads(run("trigger", "show", "cpu_usage", "--json")[1])["parameters"]
    assert schema["properties"]["per_core"]["default"] is False


@pytest.mark.parametrize("command", ["show", "run"])
def test_an_unknown_trigger_is_not_found_and_the_hint_lists_the_triggers(
    run: Run, command: str
) -> None:
    code, _, err = run("trigger", command, "disc_space")
    assert code == 3
    assert "disk_space" in err


def test_a_trigger_run_needs_no_server_and_has_verdicts(run: Run, tmp_path: Path) -> None:
    seen = looked(run, "disk_space", "--set", f"paths={tmp_path}", "--above", "-1")
    (reading,) = seen["readings"]
    assert reading["labels"]["mount"] == str(tmp_path)
    assert (reading["verdict"], reading["severity"]) == ("firing", "medium")
    assert reading["title"].startswith("trigger-run: ")
    assert seen["condition"] == "above -1 percent"


def test_people_read_the_verdict_and_the_text_of_the_alert(run: Run, tmp_path: Path) -> None:
    code, out, _ = run("trigger", "run", "disk_space", "-s", f"paths={tmp_path}", "--below", "101")
    assert code == 0
    assert "1 reading in" in out
    assert "1 firing (below 101 percent)" in out
    assert "trigger-run: " in out


def test_a_repeated_parameter_is_a_list_and_a_healthy_series_is_ok(
    run: Run, tmp_path: Path
) -> None:
    seen = looked(
        run, "disk_space", "--set", "paths=/", "--set", f"paths={tmp_path}", "--above", "100"
    )
    assert [one["verdict"] for one in seen["readings"]] == ["ok", "ok"]


def test_a_whole_condition_gives_its_severity(run: Run, tmp_path: Path) -> None:
    when = "{levels: {high: -2, critical: -1}}"
    seen = looked(run, "disk_space", "--set", f"paths={tmp_path}", "--when", when)
    assert seen["readings"][0]["severity"] == "critical"


def test_a_rule_of_a_file_brings_its_parameters_and_texts(run: Run, tmp_path: Path) -> None:
    (tmp_path / "prefect.yaml").write_text(
        f"""
deployments:
  - name: other
    entrypoint: flows.rules.cpu_usage
    parameters: {{rule: {{name: other}}}}
  - name: full
    entrypoint: flows.rules.disk_space
    parameters:
      paths: ["{tmp_path}"]
      rule:
        name: disk-full
        severity: critical
        when: {{above: -1}}
        for: 5m
        annotations: {{summary: "{{mount}} is at {{value}} percent", runbook: "https://r.example"}}
"""
    )
    seen = looked(run, "disk_space", "--rule-file", "prefect.yaml")
    (reading,) = seen["readings"]
    assert reading["title"].startswith(f"{tmp_path} is at ")
    assert (reading["severity"], seen["rule"]) == ("critical", "disk-full")
    assert reading["annotations"] == {"runbook": "https://r.example"}
    assert "`for`" in seen["note"]
    code, _, err = run("trigger", "run", "disk_space", "--rule-file", "prefect.yaml", "--rule", "x")
    assert code == 2
    assert "disk-full" in err


def test_a_file_may_hold_one_rule_only(run: Run, tmp_path: Path) -> None:
    (tmp_path / "rule.yaml").write_text("name: alone\nwhen: {above: -1}\n")
    seen = looked(run, "disk_space", "--set", "paths=/", "--rule-file", "rule.yaml")
    assert seen["readings"][0]["title"].startswith("alone: ")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--set", "path=/"), "has no parameter 'path'. It has: paths"),
        (("--set", "paths"), "not name=value"),
        (("--set", "smallest_gb=-1"), "smallest_gb: must be between 0 and 1000000, got -1"),
        (("--when", "[1]"), "--when '[1]' is not a condition"),
        (("--when", "{above: 1, below: 2}"), "exactly one of above, below"),
        (("--above", "1", "--below", "2"), "exactly one of above, below"),
        (("--rule-file", "none.yaml"), "none.yaml cannot be read"),
    ],
)
def test_invalid_options_are_wrong_usage(run: Run, arguments: tuple[str, ...], said: str) -> None:
    code, _, err = run("trigger", "run", "disk_space", *arguments)
    assert code == 2
    assert said in err


def test_unobserved_series_are_printed(run: Run) -> None:
    code, out, _ = run("trigger", "run", "disk_space", "--set", "paths=/no/such/place")
    assert code == 0
    assert "The trigger yielded no reading." in out
    assert "Not observed: " in out


class Clone:
    """A folder with triggers of its own, as a clone of the repository has."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        package = folder / "triggers"
        package.mkdir()
        (package / "__init__.py").write_text('"""Triggers."""\n')

    def python(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", *arguments], cwd=self.folder, capture_output=True, text=True,
            check=False,
        )  # fmt: skip

    def sentinel(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.python("sentinel.cli", "trigger", *arguments)


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path)


@pytest.mark.slow
def test_a_new_trigger_works_and_its_test_passes(clone: Clone) -> None:
    done = clone.sentinel("new", "queue_length")
    assert done.returncode == 0, done.stderr
    assert "sentinel trigger run queue_length" in done.stdout
    seen = clone.sentinel("run", "queue_length", "--set", "folder=triggers", "--above", "1")
    assert seen.returncode == 0, seen.stderr
    assert "1 firing (above 1 files)" in seen.stdout
    tested = clone.python("pytest", "-q", "-p", "no:cacheprovider", "tests/triggers")
    assert tested.returncode == 0, tested.stdout
    assert "3 passed" in tested.stdout
    assert "queue_length" in clone.sentinel("list").stdout


def test_a_new_trigger_passes_the_linter(clone: Clone) -> None:
    clone.sentinel("new", "queue_length")
    for tool in (("check", "--config"), ("format", "--check", "--config")):
        done = clone.python("ruff", *tool, str(ROOT / "pyproject.toml"), "triggers/queue_length.py")
        assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_existing_files_and_invalid_names_are_refused(clone: Clone) -> None:
    clone.sentinel("new", "queue_length")
    again = clone.sentinel("new", "queue_length")
    assert again.returncode == 4
    assert "exists" in again.stderr
    assert clone.sentinel("new", "Queue-Length").returncode == 2
    assert clone.sentinel("new", "class").returncode == 2


def test_a_check_that_fails_is_exit_code_one_with_its_readings(clone: Clone) -> None:
    (clone.folder / "triggers" / "falls.py").write_text(
        "from sentinel import Reading, trigger\n\n\n"
        "@trigger\n"
        "def falls():\n"
        '    """It falls."""\n'
        '    yield Reading(labels={"n": "1"}, value=1.0)\n'
        '    raise OSError("the network is down")\n'
    )
    done = clone.sentinel("run", "falls")
    assert done.returncode == 1
    assert "OSError: the network is down" in done.stdout
    assert "n=1" in done.stdout
    assert "There is no condition: add --above" in done.stdout


@pytest.mark.slow
def test_a_broken_file_breaks_only_itself(clone: Clone) -> None:
    clone.sentinel("new", "queue_length")
    (clone.folder / "triggers" / "broken.py").write_text("import no_such_module\n")
    listed = clone.sentinel("list")
    assert listed.returncode == 1
    assert "queue_length" in listed.stdout
    assert "no_such_module" in listed.stdout
    assert "line 1). Install what provides 'no_such_module'" in listed.stdout
    assert clone.sentinel("run", "queue_length").returncode == 0
    assert clone.sentinel("run", "broken").returncode == 1


@pytest.mark.slow
def test_doctor_names_a_broken_file_its_line_and_the_fix(clone: Clone) -> None:
    well = clone.python("sentinel.cli", "doctor")
    assert " 0 usable" in well.stdout, well.stdout
    (clone.folder / "triggers" / "half.py").write_text("x = 1\ndef half(:\n")
    told = clone.python("sentinel.cli", "doctor")
    assert told.returncode == 1
    (line,) = [one for one in told.stdout.splitlines() if one.startswith("failed   triggers ")]
    assert line.endswith("half.py, line 2)")
    assert "Correct that line." in told.stdout


def test_a_trigger_that_acts_on_the_world_needs_an_option(clone: Clone) -> None:
    (clone.folder / "triggers" / "acts.py").write_text(
        "from sentinel import Reading, trigger\n\n\n"
        "@trigger(backtest=False)\n"
        "def acts():\n"
        '    """It acts."""\n'
        "    yield Reading(firing=True, summary='acted')\n"
    )
    refused = clone.sentinel("run", "acts")
    assert refused.returncode == 2
    assert "--act" in refused.stderr
    done = clone.sentinel("run", "acts", "--act")
    assert done.returncode == 0
    assert "acted" in done.stdout
