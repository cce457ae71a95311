"""A start makes channels of the ALERT_ variables, on a real Prefect server."""

from __future__ import annotations

import asyncio
import io
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from rich.console import Console

from sentinel.prefect_client.blocks import ChannelBlocks
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.up.channels import sync_channels
from sentinel.up.console import StartScreen
from sentinel.up.plan import Options, make_plan
from sentinel.up.processes import ProcessGroup
from tests.prefect_server import ROOT, PrefectServer

pytestmark = [pytest.mark.slow, pytest.mark.prefect]

SECRET = "s3cret-of-the-webhook"


class Start:
    """As much of a start as its channels need."""

    def __init__(self, server: PrefectServer, folder: Path, migrated: Path) -> None:
        self.url = f"sqlite:///{folder / 'sentinel.db'}"
        shutil.copy(migrated, folder / "sentinel.db")
        self.said = io.StringIO()
        screen = StartScreen(Console(file=self.said, width=400))
        settings = Settings(home=folder / "home", api_port=0, dashboard_port=0)
        self.plan = make_plan(settings, Options(), {"PREFECT_API_URL": server.url})
        self.plan.home.prepare()
        self.screen = screen
        self.server = server

    def run(self) -> str:
        async def sync() -> None:
            done = asyncio.get_running_loop().create_future()
            done.set_result(None)
            processes = ProcessGroup(changed=lambda _: None, say=self.screen.say)
            environment = {**self.server.environ(), **self.plan.shared(self.url)}
            await sync_channels(self.plan, environment, processes, self.screen, done)

        asyncio.run(sync())
        return self.said.getvalue()


@pytest.fixture
def start(
    prefect_server: PrefectServer, tmp_path: Path, migrated_sqlite: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Start:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    return Start(prefect_server, tmp_path, migrated_sqlite)


def test_a_variable_becomes_a_channel_of_the_default_receiver(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALERT_SLACK_WEBHOOK_URL", f"https://hooks.example/{SECRET}")
    said = start.run()
    assert "Channels: slack-incoming-webhook/env: created" in said
    assert SECRET not in said
    assert SECRET not in (start.plan.home.log("channels")).read_text()
    store = Store(start.url)
    assert store.receivers.all()["default"] == ["inbox", "slack-incoming-webhook/env"]
    store.close()
    # A start costs seconds; what has not changed is not made again.
    assert start.run().endswith("Channels: as the ALERT_ variables say\n")
    monkeypatch.setenv("ALERT_SLACK_WEBHOOK_URL", f"https://hooks.example/{SECRET}/moved")
    assert start.run().endswith("slack-incoming-webhook/env: up to date.\n")
    assert SECRET not in (start.plan.home.root / "channels-made").read_text()
    with ChannelBlocks(start.server.url) as prefect:
        prefect.remove(prefect.find("slack-incoming-webhook/env"))


def test_the_rollout_makes_them_before_a_rule_can_have_anything_to_tell(
    start: Start, tmp_path: Path
) -> None:
    entry = {
        "name": "before-the-rule",
        "entrypoint": "flows.rules.disk_space",
        "parameters": {"rule": {"name": "before-the-rule"}},
        "work_pool": {"name": "sentinel"},
    }
    file = tmp_path / "rollout.yaml"
    file.write_text(yaml.safe_dump({"name": "test", "pull": [], "deployments": [entry]}))
    done = subprocess.run(
        [sys.executable, "-m", "sentinel.up.prewarm", "rollout", str(file)],
        cwd=ROOT,
        env={
            **start.server.environ(),
            **start.plan.shared(start.url),
            "ALERT_SLACK_WEBHOOK_URL": f"https://hooks.example/{SECRET}",
            "COLUMNS": "200",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    channel, rule = (
        done.stdout.index(said)
        for said in ("channel slack-incoming-webhook/env", "before-the-rule")
    )
    assert channel < rule
    assert SECRET not in done.stdout + done.stderr
    store = Store(start.url)
    assert store.receivers.all()["default"] == ["inbox", "slack-incoming-webhook/env"]
    store.close()
    with ChannelBlocks(start.server.url) as prefect:
        prefect.remove(prefect.find("slack-incoming-webhook/env"))


def test_without_variables_nothing_is_started(start: Start) -> None:
    assert start.run() == ""


def test_one_that_cannot_be_used_is_shown_and_holds_up_nothing(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALERT_SLACK_WEBHOOK_URL", SECRET)
    said = start.run()
    assert "Channels: sentinel: the URL of the Slack webhook does not begin with" in said
    assert SECRET not in said
