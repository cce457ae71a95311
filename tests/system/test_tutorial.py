"""The ten-minute tutorial: every command of it, in its order, on a fresh clone.

The tests of this file follow one reader and run in order. What the tutorial says is to be seen
after a step is looked for after that step. The reader has no PostgreSQL: test_product.py has one.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
from collections.abc import Generator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from sentinel.up.home import Home
from sentinel.up.instance import Record, read
from tests.docs.pages import DOCS, Block, blocks
from tests.prefect_server import ROOT, free_port
from tests.system.product import none_of, prefect_asks_for_a_login
from tests.waiting import eventually

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("tutorial")]

PAGE = DOCS / "tutorial.md"
STEPS = [block for block in blocks(PAGE) if block.language == "sh"]
FILES = [block for block in blocks(PAGE) if block.file]
START = STEPS[0]


class Reader:
    """Somebody with two terminals who copies one block after the other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clone = folder / "sentinel"
        self.screen = folder / "first-terminal.txt"
        self.id = ""
        self.output: dict[str, str] = {}
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "SENTINEL_"))},
            **{
                f"SENTINEL_{part}_PORT": str(free_port())
                for part in ("API", "DASHBOARD", "PREFECT")
            },
            "COLUMNS": "160",
            "SENTINEL_DATABASE": "sqlite",
        }
        self.home = Home(self.clone / ".sentinel")
        # Where `make` runs these tests, it has words of its own for the makes under it.
        for name in ("VIRTUAL_ENV", "MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES", "MAKELEVEL", "ARGS"):
            self.environment.pop(name, None)
        self._first: subprocess.Popen[bytes] | None = None

    def starts(self) -> None:
        """Type the first block into the first terminal, and wait until everything runs."""
        text = START.text.replace("<this repository>", shlex.quote(str(ROOT)))
        with self.screen.open("wb") as screen:
            self._first = subprocess.Popen(
                ["bash", "-euo", "pipefail", "-c", text],
                cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, stdout=screen,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

        def ready() -> bool:
            assert self._first is not None
            assert self._first.poll() is None, self.screen.read_text()[-3000:]
            record = read(self.home)
            return record is not None and record.ready

        eventually(ready, "`make run` starts everything", within=900)

    def record(self) -> Record:
        """What runs."""
        found = read(self.home)
        assert found is not None
        return found

    def processes(self) -> list[psutil.Process]:
        """All that the first terminal has started."""
        assert self._first is not None
        return psutil.Process(self._first.pid).children(recursive=True)

    def tries(self, text: str) -> subprocess.CompletedProcess[str]:
        """Type a block into the second terminal, which may fail."""
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", re.sub(r"\bID\b", self.id or "ID", text)],
            cwd=self.clone, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=300,
        )  # fmt: skip

    def types(self, text: str) -> str:
        """Type a block into the second terminal; gives what is shown there, or fails with it."""
        done = self.tries(text)
        if done.returncode:
            pytest.fail(f"{text}exit code {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def asks(self, command: str) -> Any:
        """What a command of Sentinel answers, for the test."""
        return json.loads(self.types(f".venv/bin/sentinel {command} --json"))

    def alerts(self, rule: str = "", more: str = "") -> list[dict[str, Any]]:
        """The alerts that are listed."""
        return self.asks(f"alert list --rule '{rule}' {more}")["items"]

    def ends(self, within: float = 180) -> int:
        """The exit code of the first terminal's command, which ends by itself."""
        assert self._first is not None
        return self._first.wait(within)

    def leaves(self) -> None:
        """Close the first terminal, whatever happened."""
        if self._first is not None and self._first.poll() is None:
            os.killpg(self._first.pid, signal.SIGINT)
            try:
                self._first.wait(90)
            except subprocess.TimeoutExpired:
                os.killpg(self._first.pid, signal.SIGKILL)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Generator[Reader]:
    reader = Reader(tmp_path_factory.mktemp("tutorial"))
    try:
        reader.starts()
        yield reader
    finally:
        reader.leaves()


def step(holding: str) -> Block:
    """The one block that has this in it."""
    (found,) = [block for block in STEPS if holding in block.text]
    return found


def test_the_demo_has_alerts_within_a_minute(reader: Reader):
    alerts = eventually(lambda: reader.alerts("demo-disk"), "a demo alert", within=300)
    assert {alert["severity"] for alert in alerts} == {"info"}
    eventually(lambda: "First alert after" in reader.screen.read_text(), "the alert is announced")
    shown = reader.types(step("sentinel status").text)
    assert "demo-disk" in shown
    reader.id = re.findall(r"^([0-9a-f]{8,32}) +info ", shown, re.MULTILINE)[0]


def test_every_place_answers_and_nothing_is_started_twice(reader: Reader):
    places = reader.record().places
    assert httpx.get(places["Dashboard"]).status_code == 200
    assert httpx.get(places["Prefect UI"]).status_code == 200
    assert httpx.get(places["API"]).status_code == 200
    prefect_asks_for_a_login(reader.record(), reader.home)
    login = (reader.home.root / "prefect-login").read_text().strip()
    assert login in reader.types(".venv/bin/sentinel env")
    second = reader.tries(".venv/bin/sentinel up")
    assert second.returncode == 4
    assert places["Dashboard"] in second.stderr
    eventually(
        lambda: reader.tries(".venv/bin/sentinel doctor").returncode == 0,
        "the doctor is content",
        300,
    )


def test_somebody_takes_an_alert_on(reader: Reader):
    shown = reader.types(step("alert ack").text)
    assert "looking into it" in shown
    assert "acknowledged" in shown


def test_a_misspelt_command_would_fail_this_test(reader: Reader):
    for right, wrong in (("alert ack", "alert akc"), ("-m", "--massage"), (reader.id, "nosuch")):
        text = step("alert ack").text.replace("ID", reader.id).replace(right, wrong)
        with pytest.raises(pytest.fail.Exception, match=r"exit code [23]\n"):
            reader.types(text)


def test_a_check_of_ones_own_is_written_tested_and_tried(reader: Reader):
    shown = reader.types(step("trigger new").text)
    assert "3 passed" in shown
    assert re.search(r"^firing .*folder=/etc", shown, re.MULTILINE)


def test_it_becomes_a_rule_that_opens_an_alert(reader: Reader):
    for file in FILES:
        (reader.clone / file.file).write_text(file.text)
    shown = reader.types(step("rule lint").text)
    assert "1 created" in shown
    assert re.search(r"too-many-files +[0-9]+ files wait in /etc", shown)
    assert reader.asks("deploy --file my-rules.yaml")["unchanged"]


def test_what_is_switched_off_closes_as_such(reader: Reader):
    reader.types(step("rule disable").text)
    for rule in ("demo-cpu", "demo-disk", "too-many-files"):
        assert reader.alerts(rule) == []
    (ended,) = reader.alerts("too-many-files", "--history")
    timeline = reader.asks(f"alert show {ended['id']}")["timeline"]
    assert timeline[-1]["reason"] == "rule_disabled"


def test_it_stops(reader: Reader):
    started = reader.processes()
    reader.types(step("sentinel down").text)
    assert reader.ends() == 0
    eventually(lambda: none_of(started), "all that it started has ended")
    assert reader.alerts("demo-disk", "--history")


def test_no_block_of_the_tutorial_is_left_out():
    done = ["make run", "status", "alert ack", "trigger new", "rule lint", "rule disable", "down"]
    assert [step(holding) for holding in done] == STEPS
    assert {block.language for block in blocks(PAGE)} == {"sh", "yaml"}
    assert [block.file for block in blocks(PAGE) if block.language != "sh"] == ["my-rules.yaml"]
