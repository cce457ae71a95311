"""Upkeep of metrics: the blocks of an hour are merged, and rolled up by minute and by hour.

Each metric and hour is one transaction, which replaces blocks by the merged one. A process that
dies between two leaves the rest to the next run. Of two at once, the second waits and finds the
blocks gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from sqlalchemy import Connection, Row, delete, select, text

from sentinel.metrics.block import Columns, fresh, packed, unpacked
from sentinel.metrics.merging import joined, once, rolled, rolled_again, taken
from sentinel.metrics.moments import datetime_of, micros
from sentinel.schema.columns import new_id
from sentinel.store.database.bulk import id_array, insert_many
from sentinel.store.database.chunks import chunks
from sentinel.store.database.tables import BLOCK, SERIES

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["Kept", "upkeep"]

_PIECE = 1000
_LOCK = 0x5E471E2
"""Key of PostgreSQL's advisory lock: any number that never changes."""
_MOST_IN_A_BLOCK = 500_000
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_COLUMNS = tuple(column.name for column in BLOCK.columns)


class Kept(msgspec.Struct, frozen=True):
    """How many blocks were merged, how many were deleted, and how many series were deleted."""

    merged: int
    forgotten: int
    series: int


def upkeep(store: Store) -> Kept:
    """Merge blocks of past hours, roll them up, and delete what is past its retention."""
    now = store.now()
    # Clocks differ a little, so an hour is settled some minutes after its end.
    settled = _floor(now - timedelta(minutes=5), _HOUR)
    _split(store, settled)
    merged = 0
    for (tenant, name, hour), rows in groupby(_unmerged(store, settled), key=_place):
        ids = [row.id for row in rows]
        merged += store.in_transaction(
            lambda connection, t=tenant, n=name, h=hour, i=ids: _Hour(
                store, connection, t, n, h, now
            ).merge(i)
        )
    return Kept(merged, *_forget(store, now))


def _floor(moment: datetime, seconds: int) -> datetime:
    at = micros(moment)
    return datetime_of(at - at % (seconds * 1_000_000))


def _place(row: Row[Any]) -> tuple[str, str, datetime]:
    return row.tenant, row.name, _floor(row.to_at, _HOUR)


def _unmerged(store: Store, settled: datetime) -> list[Row[Any]]:
    query = (
        select(BLOCK.c.id, BLOCK.c.tenant, BLOCK.c.name, BLOCK.c.from_at, BLOCK.c.to_at)
        .where(BLOCK.c.whole.is_(False), BLOCK.c.to_at < settled)
        .order_by(BLOCK.c.tenant, BLOCK.c.name, BLOCK.c.to_at)
    )
    with store.read() as connection:
        return list(connection.execute(query))


def _split(store: Store, settled: datetime) -> None:
    """Replace blocks that span several hours by one per hour, so that each hour merges alone."""
    wide = [
        row.id
        for row in _unmerged(store, settled)
        if _floor(row.from_at, _HOUR) != _floor(row.to_at, _HOUR)
    ]

    def work(connection: Connection, some: Sequence[str]) -> None:
        _alone(store, connection)
        blocks = connection.execute(select(BLOCK).where(BLOCK.c.id.in_(some))).all()
        rows: list[tuple[Any, ...]] = []
        for block in blocks:
            columns = unpacked(block.data)
            hours = columns.times // (_HOUR * 1_000_000)
            for hour in np.unique(hours).tolist():
                part = taken(columns, hours == hour)
                times = part.times
                rows.append(
                    (
                        new_id(), block.tenant, block.name, 0, datetime_of(times.min()),
                        datetime_of(times.max()), len(times), False, block.keep_until,
                        fresh(part.ids.tolist(), times.tolist(), part.values[0].tolist()),
                    )
                )  # fmt: skip
        if blocks:
            _swap(connection, [block.id for block in blocks], rows)

    for some in chunks(wide, 20):
        store.in_transaction(lambda connection, s=some: work(connection, s))


def _swap(connection: Connection, old: Sequence[str], new: Sequence[tuple[Any, ...]]) -> None:
    """Replace the blocks of the ids `old` by the rows `new`."""
    subquery, parameter = id_array(connection, old)
    connection.exec_driver_sql(
        f"DELETE FROM sample_block WHERE id IN ({subquery})",  # noqa: S608 - no user text in it
        (parameter,),
    )
    insert_many(connection, "sample_block", _COLUMNS, new)


def _alone(store: Store, connection: Connection) -> None:
    """Keep other processes from merging until the transaction ends; SQLite has one writer."""
    if store.dialect == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


class _Hour:
    """One hour of one metric, inside a writing transaction."""

    def __init__(
        self,
        store: Store,
        connection: Connection,
        tenant: str,
        name: str,
        hour: datetime,
        now: datetime,
    ) -> None:
        self.store = store
        self.options = store.options
        self.connection = connection
        self.tenant = tenant
        self.name = name
        self.hour = hour
        self.now = now

    def merge(self, ids: Sequence[str]) -> int:
        """Merge the blocks `ids` with what was merged of this hour before; return how many."""
        _alone(self.store, self.connection)
        fresh_blocks = self._by_id(ids)
        if len(fresh_blocks) != len(ids):
            return 0  # another process has merged them since they were listed
        before = self._of(0, self.hour)
        raw = once(joined([unpacked(row.data) for row in [*before, *fresh_blocks]]))
        keep = max(row.keep_until for row in [*before, *fresh_blocks])
        old = [*ids, *(row.id for row in before)]
        new = [self._row(0, part, self.hour, _HOUR, keep) for part in _pieces(raw)]
        minutes = rolled(raw, _MINUTE)
        earlier = self._of(_MINUTE, self.hour)
        if earlier and not before:
            # Its samples are past their retention, but their rolled-up values still count.
            minutes = rolled_again(
                joined([*(unpacked(row.data) for row in earlier), minutes]), _MINUTE
            )
        old += [row.id for row in earlier]
        until = self.hour + self.options.keep_minutes
        new += [self._row(_MINUTE, part, self.hour, _HOUR, until) for part in _pieces(minutes)]
        day = _floor(self.hour, _DAY)
        hours = self._hours(rolled_again(minutes, _HOUR), day, old)
        until = day + self.options.keep_hours
        new += [self._row(_HOUR, part, day, _DAY, until) for part in _pieces(hours)]
        _swap(self.connection, old, new)
        self._seen(np.unique(raw.ids).tolist())
        return len(ids)

    def _hours(self, hours: Columns, day: datetime, old: list[str]) -> Columns:
        """Return the day's hourly values with those of this hour replaced."""
        parts: list[Columns] = []
        for row in self._of(_HOUR, day):
            columns = unpacked(row.data)
            parts.append(taken(columns, columns.times != micros(self.hour)))
            old.append(row.id)
        return rolled_again(joined([*parts, hours]), _HOUR)

    def _of(self, level: int, start: datetime) -> list[Row[Any]]:
        """Return the merged blocks of this metric that begin at `start`."""
        query = select(BLOCK.c.id, BLOCK.c.data, BLOCK.c.keep_until).where(
            BLOCK.c.tenant == self.tenant,
            BLOCK.c.name == self.name,
            BLOCK.c.level == level,
            BLOCK.c.to_at >= start,
            BLOCK.c.from_at == start,
            BLOCK.c.whole.is_(True),
        )
        return list(self.connection.execute(query.order_by(BLOCK.c.id)))

    def _by_id(self, ids: Sequence[str]) -> list[Row[Any]]:
        query = select(BLOCK.c.id, BLOCK.c.data, BLOCK.c.keep_until)
        rows: list[Row[Any]] = []
        for piece in chunks(ids, _PIECE):
            some = BLOCK.c.id.in_(piece)
            rows += self.connection.execute(query.where(some)).all()
        return sorted(rows, key=lambda row: row.id)

    def _row(
        self, level: int, columns: Columns, start: datetime, seconds: int, keep: datetime
    ) -> tuple[Any, ...]:
        end = start + timedelta(seconds=seconds, microseconds=-1)
        return (
            new_id(), self.tenant, self.name, level, start, end, len(columns.ids), True, keep,
            packed(columns),
        )  # fmt: skip

    def _seen(self, ids: list[int]) -> None:
        """Update when these series were last seen, at most once a day."""
        mine = (SERIES.c.tenant == self.tenant, SERIES.c.name == self.name)
        for piece in chunks(ids, _PIECE):
            self.connection.execute(
                SERIES.update()
                .where(
                    *mine,
                    SERIES.c.id.in_(piece),
                    SERIES.c.seen_at < self.hour - timedelta(days=1),
                )
                .values(seen_at=self.hour)
            )


def _pieces(columns: Columns) -> list[Columns]:
    """Split columns into blocks of limited size, keeping series whole where they fit."""
    size = len(columns.ids)
    return [
        taken(columns, np.arange(place, min(place + _MOST_IN_A_BLOCK, size)))
        for place in range(0, size, _MOST_IN_A_BLOCK)
    ]


def _forget(store: Store, now: datetime) -> tuple[int, int]:
    """Delete blocks past their retention, in small transactions, and series without any."""
    blocks = 0
    while True:
        with store.write() as connection:
            query = select(BLOCK.c.id).where(BLOCK.c.keep_until < now).limit(_PIECE)
            ids = list(connection.execute(query).scalars())
            connection.execute(delete(BLOCK).where(BLOCK.c.id.in_(ids)))
        blocks += len(ids)
        if len(ids) < _PIECE:
            break
    longest = max(store.options.keep_hours, store.options.keep_minutes, store.options.keep_samples)
    with store.write() as connection:
        gone = connection.execute(delete(SERIES).where(SERIES.c.seen_at < now - longest))
    return blocks, gone.rowcount
