"""Calendar feeds: made, listed, revoked, and read by whoever has the address."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import Connection, or_

from sentinel.audit.change import Change
from sentinel.errors import ConfigurationError, NotFound
from sentinel.oncall.calendar_feed import Feed, feed_of, feed_range
from sentinel.schema.calendar_feeds import CalendarFeed
from sentinel.schema.columns import new_id
from sentinel.store.feed_rows import FeedRows, new_token, token_hash
from sentinel.store.oncall.documents import active_document
from sentinel.store.oncall.stored import REACH, StoredOnCall

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["CalendarFeeds", "MadeFeed"]


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
        self._rows = FeedRows(store, CalendarFeed)

    def rows(self) -> list[CalendarFeed]:
        """Return the feeds that were not revoked, the newest first."""
        return self._rows.valid()

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
        token = new_token()

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
                id=new_id(), secret_hash=token_hash(token), person=person, schedule=schedule,
                created_by=actor, created_at=self._store.now(),
            )  # fmt: skip
            self._rows.add(connection, row)
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
            mine = self._rows.table.c.id == feed_id
            ended = self._rows.revoke(connection, mine, actor=actor)
            if not ended:
                raise NotFound(
                    f"there is no calendar feed {feed_id!r}",
                    hint="See them with: sentinel oncall feed list",
                )
            self._record(connection, ended[0], "oncall.feed_revoked", actor)
            return ended[0]

        return self._store.in_transaction(work)

    def find(self, token: str) -> CalendarFeed | None:
        """Return the feed of an address.

        Args:
            token: the secret of the address

        Returns:
            The feed; None for none, or one that was revoked.
        """
        return self._rows.find(token)

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
        self._rows.note_used(feed, now)
        title = " by ".join(filter(None, (feed.person, feed.schedule)))
        return feed_of(f"On call: {title}", held, now, feed.person)

    def revoke_of(self, connection: Connection, name: str, *, actor: str) -> None:
        """End the feeds of a person, and those that they or a key for them made.

        Args:
            connection: a writing transaction
            name: of the person, who has no account any more
            actor: who does it
        """
        theirs = or_(self._rows.made_by(name), self._rows.table.c.person == name)
        for feed in self._rows.revoke(connection, theirs, actor=actor):
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
