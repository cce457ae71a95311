"""Debian's amtool against Sentinel, unchanged."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.api.alertmanager.conftest import Live
from tests.api.served import TOKEN

AMTOOL = shutil.which("amtool")
pytestmark = pytest.mark.skipif(AMTOOL is None, reason="amtool is not installed")
Run = Callable[..., str]


@pytest.fixture
def run(live: Live, tmp_path: Path) -> Run:
    """Runs amtool, which logs in by HTTP Basic as its configuration file says."""
    config = tmp_path / "http.yml"
    config.write_text(f"basic_auth: {{username: amtool, password: {TOKEN}}}\n")

    def run(*words: str) -> str:
        done = subprocess.run(
            [str(AMTOOL), f"--alertmanager.url={live.url}", f"--http.config.file={config}", *words],
            capture_output=True, text=True, timeout=30, env={"HOME": str(tmp_path)},
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def test_amtool_adds_an_alert_and_finds_it(run: Run, live: Live):
    run("alert", "add", "alertname=DiskFull", "host=db1", "--annotation=summary=it is full")
    run("alert", "add", "alertname=DiskFull", "host=db1", "--annotation=summary=it is full")

    (found,) = json.loads(run("alert", "query", "host=db1", "-o", "json"))

    assert found["labels"] == {"alertname": "DiskFull", "host": "db1"}
    assert found["annotations"] == {"summary": "it is full"}
    assert json.loads(run("alert", "query", "host=other", "-o", "json")) == []
    assert live.timeline() == ["opened"]


def test_amtool_adds_queries_changes_and_expires_a_silence(run: Run):
    run("alert", "add", "alertname=DiskFull", "host=db1")

    made = run("silence", "add", "host=db1", "-c", "work", "-a", "ann", "-d", "1h").strip()
    shown = json.loads(run("silence", "query", "-o", "json"))
    muted = json.loads(run("alert", "query", "--silenced", "-o", "json"))
    moved = run("silence", "update", "-d", "2h", made)
    again = json.loads(run("silence", "query", "-o", "json"))
    run("silence", "expire", made)

    assert [(one["id"], one["createdBy"], one["comment"]) for one in shown] == [
        (made, "ann", "work")
    ]
    assert [one["status"]["silencedBy"] for one in muted] == [[made]]
    assert made in moved
    assert [one["id"] for one in again] == [made]
    assert again[0]["endsAt"] > shown[0]["endsAt"]
    assert json.loads(run("silence", "query", "-o", "json")) == []
    assert [
        one["id"] for one in json.loads(run("silence", "query", "--expired", "-o", "json"))
    ] == [made]


def test_amtool_reads_the_configuration_that_sentinel_shows(run: Run, tmp_path: Path):
    shown = run("config", "show")
    (tmp_path / "alertmanager.yml").write_text(shown)

    assert "receiver: default" in shown
    assert "SUCCESS" in run("check-config", str(tmp_path / "alertmanager.yml"))
    assert run("config", "routes", "test", "alertname=x").strip() == "default"
    assert "disabled" in run("cluster", "show")
