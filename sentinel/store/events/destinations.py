"""Destinations of outgoing events: whose changes each is sent, and how far it has come."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, delete, or_, select

from sentinel.audit.change import Change, differing
from sentinel.errors import ConfigurationError, NotFound
from sentinel.events.outgoing import MODES, Mode, starting_point
from sentinel.notifications.breaker import Breaker
from sentinel.schema.lifecycle_events import EventDestination
from sentinel.store.database.lifecycle_numbers import LIFECYCLE_BLOCK
from sentinel.store.database.tables import model_of, table_of
from sentinel.store.events.lifecycle import bounds

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["KEEP_CHANGES", "Destinations", "forget_old_changes"]

_DESTINATION = table_of(EventDestination)
KEEP_CHANGES = timedelta(days=30)
"""So long changes can be read again, unless alerts are deleted sooner."""
_HEALTHY = {
    "failures": 0, "refusing": False, "opened_at": None, "probe_at": None, "probes": 0,
    "error": "", "failed_at": None,
}  # fmt: skip


class Destinations:
    """The destinations of outgoing events.

    Args:
        store: the shared database
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def all(self) -> list[EventDestination]:
        """Return the destinations by name."""
        with self._store.read() as connection:
            rows = connection.execute(select(_DESTINATION).order_by(_DESTINATION.c.name)).all()
        return [model_of(EventDestination, row) for row in rows]

    def get(self, name: str) -> EventDestination:
        """Return one destination.

        Args:
            name: of the destination

        Returns:
            The destination.

        Raises:
            NotFound: there is none of that name
        """
        with self._store.read() as connection:
            return _named(connection, name)

    def due(self, now: datetime) -> list[EventDestination]:
        """Return the destinations that may be sent something, those that wait longest first."""
        waits = or_(_DESTINATION.c.probe_at.is_(None), _DESTINATION.c.probe_at <= now)
        query = select(_DESTINATION).where(waits).order_by(_DESTINATION.c.sent_at)
        with self._store.read() as connection:
            return [model_of(EventDestination, row) for row in connection.execute(query)]

    def set(
        self, name: str, *, tenant: str, channel: str, mode: Mode, actor: str,
        after: int | None = None,
    ) -> EventDestination:  # fmt: skip
        """Create a destination, or change one.

        Args:
            name: of the destination
            tenant: whose changes it is sent
            channel: the webhook block that has its URL and secret, as `sentinel-webhook/NAME`
            mode: structured or batch
            actor: who does it
            after: the cursor that it starts from; None to start with what happens from now on, or
                to go on where it is

        Returns:
            The destination.

        Raises:
            ConfigurationError: the block is no webhook
            Conflict: the changes after the cursor are not kept
        """
        if not channel.startswith("sentinel-webhook/"):
            raise ConfigurationError(
                f"the channel {channel!r} is no webhook",
                hint="Name a block as sentinel-webhook/NAME; sentinel channel add webhook makes "
                "one.",
            )
        if mode not in MODES:
            raise ConfigurationError(
                f"the mode {mode!r} is unknown", hint=f"Write {' or '.join(MODES)}."
            )

        def work(connection: Connection) -> EventDestination:
            before = _found(connection, name)
            last, oldest = bounds(connection, tenant)
            moved = before is None or before.tenant != tenant or after is not None
            new = {
                "tenant": tenant, "channel": channel, "mode": mode, "saved_by": actor,
                "saved_at": self._store.now(), **_HEALTHY,
            }  # fmt: skip
            if moved:
                new["cursor"] = starting_point(after, last, oldest)
            if before is None:
                connection.execute(_DESTINATION.insert().values(name=name, sent_at=None, **new))
            else:
                connection.execute(
                    _DESTINATION.update().where(_DESTINATION.c.name == name).values(new)
                )
            made = _named(connection, name)
            self._record(connection, "event_destination.saved", before, made, actor)
            return made

        return self._store.in_transaction(work)

    def remove(self, name: str, *, actor: str) -> EventDestination:
        """Remove a destination.

        Args:
            name: of the destination
            actor: who does it

        Returns:
            The destination as it was.

        Raises:
            NotFound: there is none of that name
        """

        def work(connection: Connection) -> EventDestination:
            before = _named(connection, name)
            connection.execute(delete(_DESTINATION).where(_DESTINATION.c.name == name))
            self._record(connection, "event_destination.removed", before, None, actor)
            return before

        return self._store.in_transaction(work)

    def replay(self, name: str, after: int, *, actor: str) -> EventDestination:
        """Send a destination again, or for the first time, what follows a cursor.

        Args:
            name: of the destination
            after: number of the last change that it is not sent
            actor: who asks for it

        Returns:
            The destination, whose breaker is closed.

        Raises:
            NotFound: there is none of that name
            Conflict: those changes are not kept any more, or there are none yet
        """

        def work(connection: Connection) -> EventDestination:
            before = _named(connection, name)
            last, oldest = bounds(connection, before.tenant)
            cursor = starting_point(after, last, oldest)
            connection.execute(
                _DESTINATION.update()
                .where(_DESTINATION.c.name == name)
                .values(cursor=cursor, **_HEALTHY)
            )
            made = _named(connection, name)
            self._record(connection, "event_destination.replayed", before, made, actor)
            return made

        return self._store.in_transaction(work)

    def took(self, destination: EventDestination, cursor: int) -> bool:
        """Record that a destination took the changes up to a number.

        Args:
            destination: as it was when they were sent
            cursor: number of the last of them

        Returns:
            Whether that was recorded; not where its cursor was moved meanwhile.
        """
        with self._store.write() as connection:
            done = connection.execute(
                _DESTINATION.update()
                .where(
                    _DESTINATION.c.name == destination.name,
                    _DESTINATION.c.tenant == destination.tenant,
                    _DESTINATION.c.cursor == destination.cursor,
                )
                .values(cursor=cursor, sent_at=self._store.now(), **_HEALTHY)
            )
            return done.rowcount == 1

    def failed(self, destination: EventDestination, breaker: Breaker, error: str) -> None:
        """Record that a destination did not take what it was sent.

        Args:
            destination: as it was then
            breaker: what is known of it now
            error: why, without secrets
        """
        now = self._store.now()
        with self._store.write() as connection:
            connection.execute(
                _DESTINATION.update()
                .where(
                    _DESTINATION.c.name == destination.name,
                    _DESTINATION.c.cursor == destination.cursor,
                )
                .values(
                    failures=breaker.failures, refusing=breaker.refusing,
                    opened_at=breaker.opened_at, probe_at=breaker.probe_at, probes=breaker.probes,
                    error=error, failed_at=now, sent_at=now,
                )
            )  # fmt: skip

    def _record(
        self, connection: Connection, action: str, before: EventDestination | None,
        after: EventDestination | None, actor: str,
    ) -> None:  # fmt: skip
        known = after or before
        was, now = differing(_fields(before), _fields(after))
        change = Change(
            action=action, object_kind="event_destination",
            object_id="" if known is None else known.name,
            object_name="" if known is None else known.name,
            tenant="" if known is None else known.tenant,
            before=None if before is None else was, after=None if after is None else now,
        )  # fmt: skip
        self._store.audit.add(connection, change, actor=actor)
        self._store.changed(connection)


def forget_old_changes(store: Store, older_than: timedelta) -> None:
    """Forget the numbers of changes that are old.

    A destination that was not sent them by then goes on with those that are kept, which the system
    log says.

    Args:
        store: the shared database
        older_than: how long alerts are kept, where that is less than `KEEP_CHANGES`
    """
    before = store.now() - min(older_than, KEEP_CHANGES)
    skipped: list[tuple[str, int, int]] = []

    def work(connection: Connection) -> None:
        skipped.clear()
        connection.execute(delete(LIFECYCLE_BLOCK).where(LIFECYCLE_BLOCK.c.at < before))
        for row in connection.execute(select(_DESTINATION).with_for_update()).all():
            _, oldest = bounds(connection, row.tenant)
            if row.cursor < oldest - 1:
                skipped.append((row.name, row.cursor + 1, oldest - 1))
                connection.execute(
                    _DESTINATION.update()
                    .where(_DESTINATION.c.name == row.name)
                    .values(cursor=oldest - 1)
                )

    store.in_transaction(work)
    for name, first, last in skipped:
        store.log.write(
            "error", "event_destination.skipped",
            f"the destination {name} was not sent the changes {first:,} to {last:,} in time, and "
            "they are not kept any longer",
            {"destination": name, "first": first, "last": last},
        )  # fmt: skip


def _found(connection: Connection, name: str) -> EventDestination | None:
    query = select(_DESTINATION).where(_DESTINATION.c.name == name).with_for_update()
    row = connection.execute(query).first()
    return None if row is None else model_of(EventDestination, row)


def _named(connection: Connection, name: str) -> EventDestination:
    row = connection.execute(select(_DESTINATION).where(_DESTINATION.c.name == name)).first()
    if row is None:
        raise NotFound(
            f"there is no event destination {name[:100]!r}",
            hint="sentinel event destination list shows them.",
        )
    return model_of(EventDestination, row)


def _fields(given: EventDestination | None) -> dict[str, Any]:
    if given is None:
        return {}
    return {name: getattr(given, name) for name in ("tenant", "channel", "mode", "cursor")}
