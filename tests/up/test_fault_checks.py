"""Faults that `sentinel doctor` finds: each is made here, and found with its cure."""

from __future__ import annotations

import socket
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from sentinel.clock import FakeClock
from sentinel.engine.dispatcher import notify_due
from sentinel.errors import ConfigurationError
from sentinel.oncall.wake_delays import DELAYS
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.database.info import database_clock
from sentinel.store.notifications.inbox import Inbox
from sentinel.up import fault_checks as faults
from sentinel.up.checks import (
    _database,  # pyright: ignore[reportPrivateUsage] - one check of many that take long
)
from sentinel.up.home import Home
from sentinel.up.rollout import Rollout
from tests.world import World

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
SETTINGS = Settings()


@pytest.mark.parametrize(
    ("date", "state"),
    [
        ("Thu, 01 Jan 2026 12:00:03 GMT", "ok"),
        ("Thu, 01 Jan 2026 12:00:20 GMT", "warning"),
        ("Thu, 01 Jan 2026 11:50:00 GMT", "wrong"),
        ("yesterday", "note"),
    ],
)
def test_a_clock_that_differs_from_prefects_is_found(date: str, state: str):
    found = faults.prefect_clock_state(date, NOW)
    assert found.state == state
    if state == "wrong":
        assert found.says == "this machine's clock is 600 seconds ahead of the Prefect server"
        assert "timedatectl" in found.hint


def test_a_clock_that_differs_from_the_databases_is_found(store: Store, clock: FakeClock):
    there = database_clock(store)
    assert (there is None) == (store.dialect == "sqlite")
    assert faults.clock_state(SETTINGS, store).state == ("ok" if there is None else "wrong")


@pytest.mark.parametrize(
    ("server", "client", "state"),
    [("3.8.2", "3.8.8", "ok"), ("3.6.1", "3.8.8", "warning"), ("2.20.1", "3.8.8", "wrong")],
)
def test_a_prefect_of_another_version_is_found(server: str, client: str, state: str):
    assert faults.version_state(server, client).state == state
    assert server in faults.version_state(server, client).says


def automations(**changed: bool | None) -> list[dict[str, Any]]:
    names = ["sentinel-notify-on-wake", "sentinel-escalate-now"]
    names += [f"sentinel-escalate-after-{one}s" for one in DELAYS if one]
    given = {name: changed.get(name.removeprefix("sentinel-").replace("-", "_"), True)
             for name in names}  # fmt: skip
    return [{"name": name, "enabled": on} for name, on in given.items() if on is not None]


def test_an_automation_that_is_missing_or_disabled_is_found():
    assert faults.wakes_state(automations()).state == "ok"
    missing = faults.wakes_state(automations(notify_on_wake=None))
    assert (missing.state, missing.says) == ("wrong", "missing: sentinel-notify-on-wake")
    off = faults.wakes_state(automations(escalate_now=False))
    assert (off.state, off.says) == ("warning", "disabled: sentinel-escalate-now")


def test_the_automations_are_those_of_prefect_yaml():
    written = Path("prefect.yaml").read_text("utf-8")
    assert [one["name"] for one in automations() if f"- name: {one['name']}\n" not in written] == []


def test_a_system_deployment_that_is_paused_or_missing_is_found():
    given = yaml.safe_load(Path("prefect.yaml").read_text("utf-8"))["deployments"]
    names = [one["name"] for one in given if one["tags"] == ["sentinel-system"]]
    there: list[dict[str, Any]] = [{"name": name, "paused": False} for name in names]
    for one in names:
        left = [each for each in there if each["name"] != one]
        assert faults.system_state(left).says == f"not deployed: {one}"
    assert faults.system_state(there).state == "ok"
    assert faults.system_state(there[1:]).says == "not deployed: notify"
    there[2]["paused"] = True
    found = faults.system_state(there)
    assert (found.state, found.says) == ("wrong", "paused: sweep")
    assert "prefect deployment resume sweep/sweep" in found.hint


def test_a_file_with_secrets_that_others_may_read_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    home = Home(tmp_path / "home")
    home.prepare()
    home.secret("api-token")
    assert faults.secret_files_state(SETTINGS, home, {}).state == "ok"
    (home.root / "api-token").chmod(0o644)
    found = faults.secret_files_state(SETTINGS, home, {})
    assert (found.state, found.hint) == ("wrong", f"Close it: chmod 600 {home.root / 'api-token'}")
    (home.root / "a b").write_text("x")
    (home.root / "a b").chmod(0o644)
    hint = faults.secret_files_state(SETTINGS, home, {}).hint
    assert hint == f"Close it: chmod 600 '{home.root}/a b' {home.root}/api-token"  # all of them
    (home.root / "a b").chmod(0o600)
    (home.root / "api-token").chmod(0o600)
    named = tmp_path / "database-url"
    named.write_text("x")
    named.chmod(0o440)  # as Kubernetes mounts it for the container's group
    given = {"SENTINEL_DATABASE_URL_FILE": str(named)}
    assert faults.secret_files_state(SETTINGS, home, given).state == "ok"
    named.chmod(0o644)
    assert "database-url" in faults.secret_files_state(SETTINGS, home, given).says


def test_what_a_start_writes_only_this_user_may_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    Path("prefect.yaml").write_text("deployments: [{name: disk}]\n")
    home = Home(tmp_path / "home")
    home.prepare()
    home.sqlite.write_bytes(b"")  # of an earlier version
    (home.root / "rollout.yaml").write_text("")
    for file in (home.sqlite, home.root / "rollout.yaml"):
        file.chmod(0o644)
    Rollout(Path("prefect.yaml"), demo=True).write(home)
    with closing(sqlite3.connect(home.closed_sqlite())) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE a (b)")
        found = faults.secret_files_state(SETTINGS, home, {})
    assert found.says == "only this user may read 4 files with secrets"


def test_a_port_that_another_program_has_is_found(tmp_path: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        port = taken.getsockname()[1]
        chosen = Settings(api_port=port, dashboard_port=0, prefect_port=0)
        found = faults.ports_state(chosen, Home(tmp_path))
    assert (found.state, str(port) in found.says) == ("warning", True)
    assert "SENTINEL_API_PORT" in found.hint
    assert faults.ports_state(chosen, Home(tmp_path)).state == "ok"


def test_a_stuck_outbox_and_an_overdue_rule_are_found(store: Store, clock: FakeClock):
    world = World(store, clock)
    world.sees({"/": 95})
    clock.forward(minutes=4)
    assert faults.outbox_state(SETTINGS, store).state == "ok"
    assert faults.evaluations_state(SETTINGS, store).state == "ok"
    clock.forward(minutes=4)
    stuck = faults.outbox_state(SETTINGS, store)
    assert (stuck.state, stuck.says.endswith("the oldest for 8m")) == ("wrong", True)
    late = faults.evaluations_state(SETTINGS, store)
    assert (late.state, late.says) == ("wrong", "overdue: disk, by up to 4m")


def test_a_receiver_that_reaches_nobody_is_found(store: Store, clock: FakeClock):
    world = World(store, clock)
    world.sees({"/": 95})
    notify_due(store, lambda _: Inbox(store), by="test")
    assert faults.receivers_state(SETTINGS, store).state == "ok"
    clock.forward(days=8)
    found = faults.receivers_state(SETTINGS, store)
    assert (found.state, found.says.startswith("nobody reads the inbox")) == ("warning", True)
    store.inbox.mark_read([store.inbox.page()[0].id], actor="ada")
    assert faults.receivers_state(SETTINGS, store).state == "ok"


def test_a_schema_that_is_older_is_found_and_a_wrong_address_too(tmp_path: Path):
    empty = Settings(database_url=f"sqlite:///{tmp_path / 'old.db'}")
    found = _database(empty, Home(tmp_path))
    assert (found.state, found.says) == ("wrong", "its schema is older than this version")
    assert found.hint == "Update it: sentinel db migrate"
    with pytest.raises(ConfigurationError, match="'mysql' databases are not supported"):
        _database(Settings(database_url="mysql://db/sentinel"), Home(tmp_path))
