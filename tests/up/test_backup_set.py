"""A backup of everything restores, and one that does not is found."""

from __future__ import annotations

import sqlite3
import tarfile
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from sentinel.clock import FakeClock
from sentinel.engine.component_health import last_backup
from sentinel.errors import ConfigurationError
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.up.backup_check import (
    read_manifest,
    record_verification,
    verify_backup,
    verify_dump,
)
from sentinel.up.backup_set import COUNTED, back_up_all, backups_in, dump, keep_newest
from sentinel.up.home import Home
from tests.databases import database, sqlite_copy
from tests.world import World


@pytest.fixture
def store(migrated_sqlite: Path, tmp_path: Path, clock: FakeClock) -> Generator[Store]:
    """On SQLite alone: `sentinel.store.database.backup` has tests of its own, on both."""
    store = Store(sqlite_copy(migrated_sqlite, tmp_path / "sentinel.db"), clock=clock)
    yield store
    store.close()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home with secrets, and with Prefect's database in SQLite."""
    monkeypatch.chdir(tmp_path)
    Path("prefect.yaml").write_text("name: sentinel\n")
    home = Home(tmp_path / "home")
    home.prepare()
    home.secret("api-token")
    with closing(sqlite3.connect(home.prefect / "prefect.db")) as connection:
        for name in COUNTED:
            connection.execute(f"CREATE TABLE {name} (id TEXT)")
        connection.execute("INSERT INTO deployment VALUES ('a')")
        connection.commit()
    return home


def written(store: Store, home: Home, folder: Path) -> Path:
    return back_up_all(store, Settings(home=home.root), home, folder)


def test_a_backup_holds_both_databases_and_the_configuration_and_restores(
    store: Store, clock: FakeClock, home: Home, tmp_path: Path
):
    World(store, clock).sees({"/": 95})
    made = written(store, home, tmp_path / "backups")
    assert [one.problem for one in verify_backup(made)] == ["", "", ""]
    manifest = read_manifest(made)
    assert manifest.parts[0].rows["alert"] == 1
    assert manifest.parts[1].rows["deployment"] == 1
    assert "telemetry" in manifest.left_out
    with tarfile.open(made / "configuration.tar") as archive:
        assert {"home/api-token", "project/prefect.yaml"} <= set(archive.getnames())
    assert [path.stat().st_mode & 0o077 for path in (made, *made.iterdir())] == [0] * 5
    assert store.metrics.names() == [
        "rule:disk", "sentinel_backup_bytes", "sentinel_backup_ok", "sentinel_backup_seconds"
    ]  # fmt: skip
    assert last_backup(store).state == "ok"


def test_a_backup_that_does_not_restore_is_found_and_reported(
    store: Store, clock: FakeClock, home: Home, tmp_path: Path
):
    made = written(store, home, tmp_path)
    (made / "prefect.db").write_bytes(b"no database")
    (made / "configuration.tar").unlink()
    found = verify_backup(made)
    assert [one.file for one in found if one.problem] == ["prefect.db", "configuration.tar"]
    record_verification(store, found)
    state = last_backup(store)
    assert (state.state, "does not restore: prefect.db" in state.says) == ("wrong", True)
    (made / "manifest.json").unlink()
    with pytest.raises(ConfigurationError, match="is no backup"):
        verify_backup(made)
    assert backups_in(tmp_path) == []


def test_a_backup_that_fails_leaves_nothing_and_is_reported(
    store: Store, clock: FakeClock, home: Home, tmp_path: Path
):
    (home.prefect / "prefect.db").write_bytes(b"no database")
    with pytest.raises(ConfigurationError, match="file is not a database"):
        written(store, home, tmp_path / "backups")
    assert list((tmp_path / "backups").iterdir()) == []
    assert last_backup(store).state == "wrong"
    assert "the last one failed" in last_backup(store).says


def test_a_telemetry_store_that_was_never_started_is_left_out(
    store: Store, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def own(*_: object) -> bool:
        return True

    monkeypatch.setattr(Home, "is_own_telemetry", own)
    settings = Settings(home=home.root, telemetry_url=SecretStr("http://sentinel@127.0.0.1:9"))
    made = back_up_all(store, settings, home, tmp_path / "backups")
    assert "not started" in read_manifest(made).left_out["telemetry"]


def test_two_backups_of_one_second_do_not_remove_each_other(
    store: Store, home: Home, tmp_path: Path, clock: FakeClock
):
    name = f"sentinel-backup-{clock.now():%Y%m%dT%H%M%SZ}"
    other = tmp_path / "backups" / f".part-{name}"
    other.mkdir(parents=True)
    with pytest.raises(ConfigurationError, match="File exists"):
        written(store, home, tmp_path / "backups")
    assert other.is_dir()


def test_only_the_newest_are_kept(store: Store, clock: FakeClock, home: Home, tmp_path: Path):
    made: list[Path] = []
    for _ in range(3):
        clock.forward(days=1)
        made.append(written(store, home, tmp_path))
    assert keep_newest(tmp_path, 2) == made[:1]
    assert backups_in(tmp_path) == [made[2], made[1]]


@pytest.mark.slow
def test_a_dump_of_prefects_postgresql_is_restored_and_counted(tmp_path: Path, postgres_url: str):
    """The same functions as above, on what `sentinel up` embeds."""

    with database(postgres_url) as url:
        with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
            for name in COUNTED:
                connection.execute(f"CREATE TABLE {name} (id text)")  # pyright: ignore[reportCallIssue, reportArgumentType] - names of ours
            connection.execute("INSERT INTO deployment VALUES ('a'), ('b')")
        part = dump(url, tmp_path / "prefect.dump")
    assert part.rows["deployment"] == 2
    assert verify_dump(tmp_path / "prefect.dump", part, "") == 2
