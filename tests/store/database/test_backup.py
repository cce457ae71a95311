"""Backups: complete or refused, between both databases, and from older versions."""

from __future__ import annotations

import gzip
import json
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import inspect, text
from sqlalchemy.exc import DBAPIError

from sentinel.alerts.actions import Acknowledge
from sentinel.audit.change import channel_change
from sentinel.clock import FakeClock
from sentinel.engine.dispatcher import notify_due
from sentinel.errors import ConfigurationError, Conflict, DatabaseError, SchemaTooNew
from sentinel.store import Store
from sentinel.store.audit.chaining import chain, verify_chain
from sentinel.store.audit.queries import AuditFilter, page
from sentinel.store.database.backup import backup, restore, tables
from sentinel.store.database.backup_file import look_into
from sentinel.store.database.migrate import schema_ready
from tests.databases import database
from tests.store.older_schemas import as_of_schema
from tests.world import World


def everything(store: Store) -> dict[str, list[Any]]:
    """All rows of all tables but what counts changes, and what a restore says of itself."""
    with store.read() as connection:
        return {
            # JSONB keeps its keys in an order of its own.
            table.name: sorted(
                orjson.dumps(list(row), default=bytes.hex, option=orjson.OPT_SORT_KEYS)
                for row in connection.execute(table.select())
                if "database.restored" not in row
            )
            for table in tables()
            if table.name != "change"
        }


@pytest.fixture
def full(store: Store, clock: FakeClock) -> Store:
    """A store with alerts, a timeline, a group, a message, events and a switched rule."""
    world = World(store, clock)
    world.sees({"/": 95.5, "/дом": 99.0, "/ok": 1.0})
    store.act(world.ids()[:1], Acknowledge(actor="ada", comment='it\'s "mine"\n— 磁盘'))
    clock.forward(seconds=60)
    notify_due(store, lambda _ref: store.inbox, by="test")
    store.receivers.set("night", ["inbox", "sentinel-webhook/ops"])
    store.rules.disable("disk", actor="ada", reason="moving house")
    return store


@pytest.fixture(params=["sqlite", "postgresql"])
def other(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> Any:
    """Another database of each kind, with nothing in it, not even tables."""
    if request.param == "sqlite":
        store = Store(f"sqlite:///{tmp_path / 'other.db'}", clock=clock)
        yield store
        store.close()
        return
    with database(request.getfixturevalue("postgres_url")) as url:
        store = Store(url, clock=clock)
        yield store
        store.close()


def test_every_table_that_migrations_make_is_backed_up(store: Store):
    there = set(inspect(store.engine).get_table_names()) - {"alembic_version"}
    ours = {table.name for table in tables()}
    # The database keeps its index of words by itself, also while rows come back; figures are
    # summed up anew. Sessions of people, links in messages, what notifies browsers, what
    # components reported, canaries at doors and what signs tokens of consumers are to end.
    by_itself = ("alert_search", "alert_words", "tally", "person_session", "failed_login",
                 "login_address", "acknowledge_link", "link_key", "push_",
                 "component_report", "consumer_key_signer",
                 "consumer_session", "door_canary")  # fmt: skip
    assert {name for name in there - ours if not name.startswith(by_itself)} == set()
    assert ours <= there


@pytest.mark.slow
def test_a_backup_restores_every_row_into_either_database(
    full: Store, other: Store, tmp_path: Path
):
    made = backup(full, tmp_path / "b.jsonl.gz")
    assert made.rows["alert"] == 2
    assert made.rows["inbox"] == 1
    done = restore(other, tmp_path / "b.jsonl.gz")
    assert done.rows == made.rows
    assert everything(other) == everything(full)
    assert schema_ready(other.engine)


@pytest.mark.slow
def test_a_restored_database_keeps_working(full: Store, other: Store, tmp_path: Path):
    backup(full, tmp_path / "b.jsonl.gz")
    restore(other, tmp_path / "b.jsonl.gz")
    clock = FakeClock()
    clock.forward(seconds=3600)
    other.clock = clock
    assert other.rules.enable("disk", actor="ada")
    world = World(other, clock)
    world.sees({"/": 96.0})
    assert ("disk: / 96 percent", "open") in world.alerts()
    # New events are numbered after those that came with the backup.
    with other.read() as connection:
        numbers = list(connection.execute(text("SELECT seq FROM outbox ORDER BY seq")).scalars())
    assert len(numbers) == len(set(numbers))
    assert numbers[-1] > full.rules.get("disk").evaluations


@pytest.mark.slow
def test_postgresql_has_statistics_right_after_a_restore(full: Store, other: Store, tmp_path: Path):
    """Else it plans searches of a million alerts, for the first minutes, as if of none."""
    if other.dialect != "postgresql":
        pytest.skip("SQLite plans without statistics")
    backup(full, tmp_path / "b.jsonl.gz")
    restore(other, tmp_path / "b.jsonl.gz")
    query = "SELECT reltuples FROM pg_class WHERE relname = 'alert_search'"
    with other.read() as connection:
        assert connection.execute(text(query)).scalar_one() == 2


def test_a_restore_refuses_a_database_that_has_rows(full: Store, tmp_path: Path):
    backup(full, tmp_path / "b.jsonl.gz")
    before = everything(full)
    with pytest.raises(Conflict, match="2 in alert") as caught:
        restore(full, tmp_path / "b.jsonl.gz")
    assert "--replace" in caught.value.hint
    assert everything(full) == before


def test_a_replacing_restore_removes_rows_written_after_the_backup(full: Store, tmp_path: Path):
    backup(full, tmp_path / "b.jsonl.gz")
    before, number = everything(full), full.change_number()
    full.receivers.set("later", ["inbox"])
    chain(full)
    head = verify_chain(full).head
    restore(full, tmp_path / "b.jsonl.gz", replace=True, actor="ada")
    assert everything(full) == before
    (row,) = page(full, AuditFilter(actions=("database.restored",))).items
    assert row.before is not None
    assert row.before["audit_head"] == str(head)  # which is in the chain no more
    assert verify_chain(full).problems == []
    assert verify_chain(full, known=[head]).problems != []
    assert (row.actor, row.object_name) == ("ada", "b.jsonl.gz")
    with pytest.raises(DBAPIError, match="only below a checkpoint"), full.write() as connection:
        connection.execute(text("DELETE FROM audit"))
    assert full.change_number() != number


@pytest.mark.slow
def test_a_backup_of_an_older_schema_replaces_what_a_migrated_database_has(
    full: Store, tmp_path: Path
):
    path = tmp_path / "b.jsonl.gz"
    backup(full, path)
    as_of_schema(path, "0021")
    full.receivers.set("later", ["inbox"])
    done = restore(full, path, replace=True)
    assert done.schema == "0021"
    assert schema_ready(full.engine)
    assert "later" not in full.receivers.all()
    assert "night" in full.receivers.all()
    assert "audit" not in done.rows
    assert [row.action for row in page(full, AuditFilter()).items] == ["database.restored"]


@pytest.mark.slow
def test_audit_rows_of_long_ids_are_restored_from_before_their_column_was_widened(
    full: Store, other: Store, tmp_path: Path
):
    """SQLite took them all along."""
    ref = "sentinel-webhook/" + "x" * 183
    full.audit.write([channel_change("channel.saved", ref)], actor="ada")
    chain(full)
    path = tmp_path / "b.jsonl.gz"
    backup(full, path)
    as_of_schema(path, "0028")
    restore(other, path)
    found = verify_chain(other, known=[verify_chain(full).head])
    assert found.problems == []
    assert [one.object_id for one in page(other, AuditFilter(object=ref)).items] == [ref]


def test_a_restore_raises_the_change_number_past_every_one_of_before(full: Store, tmp_path: Path):
    """An answer that was kept under an earlier number is of rows that the restore replaced."""
    backup(full, tmp_path / "b.jsonl.gz")
    for name in ("ada", "bob", "eve"):
        full.receivers.set(name, ["inbox"])
        with full.engine.begin() as connection:
            full.changed(connection)
    number = full.change_number()
    restore(full, tmp_path / "b.jsonl.gz", replace=True)
    assert full.change_number() > number


def test_a_restore_that_fails_midway_changes_nothing(full: Store, tmp_path: Path):
    path = tmp_path / "b.jsonl.gz"
    backup(full, path)
    lines = gzip.decompress(path.read_bytes()).splitlines()
    place = next(n for n, line in enumerate(lines) if b'"timeline"' in line) + 1
    lines[place] = lines[place - 2]  # a row of another table, with a primary key that is taken
    with gzip.open(path, "wb") as file:
        file.write(b"\n".join(lines) + b"\n")
    before = everything(full)
    with pytest.raises(ConfigurationError, match="cannot be restored"):
        restore(full, path, replace=True)
    assert everything(full) == before


def test_a_backup_is_of_one_moment_while_others_write(
    full: Store, tmp_path: Path, clock: FakeClock
):
    """A receiver and its row in the audit trail are one transaction: in it both, or neither."""
    began, stop = threading.Event(), threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            full.receivers.set(f"r{number}", ["inbox"])
            number += 1
            if number == 5:
                began.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert began.wait(60)
        backup(full, tmp_path / "b.jsonl.gz")
    finally:
        stop.set()
        writer.join(60)
    copy = Store(f"sqlite:///{tmp_path / 'copy.db'}", clock=clock)
    restore(copy, tmp_path / "b.jsonl.gz")
    said = {row for row in everything(copy)["audit"] if b'"receiver.set"' in row}
    assert len(copy.receivers.all()) - 1 == len(said) > 5
    copy.close()


def test_only_the_owner_may_read_a_backup_and_none_is_overwritten(full: Store, tmp_path: Path):
    path = tmp_path / "b.jsonl.gz"
    backup(full, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(Conflict, match="exists"):
        backup(full, path)
    backup(full, path, replace=True)
    assert [file.name for file in tmp_path.glob("*b.jsonl.gz*")] == ["b.jsonl.gz"]


def lines_of(data: bytes) -> list[bytes]:
    return gzip.decompress(data).splitlines(keepends=True)


SPOILT: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda _: b"", "no backup"),
    "another kind of file": (lambda _: b"PK\x03\x04 something else", "no backup"),
    "cut in the middle": (lambda data: data[: len(data) // 2], "damaged"),
    "something else, gzipped": (lambda _: gzip.compress(b'{"format":"x"}\n'), "no backup of"),
    "without its end": (
        lambda data: gzip.compress(b"".join(lines_of(data)[:-1])), "its end is missing"
    ),
    "without an alert": (
        lambda data: gzip.compress(b"".join(x for x in lines_of(data) if b"95.5" not in x)),
        "another number of rows than it says",
    ),
    "of a later format": (
        lambda data: gzip.compress(b"".join(lines_of(data)).replace(b'version":1', b'version":9')),
        "a newer version of Sentinel",
    ),
}  # fmt: skip


@pytest.mark.parametrize("spoilt", SPOILT)
def test_an_incomplete_backup_is_refused_before_anything_changes(
    full: Store, tmp_path: Path, spoilt: str
):
    spoil, said = SPOILT[spoilt]
    path = tmp_path / "b.jsonl.gz"
    backup(full, path)
    path.write_bytes(spoil(path.read_bytes()))
    before = everything(full)
    with pytest.raises(ConfigurationError, match=said):
        restore(full, path, replace=True)
    assert everything(full) == before


def test_a_backup_of_a_newer_schema_says_so(full: Store, other: Store, tmp_path: Path):
    path = tmp_path / "b.jsonl.gz"
    backup(full, path)
    head, *rest = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    changed = json.dumps({**json.loads(head), "schema": "9999"}).encode() + b"\n"
    path.write_bytes(gzip.compress(changed + b"".join(rest)))
    with pytest.raises(SchemaTooNew, match="9999"):
        restore(other, path)
    assert inspect(other.engine).get_table_names() == []


def test_a_database_without_tables_cannot_be_backed_up(other: Store, tmp_path: Path):
    with pytest.raises(DatabaseError, match="schema"):
        backup(other, tmp_path / "b.jsonl.gz")
    assert list(tmp_path.glob("*.gz")) == []


def test_a_missing_file_is_named_in_the_error(tmp_path: Path):
    with pytest.raises(ConfigurationError, match="cannot be read"):
        look_into(tmp_path / "none.gz")


def test_a_missing_folder_is_named_in_the_error(store: Store, tmp_path: Path):
    with pytest.raises(ConfigurationError, match="cannot be written"):
        backup(store, tmp_path / "no" / "such" / "folder.gz")
