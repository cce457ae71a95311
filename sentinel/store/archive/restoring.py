"""Restores archived alerts into the database, with their groups."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, select

from sentinel.access import EVERYTHING, Scope
from sentinel.audit.change import Change
from sentinel.errors import ConfigurationError, Conflict
from sentinel.store.archive.files import FILE, KEPT, TAKEN, checked, files, locked, taken_of
from sentinel.store.archive.parquet import read_records
from sentinel.store.archive.place import place_of
from sentinel.store.archive.records import Record, put_back
from sentinel.store.archive.searching import archived_alerts
from sentinel.store.database.insert import insert_into
from sentinel.store.database.tables import ALERT, GROUP

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["MOST_RESTORED", "restore_alerts"]

MOST_RESTORED = 100
_LONGEST = timedelta(days=3650)
_Found = tuple[Row[Any], Record]


def restore_alerts(
    store: Store,
    ids: Sequence[str],
    *,
    actor: str,
    keep: timedelta = timedelta(days=30),
    scope: Scope = EVERYTHING,
) -> list[str]:
    """Put archived alerts back, with their timelines, groups, deliveries and remediations.

    They are in the archive no more until they are archived again.

    Args:
        store: the shared database, whose options name the archive
        ids: of the alerts, at most 100
        actor: who does it
        keep: how long they stay before they are archived again
        scope: an alert that is not in it is as unknown

    Returns:
        The ids, in the given order, each once.

    Raises:
        ConfigurationError: there are too many ids or none, or the time is too long
        NotFound: the archive has no such alert; none is restored
        Conflict: one was restored or archived meanwhile; none is restored
        ArchiveError: a file cannot be read; none is restored
    """
    wanted = list(dict.fromkeys(ids))
    if not 1 <= len(wanted) <= MOST_RESTORED:
        raise ConfigurationError(f"name 1 to {MOST_RESTORED} alerts, not {len(wanted)}")
    if not timedelta(0) < keep <= _LONGEST:
        raise ConfigurationError("alerts are restored for more than no time, at most ten years")
    alerts = archived_alerts(store, wanted, scope)
    groups = _groups_of(store, [record for _, record in alerts])

    def work(connection: Connection) -> None:
        locked(connection)
        until = store.now() + keep
        for own, found in ((ALERT, alerts), (GROUP, groups)):
            for file, record in found:
                _require_there(connection, file, record)
                query = select(own.c.id).where(own.c.id == record.id)
                if connection.execute(query).first() is not None:
                    raise Conflict(f"{record.kind} {record.id} is in the database already")
                taking = insert_into(store.dialect, TAKEN).values(
                    file_id=file.id, record_id=record.id, tenant=file.tenant,
                    taken_at=store.now(), taken_by=actor, keep_until=until,
                )  # fmt: skip
                mine = taking.on_conflict_do_nothing().returning(TAKEN.c.record_id)
                if connection.execute(mine).first() is None:
                    raise _meanwhile(record)
        put_back(connection, [record for _, record in (*groups, *alerts)])
        for _, record in alerts:
            change = Change(
                action="archive.restored", object_kind="alert", object_name=record.own["title"],
                object_id=record.id, tenant=record.own["tenant"],
                after={"keep_until": until},
            )  # fmt: skip
            store.audit.add(connection, change, actor=actor)
        store.changed(connection)

    store.in_transaction(work)
    return wanted


def _groups_of(store: Store, alerts: Sequence[Record]) -> list[_Found]:
    """Return the archived groups that these alerts were members of."""
    wanted = {row["group_id"] for one in alerts for row in one.rows.get("group_member", [])}
    found: list[_Found] = []
    with store.read() as connection:
        there = files(connection, "group")
    tenants = {one.own["tenant"] for one in alerts}
    for file in there:
        if not wanted or file.tenant not in tenants:
            continue
        with store.read() as connection:
            here = sorted(wanted - taken_of(connection, file.id))
        place = place_of(store.options.archive_url)
        records = read_records(checked(place, file), file.path, here)
        found += [(file, one) for one in records]
        wanted -= {one.id for one in records}
    return found


def _require_there(connection: Connection, file: Row[Any], record: Record) -> None:
    """Check that the file still counts, and still has the record."""
    counts = select(FILE.c.id).where(FILE.c.id == file.id, FILE.c.state == KEPT)
    gone = connection.execute(counts).first() is None
    if gone or record.id in taken_of(connection, file.id):
        raise _meanwhile(record)


def _meanwhile(record: Record) -> Conflict:
    return Conflict(
        f"{record.kind} {record.id} was restored, or its file replaced, meanwhile",
        hint="Search again.",
    )
