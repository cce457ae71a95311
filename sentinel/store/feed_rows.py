"""Rows of feeds whose address is a secret: added, revoked, and found by the address."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Connection, or_, select

from sentinel.schema.calendar_feeds import CalendarFeed
from sentinel.schema.web_feeds import WebFeed
from sentinel.store.database.tables import model_of, table_of

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["FeedRows", "new_token", "token_hash"]

F = TypeVar("F", CalendarFeed, WebFeed)
_USED_EVERY = timedelta(minutes=10)
"""The time of last use is written at most so often."""
_SECRET_BYTES = 24
_TOKEN_CHARS = 32
"""Of so many bytes in base64; the database is not asked about an address of another length."""


class FeedRows(Generic[F]):
    """The rows of one kind of feed in the shared database.

    Args:
        store: the shared database
        model: of the rows

    Attributes:
        table: of the rows, for conditions
    """

    def __init__(self, store: Store, model: type[F]) -> None:
        self._store = store
        self._model = model
        self.table = table_of(model)

    def valid(self, *where: ColumnElement[bool]) -> list[F]:
        """Return the feeds that were not revoked and meet conditions, the newest first."""
        query = select(self.table).where(self.table.c.revoked_at.is_(None), *where)
        with self._store.read() as connection:
            rows = connection.execute(query.order_by(self.table.c.id.desc())).all()
        return [model_of(self._model, row) for row in rows]

    def find(self, token: str) -> F | None:
        """Return the feed of an address.

        Args:
            token: the secret of the address

        Returns:
            The feed; None for none, or one that was revoked.
        """
        if len(token) != _TOKEN_CHARS:
            return None
        feed = self.table.c
        query = select(self.table).where(
            feed.secret_hash == token_hash(token), feed.revoked_at.is_(None)
        )
        with self._store.glance() as connection:
            row = connection.execute(query).first()
        return None if row is None else model_of(self._model, row)

    def add(self, connection: Connection, feed: F) -> None:
        """Insert a feed in a writing transaction."""
        connection.execute(self.table.insert().values(feed.model_dump()))

    def revoke(
        self, connection: Connection, *where: ColumnElement[bool], actor: str
    ) -> Sequence[F]:
        """End the feeds that meet conditions.

        Args:
            connection: a writing transaction
            where: conditions on `table`
            actor: who does it

        Returns:
            Those that were ended now.
        """
        values: dict[str, Any] = {"revoked_at": self._store.now(), "revoked_by": actor}
        ended = self.table.update().where(self.table.c.revoked_at.is_(None), *where)
        rows = connection.execute(ended.values(values).returning(self.table)).all()
        return [model_of(self._model, row) for row in rows]

    def made_by(self, name: str) -> ColumnElement[bool]:
        """Return the condition that a person, or a key for them, made a feed."""
        made = self.table.c.created_by
        return or_(made == name, made.startswith(f"{name} via ", autoescape=True))

    def note_used(self, feed: F, now: datetime) -> None:
        """Write when a feed was read, unless that was written in the last ten minutes."""
        if feed.used_at is not None and now - feed.used_at < _USED_EVERY:
            return
        with self._store.write() as connection:
            used = self.table.update().where(self.table.c.id == feed.id)
            connection.execute(used.values(used_at=now))


def new_token() -> str:
    """Return a new secret of an address: 32 characters."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def token_hash(token: str) -> str:
    """Return what is kept of a secret: its SHA-256, in hex digits."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
