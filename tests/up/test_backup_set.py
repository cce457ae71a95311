"""A backup of everything restores, and one that does not is found."""

from __future__ import annotations

import os
import sqlite3
import tarfile
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import msgspec
import psycopg
import pytest
from pydantic import SecretStr

from sentinel.clock import FakeClock
from sentinel.engine.component_health import last_backup
from sentinel.errors import ConfigurationError, Conflict
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.up.backup_check import (
    read_manifest,
    record_verification,
    verify_backup,
    verify_dump,
)
from sentinel.up.backup_set import (
    COUNTED,
    Part,
    back_up_all,
    backups_in,
    dump,
    keep_newest,
    sha256_of,
)
from sentinel.up.home import Home
from sentinel.up.killed_backups import held
from sentinel.up.ports import any_free
from sentinel.up.postgres import Postgres
from sentinel.up.restore_set import embedded_postgres, restore_all
from sentinel.up.temporary_telemetry import temporary_telemetry
from tests.databases import database, sqlite_copy
from tests.store.telemetry.test_client import spans
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


def test_what_a_killed_backup_left_is_removed_by_the_next_one_and_no_other(
    store: Store, home: Home, tmp_path: Path
):
    folder = tmp_path / "backups"
    killed, running, young = (
        folder / f".part-sentinel-backup-2026010{day}T000000Z" for day in (5, 6, 7)
    )
    for part in (killed, running, young):
        part.mkdir(parents=True)
        (part / "sentinel.jsonl.gz").write_bytes(b"half of it")
    for part in (killed, running):
        os.utime(part, (1, 1))
    with held(running):
        made = written(store, home, folder)
    assert {path.name for path in folder.iterdir()} == {made.name, running.name, young.name}


def test_a_backup_while_telemetry_is_away_has_the_rest_and_says_so(
    store: Store, home: Home, tmp_path: Path
):
    home.telemetry_backups.mkdir()
    url = f"http://sentinel:{home.secret('telemetry-password')}@127.0.0.1:{any_free()}"
    settings = Settings(home=home.root, telemetry_url=SecretStr(url))
    made = back_up_all(store, settings, home, tmp_path / "backups")
    manifest = read_manifest(made)
    assert manifest.incomplete
    assert "the store is away" in manifest.left_out["telemetry"]
    assert [one.problem for one in verify_backup(made)] == ["", "", ""]
    state = last_backup(store)
    assert (state.state, "without telemetry: the store is away" in state.says) == ("warning", True)


def test_a_backup_restores_onto_an_empty_home(
    store: Store, clock: FakeClock, home: Home, tmp_path: Path
):
    World(store, clock).sees({"/": 95})
    made = written(store, home, tmp_path / "backups")
    new = Home(tmp_path / "new")
    done = restore_all(Settings(home=new.root), new, made, actor="omar")
    assert [one.file for one in done] == ["configuration.tar", "prefect.db", "sentinel.jsonl.gz"]
    assert new.secret("api-token") == home.secret("api-token")
    assert (new.root / "api-token").stat().st_mode & 0o077 == 0
    with closing(sqlite3.connect(new.prefect / "prefect.db")) as connection:
        assert connection.execute("SELECT id FROM deployment").fetchall() == [("a",)]
    with closing(Store(f"sqlite:///{new.sqlite}", clock=clock)) as restored:
        assert [one.id for one in restored.alerts.page().items] == [
            one.id for one in store.alerts.page().items
        ]
    with pytest.raises(Conflict, match=r"has data already: sentinel\.db, prefect\.db"):
        restore_all(Settings(home=new.root), new, made, actor="omar")


@pytest.mark.parametrize("damage", ["a part", "what is in it"])
def test_a_backup_that_does_not_restore_leaves_the_home_empty(
    store: Store, home: Home, tmp_path: Path, damage: str
):
    made = written(store, home, tmp_path / "backups")
    (made / "sentinel.jsonl.gz").write_bytes(b"nothing")
    if damage == "what is in it":  # by whoever wrote a manifest that fits
        manifest = read_manifest(made)
        bad = msgspec.structs.replace(
            manifest.parts[0], sha256=sha256_of(made / "sentinel.jsonl.gz")
        )
        changed = msgspec.structs.replace(manifest, parts=[bad, *manifest.parts[1:]])
        (made / "manifest.json").write_bytes(msgspec.json.encode(changed))
    new = Home(tmp_path / "new")
    with pytest.raises(ConfigurationError):
        restore_all(Settings(home=new.root), new, made, actor="omar")
    left = {path.relative_to(new.root) for path in new.root.rglob("*") if path.is_file()}
    assert {str(path) for path in left} <= {".gitignore", "lock"}


def test_a_restore_that_fails_keeps_what_the_home_and_a_given_database_have(
    store: Store, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    made = written(store, home, tmp_path / "backups")
    new = Home(tmp_path / "new")
    new.prepare()
    own = new.secret("api-token")
    settings = Settings(home=new.root, database_url=f"sqlite:///{tmp_path / 'given.db'}")
    (made / "telemetry.tar").write_bytes(b"nothing")
    manifest = read_manifest(made)
    more = Part(file="telemetry.tar", bytes=7, sha256=sha256_of(made / "telemetry.tar"))
    changed = msgspec.structs.replace(manifest, parts=[*manifest.parts, more])
    (made / "manifest.json").write_bytes(msgspec.json.encode(changed))

    def damaged(*_: object) -> None:
        raise ConfigurationError("telemetry.tar cannot be restored")

    with monkeypatch.context() as patched:
        patched.setattr("sentinel.up.restore_set._telemetry", damaged)
        with pytest.raises(ConfigurationError, match="telemetry"):
            restore_all(settings, new, made, actor="omar")
    assert not (tmp_path / "given.db").exists()
    assert new.secret("api-token") == own
    (made / "manifest.json").write_bytes(msgspec.json.encode(manifest))
    restore_all(settings, new, made, actor="omar")
    assert new.secret("api-token") == home.secret("api-token")


@pytest.mark.slow
@pytest.mark.xdist_group("telemetry")
def test_everything_restores_onto_an_empty_home_with_real_servers(
    reachable: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
):
    """Both databases of an embedded PostgreSQL, telemetry, a block and the secrets of home."""
    monkeypatch.chdir(reachable)
    old, new = Home(reachable / "old"), Home(reachable / "new")
    old.prepare()
    token = old.secret("api-token")
    with embedded_postgres(old) as server, temporary_telemetry(old) as (telemetry, named):
        store = Store(server.address("sentinel"), clock=clock)
        store.migrate()
        World(store, clock).sees({"/": 95, "/data": 97})
        with prefect(server) as connection:
            connection.execute("CREATE EXTENSION pg_trgm")
            for name in COUNTED:
                connection.execute(f"CREATE TABLE {name} (id text)")  # pyright: ignore[reportCallIssue, reportArgumentType] - names of ours
            connection.execute("INSERT INTO block_document VALUES ('encrypted')")
        telemetry.insert("spans", spans(("a", clock.now()), ("b", clock.now())), "one")
        settings = named.model_copy(update={"database_url": server.address("sentinel")})
        made = back_up_all(store, settings, old, reachable / "backups")
        ids = [one.id for one in store.alerts.page().items]
        store.close()
    assert not read_manifest(made).incomplete
    found = {one.file: (one.rows, one.problem) for one in verify_backup(made)}
    assert found["telemetry.tar"] == (2, "")
    assert {problem for _, problem in found.values()} == {""}
    restored = restore_all(Settings(home=new.root), new, made, actor="omar")
    assert {one.file for one in restored} == set(found)
    assert new.secret("api-token") == token
    with embedded_postgres(new) as server, temporary_telemetry(new) as (telemetry, _):
        with closing(Store(server.address("sentinel"), clock=clock)) as store:
            assert [one.id for one in store.alerts.page().items] == ids
        with prefect(server) as connection:
            row = connection.execute("SELECT id FROM block_document").fetchone()
        assert row == ("encrypted",)
        assert telemetry.value("SELECT count() FROM spans") == 2


def prefect(server: Postgres) -> psycopg.Connection:
    """A connection to Prefect's database, as its owner."""
    url = server.address("prefect").replace("+psycopg", "")
    return psycopg.connect(url, autocommit=True)


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
