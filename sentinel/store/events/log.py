"""The log of events: stored durably, once per id, and read in the order of their commits.

A call, or several that came at the same time, are one row of JSON. Its number comes from the
tenant's own counter, whose row stays locked until the commit. No number becomes visible before a
smaller one, so a cursor misses nothing.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import orjson
from sqlalchemy import Connection, delete, func, select, text
from sqlmodel import col

from sentinel.errors import ConfigurationError
from sentinel.events import MOST_AT_ONCE, Kept, Refused, Taken, taken
from sentinel.events.incoming import key_of
from sentinel.schema.events import EventBlock, EventSeen, EventTail, PolicyMemory
from sentinel.store.database.bulk import insert_bytes, insert_many
from sentinel.store.database.chunks import chunks
from sentinel.store.database.tables import table_of
from sentinel.store.events.destinations import forget_old_changes

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["BLOCK", "Block", "Events", "Source"]

Source = Literal["event", "log", ""]
"""Whether events were sent as such, or are log lines; empty for what may be either."""

BLOCK = table_of(EventBlock)
TAIL = table_of(EventTail)
SEEN = table_of(EventSeen)
_COLUMNS = tuple(column.name for column in BLOCK.columns)
# As text: SQLAlchemy 2.0 compiles an INSERT with ON CONFLICT anew each time, and here others wait.
_NEXT = text(
    "INSERT INTO event_tail (tenant, last, events) VALUES (:tenant, 1, :events)"
    " ON CONFLICT (tenant) DO UPDATE"
    " SET last = event_tail.last + 1, events = event_tail.events + excluded.events"
    " RETURNING last"
)
_KEY = 16
_DEFLATED_FROM = 2048
_PIECE = 100
_Placed = tuple[int, int, bytes]
"""The call that an event came in, its index there, and its JSON."""


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """The events of one call, with its number and the moment when they were received."""

    seq: int
    received_at: datetime
    events: Sequence[dict[str, Any]]
    source: Source = "event"


class Events:
    """The event log of one store.

    Args:
        store: the shared database
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(
        self, events: Sequence[object], *, tenant: str = "default", source: Source = "event"
    ) -> Kept:
        """Store `events` in one transaction.

        Args:
            events: JSON objects, at most 10,000
            tenant: whose they are
            source: what they are; policies of the other kind do not see them

        Returns:
            How many were stored, how many had come before (by id), and which were refused as
            invalid; a refused one does not affect the others.

        Raises:
            ConfigurationError: there are too many.
        """
        return self.add_calls([events], tenant=tenant, source=source)[0]

    def add_calls(
        self, calls: Sequence[Sequence[object]], *, tenant: str, source: Source = "event"
    ) -> list[Kept]:
        """Store the events of several calls in one transaction, and as one row.

        Args:
            calls: the events of each, at most 10,000 in all
            tenant: whose they are
            source: what they are

        Returns:
            For each call, what `add` returns. An event that two calls have is stored for the first.

        Raises:
            ConfigurationError: there are too many.
        """
        count = sum(map(len, calls))
        if count > MOST_AT_ONCE:
            raise ConfigurationError(
                f"{count:,} events at once are too many",
                hint=f"Send at most {MOST_AT_ONCE:,} at a time.",
            )
        plain, keyed, refused = _sorted(calls, tenant)
        accepted: Counter[int] = Counter()
        if plain or keyed:
            accepted = self._store.in_transaction(
                lambda link: self._add(link, tenant, plain, keyed, source)
            )
        return [
            Kept(
                accepted=accepted[call],
                duplicates=len(events) - len(refused[call]) - accepted[call],
                refused=refused[call],
            )
            for call, events in enumerate(calls)
        ]

    def add_within(self, connection: Connection, events: Sequence[object], *, tenant: str) -> int:
        """Store events in the caller's transaction; an invalid one is a mistake of the caller.

        Args:
            connection: a writing transaction, near its end: no other call of this tenant gets a
                number until it is committed
            events: JSON objects, at most 10,000
            tenant: whose they are

        Returns:
            How many were stored; those of an id that came before are not.

        Raises:
            ValueError: one of them is no event
        """
        plain, keyed, (refused,) = _sorted([events], tenant)
        if refused:
            raise ValueError(f"event {refused[0].index} is invalid: {refused[0].message}")
        return self._add(connection, tenant, plain, keyed).total()

    def _add(
        self,
        connection: Connection,
        tenant: str,
        plain: Sequence[_Placed],
        keyed: dict[bytes, _Placed],
        source: Source = "event",
    ) -> Counter[int]:
        """Store what is new, and return how many events of each call that was."""
        new = _first_seen(connection, sorted(keyed)) if keyed else set[bytes]()
        fresh = sorted([*plain, *(keyed[key] for key in new)])
        if not fresh:
            return Counter()
        now = self._store.now()
        data = b"[" + b",".join([text for *_, text in fresh]) + b"]"
        if len(data) >= _DEFLATED_FROM:
            data = zlib.compress(data, 1)
        # As late as possible: from here on no other call of this tenant gets a number.
        seq = self._next(connection, tenant, len(fresh))
        keep_until = now + self._store.options.keep_events
        row = (tenant, seq, now, len(fresh), source, keep_until, data)
        insert_bytes(connection, "event_block", _COLUMNS, row)
        return Counter(call for call, *_ in fresh)

    @staticmethod
    def _next(connection: Connection, tenant: str, count: int) -> int:
        return connection.execute(_NEXT, {"tenant": tenant, "events": count}).scalar_one()

    def tails(self) -> dict[str, int]:
        """Return the number of the last block of every tenant that has any."""
        with self._store.read() as connection:
            return {row.tenant: row.last for row in connection.execute(select(TAIL))}

    def count(self, tenant: str = "default") -> int:
        """Return how many events ever came; events of one id count once."""
        with self._store.read() as connection:
            query = select(TAIL.c.events).where(TAIL.c.tenant == tenant)
            return connection.execute(query).scalar() or 0

    def newest(self, most: int, tenant: str = "default") -> list[Block]:
        """Return the newest blocks with about `most` events, oldest first."""
        query = (
            select(BLOCK.c.seq, BLOCK.c.size)
            .where(BLOCK.c.tenant == tenant)
            .order_by(BLOCK.c.seq.desc())
            .limit(most)
        )
        with self._store.read() as connection:
            first, count = None, 0
            for seq, size in connection.execute(query):
                first, count = seq, count + size
                if count >= most:
                    break
            return [] if first is None else after(connection, tenant, first - 1, most * 10)

    def forget_changes(self, older_than: timedelta) -> None:
        """Forget the numbers of old changes; see `forget_old_changes`."""
        forget_old_changes(self._store, older_than)

    def forget(self, now: datetime) -> int:
        """Delete blocks past their retention, with the ids of their events.

        Args:
            now: the present moment

        Returns:
            How many events were deleted.
        """
        gone = 0
        while True:
            with self._store.write() as connection:
                found = connection.execute(
                    select(BLOCK.c.tenant, BLOCK.c.seq, BLOCK.c.size, BLOCK.c.data)
                    .where(BLOCK.c.keep_until < now)
                    .order_by(BLOCK.c.keep_until)
                    .limit(_PIECE)
                ).all()
                keys = {
                    key
                    for row in found
                    for event in unpacked(row.data)
                    if (key := key_of(row.tenant, event)) is not None
                }
                _forget_keys(connection, sorted(keys))
                for row in found:
                    mine = (BLOCK.c.tenant == row.tenant, BLOCK.c.seq == row.seq)
                    connection.execute(BLOCK.delete().where(*mine))
                connection.execute(delete(PolicyMemory).where(col(PolicyMemory.keep_until) < now))
            gone += sum(row.size for row in found)
            if len(found) < _PIECE:
                return gone


def _sorted(
    calls: Sequence[Sequence[object]], tenant: str
) -> tuple[list[_Placed], dict[bytes, _Placed], list[list[Refused]]]:
    """Return the events without an id, those with one by its key, and for each call the refused."""
    plain: list[_Placed] = []
    keyed: dict[bytes, _Placed] = {}
    refused: list[list[Refused]] = [[] for _ in calls]
    for call, events in enumerate(calls):
        for index, event in enumerate(events):
            one = event if isinstance(event, Refused) else taken(tenant, index, event)
            if not isinstance(one, Taken):
                refused[call].append(one)
            elif one.key is None:
                plain.append((call, index, one.data))
            else:
                keyed.setdefault(one.key, (call, index, one.data))
    return plain, keyed, refused


def after(connection: Connection, tenant: str, cursor: int, most: int) -> list[Block]:
    """Return the blocks that follow number `cursor`, in order.

    Args:
        connection: an open transaction
        tenant: whose events
        cursor: number of the last block that was read; 0 for none
        most: about so many events; blocks are never split

    Returns:
        Up to 1,000 blocks; at least one where there is any.
    """
    ahead = (
        select(BLOCK.c.seq, BLOCK.c.size)
        .where(BLOCK.c.tenant == tenant, BLOCK.c.seq > cursor)
        .order_by(BLOCK.c.seq)
        .limit(1000)
    )
    last, count = None, 0
    for seq, size in connection.execute(ahead).all():
        count += size
        if last is not None and count > most:
            break
        last = seq
    if last is None:
        return []
    rows = connection.execute(
        select(BLOCK.c.seq, BLOCK.c.received_at, BLOCK.c.source, BLOCK.c.data)
        .where(BLOCK.c.tenant == tenant, BLOCK.c.seq > cursor, BLOCK.c.seq <= last)
        .order_by(BLOCK.c.seq)
    )
    return [
        Block(
            seq=row.seq,
            received_at=row.received_at,
            events=unpacked(row.data),
            source=row.source,
        )
        for row in rows
    ]


def oldest_kept(store: Store, tenant: str) -> datetime | None:
    """Return when the oldest event arrived that is kept for `tenant`; None where none is."""
    query = select(func.min(BLOCK.c.received_at)).where(BLOCK.c.tenant == tenant)
    with store.read() as connection:
        return connection.execute(query).scalar()


def cursor_at(store: Store, tenant: str, since: datetime) -> int:
    """Return the cursor for `after` from which the events follow that arrived after `since`.

    Args:
        store: the shared database
        tenant: whose events
        since: exclusive

    Returns:
        One less than the number of the first block; 0 where there is none.
    """
    query = select(func.min(BLOCK.c.seq)).where(
        BLOCK.c.tenant == tenant, BLOCK.c.received_at > since
    )
    with store.read() as connection:
        return (connection.execute(query).scalar() or 1) - 1


def unpacked(data: bytes) -> list[dict[str, Any]]:
    """Return the events of a block's bytes."""
    return orjson.loads(data if data[:1] == b"[" else zlib.decompress(data))


def _first_seen(connection: Connection, keys: Sequence[bytes]) -> set[bytes]:
    """Remember which events came.

    Keys are inserted in order, so that two calls with the same ids wait for each other and cannot
    deadlock.

    Args:
        connection: an open writing transaction
        keys: 16 bytes for each event, sorted

    Returns:
        Those that are new.
    """
    if connection.dialect.name == "postgresql":
        # One parameter with all keys, split by the database: psycopg writes an array item by item.
        new: bytes | None = connection.exec_driver_sql(
            "WITH given AS (SELECT %b::bytea AS keys), fresh AS ("
            "INSERT INTO event_seen (id) SELECT substring(keys FROM 16 * n + 1 FOR 16) "
            "FROM given, generate_series(0, %s - 1) AS n ON CONFLICT DO NOTHING RETURNING id) "
            "SELECT string_agg(id, ''::bytea) FROM fresh",
            (b"".join(keys), len(keys)),
        ).scalar()
        joined = bytes(new or b"")
        return {joined[at : at + _KEY] for at in range(0, len(joined), _KEY)}
    there: set[bytes] = set()
    for piece in chunks(keys):
        found = connection.execute(select(SEEN.c.id).where(SEEN.c.id.in_(piece)))
        there.update(found.scalars())
    fresh = [key for key in keys if key not in there]
    insert_many(connection, "event_seen", ("id",), [(key,) for key in fresh])
    return set(fresh)


def _forget_keys(connection: Connection, keys: Sequence[bytes]) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(
            "DELETE FROM event_seen WHERE id IN (SELECT substring(keys FROM 16 * n + 1 FOR 16) "
            "FROM (SELECT %b::bytea AS keys) AS given, generate_series(0, %s - 1) AS n)",
            (b"".join(keys), len(keys)),
        )
        return
    for piece in chunks(keys):
        connection.execute(SEEN.delete().where(SEEN.c.id.in_(piece)))
