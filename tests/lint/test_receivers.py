"""Receivers that rules and policies name."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from sentinel.errors import ConfigurationError
from sentinel.lint.deployment_file import lint_entries, lint_files, main
from sentinel.store import Store
from tests.lint.test_deployment_file import GOOD, LintedFile


@pytest.fixture
def linted(tmp_path: Path) -> LintedFile:
    return LintedFile(tmp_path)


class TestReceivers:
    """They are kept in the database, so that a file alone cannot say whether one exists."""

    @pytest.fixture
    def files(self, tmp_path: Path) -> list[Path]:
        """Two files whose rules tell `ops`."""
        files: list[Path] = []
        for name, anchor in (("disk-space", 22), ("cpu-high", 12)):
            rule = {**GOOD["parameters"]["rule"], "name": name, "receivers": ["default", "ops"]}
            schedule = {**GOOD["schedules"][0], "anchor_date": f"2026-01-01T00:00:{anchor}+00:00"}
            one = {**GOOD, "name": name, "parameters": {"rule": rule}, "schedules": [schedule]}
            files.append(tmp_path / f"{name}.yaml")
            files[-1].write_text(yaml.safe_dump({"deployments": [one]}))
        return files

    def test_one_that_is_not_known_is_an_error_that_says_how_to_make_it(
        self, files: list[Path], capsys: pytest.CaptureFixture[str]
    ):
        assert main([str(file) for file in files]) == 1
        (line,) = capsys.readouterr().out.splitlines()
        at = files[0].read_text().splitlines().index("      receivers:") + 1
        assert line.startswith(f"{files[0]}:{at}: disk-space: it notifies the receiver 'ops'")
        assert "and so do cpu-high" in line
        assert "sentinel receiver set ops --channel" in line
        assert "'default' is notified instead" in line

    def test_the_providers_of_a_policy_are_receivers_too(self, linted: LintedFile):
        policy = {
            "name": "p", "rules": [{"field": "a", "operator": "eq", "value": 1}],
            "providers": ["pagerduty-001", "default"],
        }  # fmt: skip
        for trigger, given in (("policy", policy), ("policies", [policy])):
            parameters = {"rule": GOOD["parameters"]["rule"], trigger: given}
            name = "event_policy" if trigger == "policy" else "event_pack"
            one = {**GOOD, "entrypoint": f"flows.rules.{name}", "parameters": parameters}
            for known, found in (([], 1), (["pagerduty-001"], 0)):
                said = [str(each) for each in lint_entries([("f", 1, one, {})], known)]
                assert sum("the receiver 'pagerduty-001'" in each for each in said) == found

    def test_one_that_is_declared_to_exist_is_no_finding(self, files: list[Path]):
        assert lint_files(files, receivers=["ops"]) == []

    @pytest.mark.parametrize("name", ["Ops Team", "ops/north", "-ops", "", "o" * 101])
    def test_a_name_that_is_refused_here_is_refused_by_the_store(
        self, name: str, linted: LintedFile, store: Store
    ):
        assert "cannot be a receiver's name" in "".join(
            linted.changed("parameters", "rule", "receivers", to=[name])
        )
        with pytest.raises(ConfigurationError, match="not a valid name"):
            store.receivers.set(name, ["inbox"])
