"""Resolved alerts leave the database for files, and nothing is lost, doubled or left behind."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlmodel import SQLModel

from sentinel.access import Reach, Scope
from sentinel.alerts.actions import Comment
from sentinel.clock import FakeClock
from sentinel.errors import ArchiveError, ConfigurationError, Conflict, NotFound
from sentinel.severity import Severity
from sentinel.store import Store
from sentinel.store.archive import archiving
from sentinel.store.archive.archiving import Archived, archive_resolved
from sentinel.store.archive.holds import Holds
from sentinel.store.archive.place import Place
from sentinel.store.archive.restoring import restore_alerts
from sentinel.store.archive.searching import ArchiveQuery, search_archive
from sentinel.store.archive.verifying import verify_archive
from sentinel.store.audit.people import erase, export
from sentinel.store.database.leaving import limit_notice
from tests.databases import sqlite_alone
from tests.store.archive.conftest import KEEP
from tests.world import World


def contents(world: World) -> dict[str, list[Any]]:
    """What the database has of alerts and groups."""
    tables = ("alert", "timeline", "group_member", "alert_group", "delivery", "notification_log",
              "notification_outcome")  # fmt: skip
    with world.store.read() as connection:
        return {
            name: list(connection.execute(table.select().order_by(*table.primary_key)))
            for name in tables
            for table in [SQLModel.metadata.tables[name]]
        }


def titles(world: World, **query: Any) -> list[str]:
    return [one["title"] for one in search_archive(world.store, ArchiveQuery(**query)).items]


def archive(world: World) -> Archived:
    world.store.retain(KEEP)
    return archive_resolved(world.store, KEEP)


def test_an_archived_alert_comes_back_as_it_was_with_its_group(world: World):
    before, ids = contents(world), world.ids()
    assert archive(world) == Archived(alerts=2, groups=1, files=2)
    assert not any(contents(world).values())
    restore_alerts(world.store, ids, actor="omar")
    assert contents(world) == before
    assert search_archive(world.store, ArchiveQuery()).items == []
    assert verify_archive(world.store).problems == []


def test_a_restored_alert_stays_for_its_time_and_is_archived_once(world: World):
    (first, second) = world.ids()
    archive(world)
    restore_alerts(world.store, [first], actor="omar", keep=timedelta(days=2))
    assert archive(world).alerts == 0
    world.wait(days=3)
    assert archive(world).alerts == 1
    found = search_archive(world.store, ArchiveQuery())
    assert sorted(one["id"] for one in found.items) == [first, second]
    assert verify_archive(world.store).problems == []
    restore_alerts(world.store, [first, second], actor="omar")
    assert world.ids() == [first, second]


@sqlite_alone
def test_a_search_finds_words_of_titles_labels_and_comments(world: World):
    archive(world)
    assert len(titles(world, words=("array", "lost a disk"))) == 2
    assert len(titles(world, words=("mount=/data",))) == 1
    assert titles(world, words=("no such word",)) == []
    assert titles(world, rule="another") == []
    assert titles(world, severity=Severity.CRITICAL) == []
    assert titles(world, until=world.clock.now() - timedelta(days=101)) == []
    assert len(titles(world, since=world.clock.now() - timedelta(days=101))) == 2
    cut = search_archive(world.store, ArchiveQuery(limit=1))
    assert (len(cut.items), cut.more, cut.items[0]["archived"]) == (1, True, True)
    with pytest.raises(ConfigurationError, match="limit must be"):
        search_archive(world.store, ArchiveQuery(limit=501))


@sqlite_alone
def test_a_search_ends_when_its_time_is_over_and_says_what_it_did_not_read(world: World):
    archive(world)
    ticks = iter([0.0, 9.0])
    found = search_archive(world.store, ArchiveQuery(), seconds=5, passed=lambda: next(ticks))
    assert found.items == []
    assert found.unread_until is not None


@sqlite_alone
def test_nothing_of_another_tenant_is_found_or_restored(world: World):
    ids = world.ids()
    archive(world)
    foreign = Scope((Reach(tenants=frozenset({"acme"})),))
    assert titles(world, scope=foreign) == []
    with pytest.raises(NotFound, match="the archive has no alert"):
        restore_alerts(world.store, ids, actor="eve", scope=foreign)
    assert world.ids() == []


STEPS: dict[str, tuple[object, str]] = {
    "before the file is written": (Place, "write"),
    "before it is read back": (Place, "read"),
    "within the transaction": (archiving, "delete_rows"),
}


@sqlite_alone
@pytest.mark.parametrize("step", STEPS)
def test_a_crash_at_any_step_loses_nothing_and_doubles_nothing(
    world: World, step: str, monkeypatch: pytest.MonkeyPatch
):
    before = contents(world)
    where, name = STEPS[step]

    def crash(*_: Any) -> None:
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr(where, name, crash)
        with pytest.raises(MemoryError):
            archive(world)
    assert contents(world) == before
    assert search_archive(world.store, ArchiveQuery()).items == []
    world.wait(minutes=11)  # the lease of whoever crashed
    done = archive(world)
    assert (done.alerts, done.groups, done.removed) == (2, 1, 1)
    assert verify_archive(world.store).problems == []
    assert len(list(Path(world.store.options.archive_url).rglob("*.parquet"))) == 2


def test_an_alert_that_changes_meanwhile_stays_until_the_next_run(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    ids, write = world.ids(), Place.write

    def then_comment(place: Place, name: str, data: bytes) -> None:
        write(place, name, data)
        world.store.act([ids[0]], Comment(actor="omar", comment="one thing more"))

    with monkeypatch.context() as patched:
        patched.setattr(Place, "write", then_comment)
        assert archive(world).alerts == 0
    assert world.ids() == ids
    assert archive(world).alerts == 2
    assert len(titles(world, words=("one thing more",))) == 1


@sqlite_alone
def test_damage_is_found_and_never_restored(world: World):
    ids = world.ids()
    archive(world)
    (file,) = Path(world.store.options.archive_url).rglob("alert/**/*.parquet")
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    assert "is damaged" in verify_archive(world.store).problems[0]
    with pytest.raises(ArchiveError, match="is damaged"):
        restore_alerts(world.store, ids, actor="omar")
    file.unlink()
    assert "has no file" in verify_archive(world.store).problems[0]
    with pytest.raises(ArchiveError, match="has no file"):
        search_archive(world.store, ArchiveQuery())


@sqlite_alone
def test_a_damaged_file_hides_no_alert_of_another_file(world: World):
    first, second = world.ids()
    archive(world)
    restore_alerts(world.store, [first], actor="omar", keep=timedelta(days=2))
    world.wait(days=3)
    archive(world)
    files = {one["id"]: one["file"] for one in search_archive(world.store, ArchiveQuery()).items}
    (file,) = Path(world.store.options.archive_url).rglob(f"{files[second]}.parquet")
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    found = search_archive(world.store, ArchiveQuery())
    assert [one["id"] for one in found.items] == [first]
    (sentence,) = found.unreadable
    assert files[second] in sentence
    with pytest.raises(ArchiveError, match="is damaged"):
        restore_alerts(world.store, [second], actor="omar")
    restore_alerts(world.store, [first], actor="omar")
    assert world.ids() == [first]


def test_an_erased_name_is_in_no_file(world: World):
    archive(world)
    assert len(export(world.store, "lena", actor="omar")["alert"]) == 2
    label = erase(world.store, "lena", actor="omar")
    (file,) = Path(world.store.options.archive_url).rglob("alert/**/*.parquet")
    restore_alerts(world.store, [one["id"] for one in search(world)], actor="omar")
    assert {row[0] for row in world.rows("SELECT acknowledged_by FROM alert")} == {label}
    assert world.rows("SELECT id FROM timeline WHERE actor = 'lena'") == []
    assert b"lena" not in file.read_bytes()
    assert verify_archive(world.store).problems == []


def search(world: World) -> list[dict[str, Any]]:
    return search_archive(world.store, ArchiveQuery()).items


@sqlite_alone
def test_an_erasure_that_fails_leaves_name_and_files_as_they_were(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    archive(world)

    def crash(*_: Any) -> None:
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr("sentinel.store.audit.people.erase_from_security", crash)
        with pytest.raises(MemoryError):
            erase(world.store, "lena", actor="omar")
    assert {one["acknowledged_by"] for one in search(world)} == {"lena"}
    assert verify_archive(world.store).problems == []
    label = erase(world.store, "lena", actor="omar")
    assert {one["acknowledged_by"] for one in search(world)} == {label}


def test_a_legal_hold_keeps_rows_and_files_and_refuses_an_erasure(world: World):
    holds = Holds(world.store)
    assert holds.set("default", "case 17", actor="omar")
    assert not holds.set("defualt", "no tenant has this name", actor="omar")
    with_archive = world.store.options
    world.store.options = msgspec.structs.replace(with_archive, archive_url="")
    world.store.retain(KEEP)
    assert len(world.ids()) == 2
    world.store.options = msgspec.structs.replace(with_archive, keep_archive=timedelta(days=1))
    archive(world)
    assert len(search(world)) == 2
    with pytest.raises(Conflict, match="legal hold"):
        erase(world.store, "lena", actor="omar")
    holds.release("default", actor="omar")
    assert archive(world).removed == 2
    assert search(world) == []
    assert list(Path(with_archive.archive_url).rglob("*.parquet")) == []


def test_a_tenant_may_keep_its_alerts_longer_or_shorter(world: World):
    longer = {"default": timedelta(days=365)}
    world.store.options = msgspec.structs.replace(world.store.options, retention_by_tenant=longer)
    assert archive(world).alerts == 0
    shorter = {"default": timedelta(days=1)}
    world.store.options = msgspec.structs.replace(world.store.options, retention_by_tenant=shorter)
    assert archive_resolved(world.store, timedelta(days=3650)).alerts == 2


@sqlite_alone
def test_only_one_process_writes_the_archive(world: World):
    assert world.store.leases.take("archive", "somebody", timedelta(minutes=5))
    with pytest.raises(Conflict, match="being written"):
        archive(world)


@sqlite_alone
def test_the_archive_may_be_object_storage(world: World):
    world.store.options = msgspec.structs.replace(
        world.store.options, archive_url="memory://bucket/sentinel"
    )
    ids = world.ids()
    archive(world)
    assert len(search(world)) == 2
    restore_alerts(world.store, ids, actor="omar")
    assert world.ids() == ids


def test_beyond_the_limit_the_oldest_leave_before_their_time_and_no_critical_is_deleted(
    store: Store, clock: FakeClock, tmp_path: Path
):
    world = World(store, clock)
    for number, severity in enumerate(("critical", "low", "low", "low")):
        world = World(store, clock, name=f"rule-{number}", severity=severity)
        world.sees({"/": 95})
        world.sees({"/": 20})
        world.sees({"/": 20})
    store.options = msgspec.structs.replace(store.options, most_history=2)
    assert "more than 2 resolved alerts" in limit_notice(store, KEEP)
    store.retain(KEEP)
    left = [row[0] for row in world.rows("SELECT rule FROM alert ORDER BY id")]
    assert left == ["rule-0", "rule-2", "rule-3"]
    store.options = msgspec.structs.replace(store.options, archive_url=str(tmp_path / "archive"))
    assert archive_resolved(store, KEEP).alerts == 1
    left = [row[0] for row in world.rows("SELECT rule FROM alert ORDER BY id")]
    assert left == ["rule-2", "rule-3"]
    assert limit_notice(store, timedelta(0)) == ""
    assert [one["rule"] for one in search(world)] == ["rule-0"]
