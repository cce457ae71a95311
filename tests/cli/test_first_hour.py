"""What a new user meets first: versions, help that can be copied, answers without chatter."""

from __future__ import annotations

import io
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from sentinel.cli.help_text import WIDTH
from sentinel.up.rollout import deployments_in_words
from tests.cli.shell import Run
from tests.cli.test_help import ALL
from tests.prefect_server import ROOT

READINGS = "at,value,mount\n2026-03-01T12:00:00Z,97,/data\n2026-03-01T12:01:00Z,97,/data\n"
RULE = """\
deployments:
  - name: disk
    entrypoint: flows.rules.disk_space
    pull: []
    work_pool: {name: sentinel}
    parameters:
      rule: {name: disk, every: 60s, when: {above: 90}}
"""


def test_the_version_is_printed(run: Run) -> None:
    code, out, _ = run("--version")
    assert code == 0
    assert out.startswith(f"sentinel {metadata.version('sentinel-alerts')} (Prefect ")


@pytest.mark.parametrize("name", ["", *sorted(ALL)])
def test_the_help_breaks_no_example(run: Run, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERMINAL_WIDTH", "80")
    _, out, _ = run(*name.split(), "--help")
    shown = [line.strip() for line in out.splitlines()]
    if name:
        fence = (ALL[name].help or "").split("```sh\n")
        examples = fence[1].split("```")[0].splitlines() if len(fence) > 1 else []
    else:
        page = (ROOT / "docs/reference/cli.md").read_text("utf-8").split("## ")[0]
        examples = [line for line in page.splitlines() if line.startswith("sentinel ")]
    for example in examples:
        assert len(example) <= WIDTH
        assert example.strip() in shown


def test_a_backtest_of_a_file_needs_no_database(run: Run, tmp_path: Path) -> None:
    (tmp_path / "readings.csv").write_text(READINGS, "utf-8")
    (tmp_path / "rules.yaml").write_text(RULE, "utf-8")
    code, out, err = run("rule", "test", "disk", "--file", "rules.yaml", "--data", "readings.csv")
    assert (code, err) == (0, "")
    assert "1 alert would have opened" in out
    assert not (tmp_path / "home").exists()


def test_it_takes_the_rule_from_the_prefect_yaml_of_the_folder(run: Run, tmp_path: Path) -> None:
    (tmp_path / "readings.csv").write_text(READINGS, "utf-8")
    (tmp_path / "prefect.yaml").write_text(RULE, "utf-8")
    assert run("rule", "test", "disk", "--data", "readings.csv")[0] == 0
    assert run("rule", "test", "nothing-like-it", "--data", "readings.csv")[0] == 3


def test_without_readings_a_backtest_still_says_that_no_database_runs(run: Run) -> None:
    code, _, err = run("rule", "test", "disk")
    assert code == 5
    assert "sentinel up" in err


@pytest.mark.parametrize(
    ("arguments", "option", "variable"),
    [
        (("slack", "ops"), "--url", "ALERT_SLACK_WEBHOOK_URL"),
        (("webhook", "ops"), "--url", "ALERT_WEBHOOK_URL"),
        (
            ("webhook", "ops", "--url", "https://h.example.org/a"),
            "--secret",
            "ALERT_WEBHOOK_SECRET",
        ),
        (
            (
                "email",
                "ops",
                "--to",
                "a@x.org",
                "--from",
                "b@x.org",
                "--host",
                "h",
                "--username",
                "u",
            ),
            "--password",
            "ALERT_SMTP_PASSWORD",
        ),
    ],
)
def test_without_a_terminal_a_missing_secret_is_named(
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    option: str,
    variable: str,
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    code, _, err = run("channel", "add", *arguments)
    assert code == 2
    assert f"{option} is missing" in err
    assert variable in err


@pytest.mark.slow
def test_no_library_talks_after_a_command() -> None:
    """A server that is gone leaves Prefect with events that it cannot send."""
    program = (
        "import os; os.environ['PREFECT_API_URL'] = 'http://127.0.0.1:9/api'\n"
        "{quiet}"
        "import logging\n"
        "logging.getLogger('EventsWorker').warning('Still processing items: 1 items …')\n"
        "from prefect._internal.concurrency import logger\n"
        "logger.error('Service %r failed with %s pending items.', 'EventsWorker', 1)\n"
    )
    quiet = "from sentinel.cli.library_logs import quiet_libraries; quiet_libraries()\n"
    said = [
        subprocess.run(
            [sys.executable, "-c", program.format(quiet=first)],
            capture_output=True, text=True, check=True, cwd=ROOT,
        ).stderr
        for first in ("", quiet)
    ]  # fmt: skip
    assert "EventsWorker" in said[0] or "Still processing" in said[0]
    assert said[1] == ""


def test_what_is_deployed_beside_rules_is_named() -> None:
    rules = [{"name": f"r{n}", "entrypoint": "flows.rules.cpu_usage"} for n in range(5)]
    others = [{"name": n, "entrypoint": f"flows.{n}"} for n in ("notify", "sweep", "retention")]
    assert (
        deployments_in_words([*rules, *others])
        == "5 rules, and the deployments notify, retention and sweep"
    )
    assert deployments_in_words(rules[:1]) == "1 rule"
    assert deployments_in_words([*rules, others[0]]) == "5 rules, and the deployment notify"
