"""Upkeep of rollups: settled hours are summed up once, and again where one of their alerts changed.

Why rollups are correct (docs/adr/0018 has the details): a change of an alert marks its hours in the
same transaction if they lie before `until`. A piece is summed up on one snapshot and deletes the
marks in it. The snapshot has both a change and its mark, or neither, and then the mark stays. A
transaction that read `until` before it moved leaves no mark; but it had its number by then, so it
is over once all numbers up to `horizon` are, and only then does `ready` follow. SQLite has one
writer at a time and needs none of that.
"""

# ruff: noqa: S608 - the names in these statements are ours
from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import Connection, Row, func, select

from sentinel.store.database.insert import insert_into
from sentinel.store.database.tables import ALERT, ROLLUP_STATE
from sentinel.store.reports.rollups import (
    DAY,
    FIGURES,
    NO_DRILL,
    asked,
    figures,
    hour_before,
    hour_of,
    milliseconds,
    moment_of,
)

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["RollupProgress", "Rollups"]

_SETTLED = timedelta(hours=2)
"""Most alerts change only while younger. An hour that changes later is summed up once more."""
_KEPT = timedelta(days=62)
"""The longest overview compares 30 days with the 30 before, from any hour on."""
_PIECE = 6
"""Hours that one transaction sums up; a day is a multiple of it."""
_KINDS = "('rule', 'category', 'team', 'severity', 'ended')"
_COLUMNS = f"kind, hours, at, name, tenant, {', '.join(FIGURES)}"


class RollupProgress(msgspec.Struct, frozen=True):
    """How many hours were summed up, and how many are left for the next run."""

    hours: int
    left: int


class Rollups:
    """Sums over alerts that are stored by hour and by day."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def upkeep(self, pieces: int | None = None) -> RollupProgress:
        """Sum up the hours that have settled, or have changed since they were summed up.

        Args:
            pieces: at most so many transactions, of some hours each; None for all

        Returns:
            How many hours were summed up and how many are left.
        """
        now = self._store.now()
        self._move_on(moment_of(hour_before(now - _SETTLED)))
        first, todo = self._outstanding(now)
        done = 0
        for start, end in islice(_cut(todo), pieces):
            began = time.monotonic()
            done += self._store.in_transaction(
                lambda connection, s=start, e=end: self._piece(connection, s, e), snapshot=True
            )
            if self._store.dialect == "sqlite":
                # Writers that wait for the lock retry only now and then: leave them time.
                time.sleep(time.monotonic() - began)
        self._store.in_transaction(
            lambda connection: self._forget(connection, first), snapshot=True
        )
        return RollupProgress(done, len(todo) - done)

    def _move_on(self, until: datetime) -> None:
        """Let changes before `until` leave marks, and hours be summed up once all changes do."""
        state = ROLLUP_STATE
        alone = self._store.dialect == "sqlite"
        found = self._state()
        if found is None or (found.ready == found.until and found.until < until):
            begins = moment_of(0)
            row = {"id": 1, "until": begins, "ready": begins, "turn": 0}
            with self._store.write() as connection:
                connection.execute(
                    insert_into(self._store.dialect, state).values(row).on_conflict_do_nothing()
                )
                connection.execute(
                    state.update()
                    .where(state.c.ready == state.c.until, state.c.until < until)
                    .values(until=until, ready=until if alone else state.c.ready, horizon=None)
                )
            found = self._state()
        if alone or found is None or found.ready == found.until:
            return
        number = "CAST(CAST(pg_current_xact_id() AS text) AS bigint)"
        oldest = "CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint)"
        # Two transactions, so that the number is newer than any that has not seen `until`. A
        # number from the future came with a dump of another server, which counts separately.
        for change in (
            f"horizon = {number} WHERE until = ? AND ready < until "
            f"AND (horizon IS NULL OR horizon > {number})",
            f"ready = until WHERE until = ? AND horizon < {oldest}",
        ):
            with self._store.write() as connection:
                asked(connection, f"UPDATE tally_state SET {change}", [found.until])

    def _state(self) -> Row[tuple[datetime, datetime]] | None:
        with self._store.read() as connection:
            query = select(ROLLUP_STATE.c.until, ROLLUP_STATE.c.ready)
            return connection.execute(query).tuples().first()  # pyright: ignore[reportReturnType]

    def _outstanding(self, now: datetime) -> tuple[int, list[int]]:
        """Return the first hour worth storing, and the hours to sum up."""
        with self._store.snapshot() as connection:
            ready = connection.execute(select(ROLLUP_STATE.c.ready)).scalar()
            moments = (
                connection.execute(select(func.min(column))).scalar()
                for column in (ALERT.c.opened_at, ALERT.c.resolved_at)
            )
            oldest = min((moment for moment in moments if moment is not None), default=now)
            first = hour_before(max(oldest, now - _KEPT)) // DAY * DAY
            last = first if ready is None else hour_before(ready)
            kept = {at for (at,) in asked(connection, "SELECT at FROM tally_hour WHERE hours = 1")}
            marked = {at for (at,) in asked(connection, "SELECT DISTINCT at FROM tally_mark")}
        wanted = [hour for hour in range(first, last) if hour not in kept or hour in marked]
        # The latest first, since people look at these first.
        return first, wanted[::-1]

    def _piece(self, connection: Connection, start: int, end: int) -> int:
        """Sum up the hours from `start` to before `end`, and their day once it is complete."""
        if not self._begun(connection, end):
            return 0
        dialect, span = self._store.dialect, (start, end)
        moments = (moment_of(start), moment_of(end))
        self._remove(connection, 1, *span)
        asked(connection, "DELETE FROM tally_mark WHERE at >= ? AND at < ?", span)
        opened = (
            f"FROM alert WHERE opened_at >= ? AND opened_at < ? AND {NO_DRILL} GROUP BY 3, 4, 5"
        )
        hour, sums = hour_of(dialect, "opened_at"), figures(dialect)
        into = f"INSERT INTO tally ({_COLUMNS})"
        took = milliseconds(dialect, "opened_at", "resolved_at")
        for statement in (
            f"{into} SELECT 'rule', 1, {hour}, rule, tenant, {sums} {opened}",
            f"{into} SELECT 'category', 1, {hour}, category, tenant, {sums} {opened}",
            f"{into} SELECT 'team', 1, {hour}, team, tenant, {sums} {opened}",
            f"{into} SELECT 'severity', 1, {hour}, CAST(severity AS VARCHAR), tenant, {sums} "
            f"{opened}",
            f"{into} SELECT 'ended', 1, {hour_of(dialect, 'resolved_at')}, '', tenant, "
            "0, 0, 0, 0, "
            f"count(*), {took}, 0, 0 FROM alert WHERE opened_at IS NOT NULL "
            f"AND resolved_at >= ? AND resolved_at < ? AND {NO_DRILL} GROUP BY 3, 5",
        ):
            asked(connection, statement, moments)
        for at in range(start, end):
            asked(connection, "INSERT INTO tally_hour (hours, at) VALUES (1, ?)", [at])
        self._day(connection, start // DAY * DAY)
        return end - start

    def _begun(self, connection: Connection, end: int) -> bool:
        """Lock the state and say whether the hours before `end` may still be summed up.

        Of two processes at once, the later one runs again. None continues on a database that was
        replaced.

        Args:
            connection: the transaction of a piece
            end: the hour after the piece

        Returns:
            False where `ready` lies before `end`.
        """
        asked(connection, "UPDATE tally_state SET turn = turn + 1")
        ready = connection.execute(select(ROLLUP_STATE.c.ready)).scalar()
        return ready is not None and end <= hour_before(ready)

    def _day(self, connection: Connection, day: int) -> None:
        span = (day, day + DAY)
        self._remove(connection, DAY, day, day + 1)
        query = "SELECT count(*) FROM tally_hour WHERE hours = 1 AND at >= ? AND at < ?"
        if asked(connection, query, span).scalar() != DAY:
            return
        sums = ", ".join(f"sum({name})" for name in FIGURES)
        asked(
            connection,
            f"INSERT INTO tally ({_COLUMNS}) SELECT kind, {DAY}, {day}, name, tenant, {sums} "
            f"FROM tally WHERE kind IN {_KINDS} AND hours = 1 AND at >= ? AND at < ? "
            "GROUP BY kind, name, tenant",
            span,
        )
        asked(connection, "INSERT INTO tally_hour (hours, at) VALUES (?, ?)", (DAY, day))

    def _remove(self, connection: Connection, hours: int, start: int, end: int) -> None:
        where = "hours = ? AND at >= ? AND at < ?"
        for table in (f"tally WHERE kind IN {_KINDS} AND", "tally_hour WHERE"):
            asked(connection, f"DELETE FROM {table} {where}", (hours, start, end))

    def _forget(self, connection: Connection, first: int) -> None:
        """Delete rollups that are older than any report."""
        query = (
            "SELECT min(at) FROM (SELECT at FROM tally_hour UNION ALL SELECT at FROM tally_mark)"
        )
        oldest = asked(connection, f"{query} AS known").scalar()
        if oldest is None or oldest >= first:
            return
        asked(connection, "UPDATE tally_state SET turn = turn + 1")
        for hours in (1, DAY):
            self._remove(connection, hours, oldest, first)
        asked(connection, "DELETE FROM tally_mark WHERE at < ?", [first])


def _cut(hours: list[int]) -> Iterator[tuple[int, int]]:
    """Yield runs of consecutive hours (downwards, as they come), none longer than a piece."""
    start = end = 0
    for hour in hours:
        if end and hour == start - 1 and start % _PIECE:
            start = hour
            continue
        if end:
            yield start, end
        start, end = hour, hour + 1
    if end:
        yield start, end
