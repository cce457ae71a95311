"""Calendar feeds: made, listed, revoked, and read by whoever has the address."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import Connection, or_, select

from sentinel.audit.change import Change
from sentinel.errors import ConfigurationError, NotFound
from sentinel.oncall.calendar_feed import Feed, feed_of, feed_range
from sentinel.schema.calendar_feeds import CalendarFeed
from sentinel.schema.columns import new_id
from sentinel.store.database.tables import model_of, table_of
from sentinel.store.oncall.documents import active_document
from sentinel.store.oncall.stored import REACH, StoredOnCall

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["CalendarFeeds", "MadeFeed"]

_FEED = table_of(CalendarFeed)
_USED_EVERY = timedelta(minutes=10)
"""The time of last use is written at most so often."""
_SECRET_BYTES = 24
_TOKEN_CHARS = 32
"""Of so many bytes in base64; the database is not asked about an address of another length."""


class MadeFeed(msgspec.Struct, frozen=True):
    """A feed, and the secret of its address, which is shown once and kept nowhere."""

    feed: CalendarFeed
    token: str


class CalendarFeeds:
    """Calendar feeds in the shared database.

    Args:
        store: the shared database
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def rows(self) -> list[CalendarFeed]:
        """Return the feeds that were not revoked, the newest first."""
        query = select(_FEED).where(_FEED.c.revoked_at.is_(None)).order_by(_FEED.c.id.desc())
        with self._store.read() as connection:
            return [model_of(CalendarFeed, row) for row in connection.execute(query)]

    def create(self, *, actor: str, person: str = "", schedule: str = "") -> MadeFeed:
        """Make a feed.

        Args:
            actor: who makes it
            person: whose shifts; empty for everybody's
            schedule: of which schedule; empty for all

        Returns:
            The feed with the secret of its address.

        Raises:
            ConfigurationError: neither is given
            NotFound: the on-call document has no such person or schedule
        """
        if not person and not schedule:
            raise ConfigurationError(
                "a calendar feed is of a person or of a schedule", hint="Give one of the two."
            )
        token = secrets.token_urlsafe(_SECRET_BYTES)

        def work(connection: Connection) -> CalendarFeed:
            document = active_document(connection)
            for noun, name, known in (
                ("person", person, document.people), ("schedule", schedule, document.schedules)
            ):  # fmt: skip
                if name and name not in known:
                    raise NotFound(
                        f"there is no {noun} {name!r} in the on-call document",
                        hint=f"There are: {', '.join(sorted(known))[:200] or 'none'}",
                    )
            row = CalendarFeed(
                id=new_id(), secret_hash=_hash(token), person=person, schedule=schedule,
                created_by=actor, created_at=self._store.now(),
            )  # fmt: skip
            connection.execute(_FEED.insert().values(row.model_dump()))
            self._record(connection, row, "oncall.feed_created", actor)
            return row

        return MadeFeed(self._store.in_transaction(work), token)

    def revoke(self, feed_id: str, *, actor: str) -> CalendarFeed:
        """End a feed: its address shows nothing any more.

        Args:
            feed_id: of the feed
            actor: who does it

        Returns:
            The feed.

        Raises:
            NotFound: there is none, or it was revoked before
        """

        def work(connection: Connection) -> CalendarFeed:
            query = (
                _FEED.update()
                .where(_FEED.c.id == feed_id, _FEED.c.revoked_at.is_(None))
                .values(revoked_at=self._store.now(), revoked_by=actor)
                .returning(_FEED)
            )
            row = connection.execute(query).first()
            if row is None:
                raise NotFound(
                    f"there is no calendar feed {feed_id!r}",
                    hint="See them with: sentinel oncall feed list",
                )
            feed = model_of(CalendarFeed, row)
            self._record(connection, feed, "oncall.feed_revoked", actor)
            return feed

        return self._store.in_transaction(work)

    def find(self, token: str) -> CalendarFeed | None:
        """Return the feed of an address.

        Args:
            token: the secret of the address

        Returns:
            The feed; None for none, or one that was revoked.
        """
        if len(token) != _TOKEN_CHARS:
            return None
        query = select(_FEED).where(
            _FEED.c.secret_hash == _hash(token), _FEED.c.revoked_at.is_(None)
        )
        with self._store.glance() as connection:
            row = connection.execute(query).first()
        return None if row is None else model_of(CalendarFeed, row)

    def read(self, feed: CalendarFeed) -> Feed:
        """Return what a feed shows now, and note that it was used.

        Args:
            feed: of `find`

        Returns:
            The calendar and its tag; without events where the person or schedule is gone.
        """
        now = self._store.now()
        start, end = feed_range(now)
        known = StoredOnCall(self._store).now(start - REACH)
        held = [
            one
            for name, schedule in known.schedules().items()
            if feed.schedule in ("", name)
            if not feed.person
            or feed.person in schedule.people
            or any(feed.person in each.people for each in known.overrides_of(name))
            for one in known.shifts(start, end, name)
        ]
        self._note_used(feed)
        title = " by ".join(filter(None, (feed.person, feed.schedule)))
        return feed_of(f"On call: {title}", held, now, feed.person)

    def _note_used(self, feed: CalendarFeed) -> None:
        now = self._store.now()
        if feed.used_at is not None and now - feed.used_at < _USED_EVERY:
            return
        with self._store.write() as connection:
            connection.execute(_FEED.update().where(_FEED.c.id == feed.id).values(used_at=now))

    def revoke_of(self, connection: Connection, name: str, *, actor: str) -> None:
        """End the feeds of a person, and those that they or a key for them made.

        Args:
            connection: a writing transaction
            name: of the person, who has no account any more
            actor: who does it
        """
        made = _FEED.c.created_by
        theirs = or_(
            made == name, made.startswith(f"{name} via ", autoescape=True), _FEED.c.person == name
        )
        ended = (
            _FEED.update()
            .where(theirs, _FEED.c.revoked_at.is_(None))
            .values(revoked_at=self._store.now(), revoked_by=actor)
            .returning(_FEED)
        )
        for row in connection.execute(ended).all():
            feed = model_of(CalendarFeed, row)
            self._record(connection, feed, "oncall.feed_revoked", actor)

    def _record(self, connection: Connection, feed: CalendarFeed, action: str, actor: str) -> None:
        made = action == "oncall.feed_created"
        fields = {"person": feed.person, "schedule": feed.schedule}
        change = Change(
            action=action, object_kind="oncall", object_id=feed.id,
            object_name=feed.person or feed.schedule, before=None if made else fields,
            after=fields if made else None, people=("person",),
        )  # fmt: skip
        self._store.audit.add(connection, change, actor=actor)
        self._store.changed(connection)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
