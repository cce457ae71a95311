"""Feeds of alerts, incidents and silences: made, listed, revoked, and read by their address."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal, get_args

import msgspec
from sqlalchemy import Connection, func, select

from sentinel.alerts.view import AlertView
from sentinel.audit.change import Change
from sentinel.errors import ConfigurationError, NotFound
from sentinel.events.web_feed import FeedEntry, atom_of, rss_of
from sentinel.incidents.state import sev_of
from sentinel.notifications.silence_calendar import SilencedTime, silences_calendar
from sentinel.schema.columns import new_id
from sentinel.schema.silences import Silence
from sentinel.schema.web_feeds import WebFeed
from sentinel.store.alerts.filter import AlertFilter
from sentinel.store.database.tables import SILENCE, model_of
from sentinel.store.feed_rows import FeedRows, new_token, token_hash
from sentinel.store.incidents.listing import IncidentFilter, IncidentLists
from sentinel.store.oncall.calendar_feeds import CalendarFeeds
from sentinel.timing.recurrence import RecurringWindows, recurrence_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sentinel.store import Store

__all__ = ["FORMATS", "FeedKind", "MadeWebFeed", "ShownFeed", "WebFeeds", "revoke_feeds_of"]

FeedKind = Literal["alerts", "incidents", "silences"]
FORMATS: dict[str, tuple[str, ...]] = {
    "alerts": ("atom", "rss"), "incidents": ("atom", "rss"), "silences": ("ics",),
}  # fmt: skip
"""Endings of the address by kind of feed, the usual one first."""
_TYPES = {"atom": "application/atom+xml", "rss": "application/rss+xml", "ics": "text/calendar"}
_MOST = 100
_BACK, _AHEAD = timedelta(days=31), timedelta(days=183)
"""What a calendar of silences shows of the past and of the future."""


class MadeWebFeed(msgspec.Struct, frozen=True):
    """A feed, and the secret of its address, which is shown once and kept nowhere."""

    feed: WebFeed
    token: str


class ShownFeed(msgspec.Struct, frozen=True, kw_only=True):
    """What a feed shows: a document, its type, and a tag that differs where its entries do."""

    body: bytes
    media_type: str
    tag: str


class WebFeeds:
    """Feeds in the shared database.

    Args:
        store: the shared database
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rows = FeedRows(store, WebFeed)

    def rows(self, tenant: str) -> list[WebFeed]:
        """Return the feeds of a tenant that were not revoked, the newest first."""
        return self._rows.valid(self._rows.table.c.tenant == tenant)

    def last_read(self) -> tuple[int, datetime | None]:
        """Return how many feeds of all tenants there are, and when one of them was read last.

        Returns:
            Their number, and the moment, to ten minutes; None where none was read.
        """
        feeds = self._rows.table.c
        query = select(func.count(), func.max(feeds.used_at)).where(feeds.revoked_at.is_(None))
        with self._store.read() as connection:
            count, read_at = connection.execute(query).one()
        return count, read_at

    def create(self, kind: FeedKind, *, tenant: str, actor: str) -> MadeWebFeed:
        """Make a feed.

        Args:
            kind: what it shows
            tenant: whose
            actor: who makes it

        Returns:
            The feed with the secret of its address.

        Raises:
            ConfigurationError: there is no such kind of feed
        """
        if kind not in get_args(FeedKind):
            raise ConfigurationError(
                f"there is no feed of {kind!r}", hint=f"Write one of: {', '.join(FORMATS)}."
            )
        token = new_token()

        def work(connection: Connection) -> WebFeed:
            row = WebFeed(
                id=new_id(), secret_hash=token_hash(token), kind=kind, tenant=tenant,
                created_by=actor, created_at=self._store.now(),
            )  # fmt: skip
            self._rows.add(connection, row)
            self._record(connection, row, "feed.created", actor)
            return row

        return MadeWebFeed(self._store.in_transaction(work), token)

    def revoke(self, feed_id: str, *, tenant: str, actor: str) -> WebFeed:
        """End a feed: its address shows nothing any more.

        Args:
            feed_id: of the feed
            tenant: whose it is
            actor: who does it

        Returns:
            The feed.

        Raises:
            NotFound: the tenant has none of that id, or it was revoked before
        """
        feeds = self._rows.table.c

        def work(connection: Connection) -> WebFeed:
            mine = (feeds.id == feed_id, feeds.tenant == tenant)
            ended = self._rows.revoke(connection, *mine, actor=actor)
            if not ended:
                raise NotFound(
                    f"the tenant {tenant} has no feed {feed_id!r}",
                    hint="See them with: sentinel feed list",
                )
            self._record(connection, ended[0], "feed.revoked", actor)
            return ended[0]

        return self._store.in_transaction(work)

    def revoke_of(self, connection: Connection, name: str, *, actor: str) -> None:
        """End the feeds that a person, or a key for them, made; see `revoke_feeds_of`."""
        for feed in self._rows.revoke(connection, self._rows.made_by(name), actor=actor):
            self._record(connection, feed, "feed.revoked", actor)

    def find(self, token: str) -> WebFeed | None:
        """Return the feed of an address; None for none, or one that was revoked."""
        return self._rows.find(token)

    def read(self, feed: WebFeed, ending: str) -> ShownFeed | None:
        """Return what a feed shows now, and note that it was used.

        Args:
            feed: of `find`
            ending: of its address: atom, rss or ics

        Returns:
            The document; None where a feed of this kind has none of that ending.
        """
        if ending not in FORMATS[feed.kind]:
            return None
        now = self._store.now()
        self._rows.note_used(feed, now)
        title = f"Sentinel: {feed.kind} of {feed.tenant}"
        if ending == "ics":
            times = sorted(self._silenced(feed.tenant, now), key=lambda one: (one.start, one.id))
            body = silences_calendar(title, times, now)
            tagged = silences_calendar(title, times, datetime.min.replace(tzinfo=now.tzinfo))
        else:
            found = self._alerts if feed.kind == "alerts" else self._incidents
            write = atom_of if ending == "atom" else rss_of
            tagged = body = write(title, self._store.options.dashboard_url, found(feed.tenant))
        tag = hashlib.sha256(tagged).hexdigest()[:32]
        return ShownFeed(body=body, media_type=_TYPES[ending], tag=tag)

    def _alerts(self, tenant: str) -> list[FeedEntry]:
        page = self._store.alerts.page(AlertFilter(tenant=tenant), limit=_MOST, order="history")
        dashboard = self._store.options.dashboard_url
        return [
            FeedEntry(
                id=one.id, title=f"{one.severity}, {one.status}: {one.title}",
                link=f"{dashboard}/?alert={one.id}",
                text=one.description or one.title, words=(one.severity, one.status, one.rule),
                published=one.opened_at or one.first_bad_at, updated=_changed_at(one),
            )
            for one in page.items
        ]  # fmt: skip

    def _incidents(self, tenant: str) -> list[FeedEntry]:
        page = IncidentLists(self._store).page(IncidentFilter(tenant=tenant), limit=_MOST)
        dashboard = self._store.options.dashboard_url
        return [
            FeedEntry(
                id=one.id, title=f"{sev_of(one.severity).upper()}, {one.status}: {one.title}",
                link=f"{dashboard}/incidents?incident={one.id}",
                text=one.description or one.title,
                words=(sev_of(one.severity), str(one.status), *filter(None, [one.service])),
                published=one.opened_at, updated=one.updated_at,
            )
            for one in page.items
        ]  # fmt: skip

    def _silenced(self, tenant: str, now: datetime) -> Iterator[SilencedTime]:
        start, end = now - _BACK, now + _AHEAD
        query = select(SILENCE).where(
            SILENCE.c.tenant == tenant, SILENCE.c.until > start, SILENCE.c.starts_at < end
        )
        with self._store.read() as connection:
            silences = [model_of(Silence, row) for row in connection.execute(query)]
        for one in silences:
            until = one.until if one.ended_at is None else min(one.until, one.ended_at)
            if until <= one.starts_at:
                continue  # it was ended before it began
            times = [(one.starts_at, until)]
            if one.recurrence:
                windows = RecurringWindows(recurrence_of(one.recurrence))
                times = windows.between(max(start, one.starts_at), min(end, until))
            for begins, ends in times:
                yield SilencedTime(
                    id=one.id, what=one.rule or " or ".join(one.matchers), reason=one.reason,
                    actor=one.actor, start=begins, end=ends, maintenance=one.maintenance,
                )  # fmt: skip

    def _record(self, connection: Connection, feed: WebFeed, action: str, actor: str) -> None:
        made = action == "feed.created"
        fields = {"kind": feed.kind}
        change = Change(
            action=action, object_kind="feed", object_id=feed.id, object_name=feed.kind,
            tenant=feed.tenant, before=None if made else fields, after=fields if made else None,
        )  # fmt: skip
        self._store.audit.add(connection, change, actor=actor)
        self._store.changed(connection)


def _changed_at(alert: AlertView) -> datetime:
    """Return when an alert last became something else; a repeat of it is no change."""
    moments = (alert.opened_at, alert.acknowledged_at, alert.resolved_at, alert.updated_at)
    return max(one for one in moments if one is not None)


def revoke_feeds_of(store: Store, connection: Connection, name: str, *, actor: str) -> None:
    """End the feeds that a person, or a key for them, made, those of shifts included.

    Args:
        store: the shared database
        connection: a writing transaction
        name: of the person, who has no account any more
        actor: who does it
    """
    CalendarFeeds(store).revoke_of(connection, name, actor=actor)
    WebFeeds(store).revoke_of(connection, name, actor=actor)
