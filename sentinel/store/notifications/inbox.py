"""The inbox that the dashboard shows: the channel that always exists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import func, select, tuple_

from sentinel.access import EVERYTHING, Scope
from sentinel.audit.change import Change
from sentinel.errors import ConfigurationError
from sentinel.notifications.channel import Message, Receipt, shown
from sentinel.schema.notifications import InboxMessage
from sentinel.severity import severity_of
from sentinel.store.database.insert import insert_into
from sentinel.store.database.scoped import group_in
from sentinel.store.database.tables import model_of, table_of

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["Inbox", "InboxFilter"]

INBOX = table_of(InboxMessage)
MOST_ALERTS = 50
MOST_WORDS = 12


class InboxFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which messages are listed; an empty field selects all.

    Attributes:
        words: each must be somewhere in the title, upper or lower case
        unread: only messages that nobody has marked as read
        severities: words
        statuses: of the group when the message was sent, such as firing or resolved
    """

    words: str = ""
    unread: bool = False
    severities: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()


class Inbox:
    """Messages in the dashboard's inbox, and the channel named `inbox`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def put(self, message: Message) -> None:
        """Store `message` with up to `MOST_ALERTS` of its alerts; one of the same id is kept."""
        alerts = shown(message, MOST_ALERTS)
        body: dict[str, Any] = msgspec.to_builtins(msgspec.structs.replace(message, alerts=alerts))
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
        """Store `message`, as any channel sends one."""
        self.put(message)
        return Receipt(reference=message.id)

    def page(
        self,
        limit: int = 50,
        after: InboxMessage | None = None,
        wanted: InboxFilter | None = None,
        *,
        scope: Scope = EVERYTHING,
    ) -> list[InboxMessage]:
        """Return the newest messages that match.

        Args:
            limit: at most so many
            after: only messages older than this one
            wanted: which messages; all by default
            scope: of whoever asks

        Returns:
            The messages, newest first.

        Raises:
            ConfigurationError: it has too many words
        """
        chosen = wanted or InboxFilter()
        query = select(INBOX).where(*group_in(scope, INBOX.c.group_id))
        query = query.order_by(INBOX.c.at.desc(), INBOX.c.id.desc()).limit(limit)
        words = chosen.words.replace("\0", "").lower().split()
        if len(words) > MOST_WORDS:
            raise ConfigurationError(
                f"a search has at most {MOST_WORDS} words, and this one has {len(words):,}",
                hint="Leave some out: nothing of a search is ignored.",
            )
        for word in words:
            query = query.where(func.lower(INBOX.c.title).contains(word, autoescape=True))
        if chosen.unread:
            query = query.where(INBOX.c.read_at.is_(None))
        if chosen.severities:
            ranks = [int(severity_of(word)) for word in chosen.severities]
            query = query.where(INBOX.c.severity.in_(ranks))
        if chosen.statuses:
            query = query.where(INBOX.c.status.in_(list(chosen.statuses)))
        if after is not None:
            query = query.where(tuple_(INBOX.c.at, INBOX.c.id) < (after.at, after.id))
        with self._store.read() as connection:
            return [model_of(InboxMessage, row) for row in connection.execute(query)]

    def unread(self, scope: Scope = EVERYTHING) -> int:
        """Return how many messages in scope are not marked as read."""
        unread = (INBOX.c.read_at.is_(None), *group_in(scope, INBOX.c.group_id))
        with self._store.read() as connection:
            return connection.execute(
                select(func.count()).select_from(INBOX).where(*unread)
            ).scalar_one()

    def mark_read(
        self, ids: Sequence[str] | None = None, *, actor: str = "", scope: Scope = EVERYTHING
    ) -> int:
        """Mark messages as read.

        Args:
            ids: of the messages; None for all
            actor: who does it
            scope: of whoever does it; messages that are not in it stay as they are

        Returns:
            How many were unread.
        """
        now = self._store.now()
        change = INBOX.update().where(INBOX.c.read_at.is_(None)).values(read_at=now)
        if ids is not None:
            change = change.where(INBOX.c.id.in_(list(ids)))
        change = change.where(*group_in(scope, INBOX.c.group_id)).returning(INBOX.c.id)
        with self._store.write() as connection:
            done = sorted(connection.execute(change).scalars())
            if done:
                which = "all" if ids is None and scope.is_everything else done
                record = Change(
                    action="inbox.read", object_kind="inbox", object_name=f"{len(done):,} messages",
                    after={"count": len(done), "ids": which},
                )  # fmt: skip
                self._store.audit.add(connection, record, actor=actor)
                self._store.changed(connection)
            return len(done)
