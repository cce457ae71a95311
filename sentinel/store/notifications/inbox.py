"""The inbox that the dashboard shows: the channel that is always there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Row, func, select, tuple_

from sentinel.notifications.channel import Message, Receipt
from sentinel.schema.notifications import InboxMessage
from sentinel.severity import severity_of
from sentinel.store.database.insert import insert_into
from sentinel.store.database.tables import table_of

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["Inbox"]

INBOX = table_of(InboxMessage)


class Inbox:
    """Messages for whoever looks at the dashboard; also the channel named `inbox`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def put(self, message: Message) -> None:
        """Keep `message`; one that is there already stays as it is."""
        body: dict[str, Any] = msgspec.to_builtins(message)
        with self._store.write() as connection:
            done = connection.execute(
                insert_into(self._store.dialect, INBOX)
                .values(
                    id=message.id,
                    group_id=message.group_id,
                    at=message.at,
                    status=message.status,
                    severity=int(severity_of(message.severity)),
                    title=message.title,
                    body=body,
                )
                .on_conflict_do_nothing()
                .returning(INBOX.c.id)
            )
            if done.first() is not None:
                self._store.changed(connection)

    def send(self, message: Message) -> Receipt:
        """`put`, as a channel."""
        self.put(message)
        return Receipt(reference=message.id)

    def page(self, limit: int = 50, after: InboxMessage | None = None) -> list[InboxMessage]:
        """The newest messages, at most `limit`; those older than `after` where it is given."""
        query = select(INBOX).order_by(INBOX.c.at.desc(), INBOX.c.id.desc()).limit(limit)
        if after is not None:
            query = query.where(tuple_(INBOX.c.at, INBOX.c.id) < (after.at, after.id))
        with self._store.read() as connection:
            return [_model(row) for row in connection.execute(query)]

    def unread(self) -> int:
        """How many nobody has marked as read."""
        with self._store.read() as connection:
            return connection.execute(
                select(func.count()).select_from(INBOX).where(INBOX.c.read_at.is_(None))
            ).scalar_one()

    def mark_read(self, ids: Sequence[str] | None = None) -> int:
        """Mark these as read, or all; returns how many were not."""
        now = self._store.now()
        change = INBOX.update().where(INBOX.c.read_at.is_(None)).values(read_at=now)
        if ids is not None:
            change = change.where(INBOX.c.id.in_(list(ids)))
        with self._store.write() as connection:
            done = connection.execute(change)
            if done.rowcount:
                self._store.changed(connection)
            return done.rowcount


def _model(row: Row[Any]) -> InboxMessage:
    return InboxMessage.model_validate(dict(row._mapping))  # pyright: ignore[reportPrivateUsage] - SQLAlchemy's documented public name
