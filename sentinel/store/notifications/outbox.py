"""The outbox: events written in the transaction that they report, and published afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, func, select

from sentinel.prefect_client.port import OutEvent
from sentinel.schema.notifications import OutboxEvent
from sentinel.store.database.bulk import dumped, insert_many
from sentinel.store.database.chunks import chunks
from sentinel.store.database.tables import table_of

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["Outbox"]

OUTBOX = table_of(OutboxEvent)
_COLUMNS = ("id", "occurred", "event", "resource", "related", "payload")


class Outbox:
    """Events to publish to Prefect."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, connection: Connection, events: Sequence[OutEvent]) -> None:
        """Add `events` in the caller's transaction."""
        rows: list[tuple[Any, ...]] = [
            (
                one.id, one.occurred, one.event, dumped(one.resource), dumped(list(one.related)),
                dumped(one.payload),
            )
            for one in events
        ]  # fmt: skip
        if rows:
            insert_many(connection, "outbox", _COLUMNS, rows)

    def unpublished(self, connection: Connection, limit: int) -> list[tuple[int, OutEvent]]:
        """Return the oldest unpublished events, at most `limit`, each with its sequence number."""
        query = (
            select(OUTBOX)
            .where(OUTBOX.c.published_at.is_(None))
            .order_by(OUTBOX.c.seq)
            .limit(limit)
        )
        return [
            (
                row.seq,
                OutEvent(
                    id=row.id, occurred=row.occurred, event=row.event, resource=row.resource,
                    related=row.related, payload=row.payload,
                ),
            )
            for row in connection.execute(query)
        ]  # fmt: skip

    def mark_published(self, sequences: Sequence[int]) -> None:
        """Record that Prefect accepted the events of these sequence numbers."""
        now = self._store.now()
        with self._store.write() as connection:
            for piece in chunks(sequences):
                connection.execute(
                    OUTBOX.update().where(OUTBOX.c.seq.in_(piece)).values(published_at=now)
                )

    def prune(self, older_than: timedelta = timedelta(days=1)) -> int:
        """Delete events that were published longer ago than `older_than`; return how many."""
        before = self._store.now() - older_than
        with self._store.write() as connection:
            done = connection.execute(
                OUTBOX.delete().where(
                    OUTBOX.c.published_at.is_not(None), OUTBOX.c.published_at < before
                )
            )
            return done.rowcount

    def backlog(self) -> int:
        """Return how many events are unpublished, counted to 10,000 at most."""
        inner = select(OUTBOX.c.seq).where(OUTBOX.c.published_at.is_(None)).limit(10_000)
        with self._store.read() as connection:
            return connection.execute(
                select(func.count()).select_from(inner.subquery())
            ).scalar_one()
