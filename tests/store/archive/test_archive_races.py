"""Whoever loses the archive to another process, or changes what leaves, loses no alert."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sentinel.access import Reach, Scope
from sentinel.errors import ArchiveError, Conflict, NotFound
from sentinel.severity import Severity
from sentinel.store import Store
from sentinel.store.archive import restoring
from sentinel.store.archive.archiving import archive_resolved
from sentinel.store.archive.holds import Holds
from sentinel.store.archive.place import Place
from sentinel.store.archive.restoring import restore_alerts
from sentinel.store.archive.searching import ArchiveQuery, search_archive
from sentinel.store.archive.verifying import verify_archive
from sentinel.store.audit.people import erase
from sentinel.store.incidents.incidents import Incidents
from sentinel.store.incidents.opening import NewIncident
from tests.store.archive.conftest import KEEP
from tests.world import World


def files_of(world: World) -> list[Path]:
    return sorted(Path(world.store.options.archive_url).rglob("*.parquet"))


def after(name: str, then: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let something happen once, after the first call of a function of the place."""
    real, waiting = getattr(Place, name), [then]

    def called(place: Place, *given: Any) -> Any:
        done = real(place, *given)
        if waiting:
            waiting.pop()()
        return done

    monkeypatch.setattr(Place, name, called)


def test_an_archiver_that_was_too_slow_deletes_no_row_whose_file_another_removed(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    ids = world.ids()

    def another_takes_over() -> None:
        world.wait(minutes=11)
        world.store.options = msgspec.structs.replace(
            world.store.options, retention_by_tenant={"default": timedelta(days=3650)}
        )
        archive_resolved(world.store, KEEP)  # which removes files that do not count

    after("read", another_takes_over, monkeypatch)
    with pytest.raises(Conflict, match="archive was written by another process"):
        archive_resolved(world.store, KEEP)
    assert world.ids() == ids
    assert files_of(world) == []


def test_an_erasure_that_was_too_slow_replaces_no_file(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    archive_resolved(world.store, KEEP)

    def another_takes_over() -> None:
        world.wait(minutes=11)
        archive_resolved(world.store, KEEP)

    after("read", another_takes_over, monkeypatch)
    with pytest.raises(Conflict, match="archive"):
        erase(world.store, "lena", actor="omar")
    assert len(search_archive(world.store, ArchiveQuery()).items) == 2
    assert verify_archive(world.store).problems == []


def test_a_file_that_does_not_read_back_is_an_error_and_nothing_is_deleted(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    ids = world.ids()

    def other_bytes(*_: Any) -> bytes:
        return b"other bytes"

    monkeypatch.setattr(Place, "read", other_bytes)
    with pytest.raises(ArchiveError, match="does not read back"):
        archive_resolved(world.store, KEEP)
    assert world.ids() == ids


def open_incident(world: World, ids: list[str]) -> None:
    given = NewIncident(title="A disk is lost", severity=Severity.HIGH, alerts=ids)
    Incidents(world.store).open(given, actor="ann")


def test_an_alert_that_joins_an_incident_meanwhile_stays(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    ids = world.ids()
    after("read", lambda: open_incident(world, ids[:1]), monkeypatch)
    assert archive_resolved(world.store, KEEP).alerts == 0
    assert world.ids() == ids
    assert archive_resolved(world.store, KEEP).alerts == 1


def test_a_group_stays_with_its_alert_that_is_in_an_incident(world: World):
    (first, second) = world.ids()
    open_incident(world, [first])
    done = archive_resolved(world.store, KEEP)
    assert (done.alerts, done.groups) == (1, 0)
    assert world.rows("SELECT alert_id FROM group_member") == [(first,)]
    restore_alerts(world.store, [second], actor="omar")
    assert len(world.rows("SELECT alert_id FROM group_member")) == 2


def test_a_group_stays_until_the_last_of_its_restored_alerts_leaves(world: World):
    (first, second) = world.ids()
    archive_resolved(world.store, KEEP)
    restore_alerts(world.store, [first], actor="omar", keep=timedelta(days=2))
    restore_alerts(world.store, [second], actor="omar", keep=timedelta(days=30))
    world.wait(days=3)
    done = archive_resolved(world.store, KEEP)
    assert (done.alerts, done.groups) == (1, 0)
    world.wait(days=30)
    assert archive_resolved(world.store, KEEP).groups == 1
    restore_alerts(world.store, [second], actor="omar")
    assert world.rows("SELECT alert_id FROM group_member WHERE alert_id = :id", id=second)


def test_of_two_who_restore_an_alert_the_second_learns_of_the_first(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    ids = world.ids()
    archive_resolved(world.store, KEEP)
    restore_alerts(world.store, ids, actor="omar")
    with world.store.write() as connection:  # as if the first had not ended when this one read
        connection.exec_driver_sql("DELETE FROM alert")

    def nothing(*_: Any) -> set[str]:
        return set()

    monkeypatch.setattr(restoring, "_require_there", nothing)
    monkeypatch.setattr("sentinel.store.archive.searching.taken_of", nothing)
    with pytest.raises(Conflict, match="was restored, or its file replaced, meanwhile"):
        restore_alerts(world.store, ids, actor="eve")


def test_damage_in_a_file_of_another_tenant_is_not_read(world: World):
    ids = world.ids()
    archive_resolved(world.store, KEEP)
    for file in files_of(world):
        file.write_bytes(b"damaged")
    with pytest.raises(NotFound):
        restore_alerts(
            world.store, ids, actor="eve", scope=Scope((Reach(tenants=frozenset({"acme"})),))
        )


def test_a_hold_and_a_longer_retention_keep_deliveries_too(store: Store, world: World):
    store.options = msgspec.structs.replace(store.options, archive_url="")
    before = world.rows("SELECT id FROM delivery")
    assert before
    longer = msgspec.structs.replace(
        store.options, retention_by_tenant={"default": timedelta(days=365)}
    )
    plain, store.options = store.options, longer
    store.retain(KEEP)
    assert world.rows("SELECT id FROM delivery") == before
    store.options = plain
    Holds(store).set("default", "case 17", actor="omar")
    store.retain(KEEP)
    assert world.rows("SELECT id FROM delivery") == before
    Holds(store).release("default", actor="omar")
    store.retain(KEEP)
    assert world.rows("SELECT id FROM delivery") == []
