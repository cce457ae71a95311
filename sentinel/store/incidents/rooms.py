"""The Slack channels of incidents as rows: which are to be made, kept up to date, or archived."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Connection, bindparam, or_, select

from sentinel.access import EVERYTHING
from sentinel.incidents.room import room_app
from sentinel.incidents.state import Incident
from sentinel.schema.columns import Moment
from sentinel.schema.incidents import IncidentRoom
from sentinel.store.database.insert import insert_into
from sentinel.store.database.tables import table_of
from sentinel.store.incidents.changing import Changed, change
from sentinel.store.incidents.rows import INCIDENT, NewEntry, incident_of

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["Room", "Rooms"]

ROOM = table_of(IncidentRoom)
_CLAIM = timedelta(minutes=2)
"""So long nobody else works on a room that somebody claimed."""


class Room(msgspec.Struct, frozen=True, kw_only=True):
    """The channel of an incident.

    Attributes:
        incident: as it is now
        app: name of the Slack app's block
        status: wanted, open, archived, left or gone, see `IncidentRoom`
        channel: its ID in Slack; empty while it is not made
        address: that people open
        name: of the channel
        topic: that it shows
        invited: email addresses that were invited, or are no member's
        error: why the last attempt failed; empty where it did not
        failures: attempts that failed one after another
        next_at: from when on something may be done about it
    """

    incident: Incident
    app: str
    status: str
    channel: str
    address: str
    name: str
    topic: str
    invited: list[str]
    error: str
    failures: int
    next_at: datetime


class Rooms:
    """The channels of all incidents.

    Args:
        store: the shared database
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def due(self) -> list[Room]:
        """Return the rooms that wait for nothing.

        Returns:
            Those that are to be made or are open, and those of incidents that were reopened; those
            that wait longest first.
        """
        now = self._store.now()
        with self._store.read() as connection:
            new = [row for row in connection.execute(_WANTED) if room_app(row.war_room) != row.app]
        if new:
            with self._store.write() as connection:
                for row in new:
                    _want(self._store, connection, row.id, room_app(row.war_room), now)
        with self._store.read() as connection:
            return [_room(row) for row in connection.execute(_DUE, {"now": now})]

    def claim(self, room: Room) -> bool:
        """Claim a room for two minutes; return whether nobody else did since it was read."""
        now = self._store.now()
        with self._store.write() as connection:
            done = connection.execute(
                ROOM.update()
                .where(ROOM.c.incident_id == room.incident.id, ROOM.c.next_at == room.next_at,
                       ROOM.c.status == room.status)
                .values(next_at=now + _CLAIM)
            )  # fmt: skip
        return bool(done.rowcount)

    def planned(self, room: Room, name: str) -> Room:
        """Record by which name a channel is asked for, before Slack is asked.

        Where its answer is lost, the channel is found again by that name, whatever the title of the
        incident is by then.

        Args:
            room: that was claimed
            name: of the channel

        Returns:
            The room, which waits for the channel.
        """
        with self._store.write() as connection:
            _set(connection, room, status="wanted", channel="", name=name)
        return msgspec.structs.replace(room, status="wanted", channel="", name=name)

    def opened(self, room: Room, channel: str, name: str, address: str) -> None:
        """Record the channel that was made, and tell the incident's receivers.

        Args:
            room: that was wanted
            channel: its ID
            name: of the channel
            address: that people open
        """

        def work(connection: Connection, before: Incident) -> Changed:
            same = channel == room.channel
            _set(connection, room, status="open", channel=channel, name=name, address=address,
                 topic=room.topic if same else "", invited=room.invited if same else [],
                 error="", failures=0)  # fmt: skip
            known = self._store.receivers.all_in(connection) if before.receivers else {}
            # An address that a person wrote meanwhile stays.
            mine = room_app(before.war_room) or before.war_room == room.address
            after = msgspec.structs.replace(before, war_room=address) if mine else before
            return Changed(
                incident=after, action="incident.changed",
                entries=[NewEntry(kind="room_opened", data={"name": name})],
                receivers=[one for one in before.receivers if one in known],
                says=f"The war room #{name} is open.",
            )  # fmt: skip

        change(self._store, EVERYTHING, room.incident.id, "", work)

    def kept(self, room: Room, *, topic: str, invited: Sequence[str]) -> None:
        """Record what the channel shows and who was invited.

        Args:
            room: that is open
            topic: that it shows
            invited: every address that was invited so far
        """
        with self._store.write() as connection:
            _set(connection, room, status="open", topic=topic, invited=list(invited), error="",
                 failures=0, next_at=self._store.now())  # fmt: skip

    def over(self, room: Room, status: str) -> None:
        """Record that nothing more is done about a room.

        Args:
            room: of an incident that is resolved, or whose channel is gone
            status: archived, left or gone
        """

        def work(connection: Connection, before: Incident) -> Changed:
            _set(connection, room, status=status, error="", failures=0, next_at=self._store.now())
            archived = [NewEntry(kind="room_archived", data={"name": room.name})]
            return Changed(
                incident=before, action="incident.changed",
                entries=archived if status == "archived" else [],
            )  # fmt: skip

        change(self._store, EVERYTHING, room.incident.id, "", work)

    def failed(self, room: Room, error: str, next_at: datetime) -> None:
        """Record that an attempt failed; the timeline has each error once.

        Args:
            room: that was claimed
            error: why, without secrets
            next_at: of the next attempt
        """

        def work(connection: Connection, before: Incident) -> Changed:
            _set(connection, room, error=error[:2000], failures=room.failures + 1, next_at=next_at)
            new = [NewEntry(kind="room_failed", data={"error": error[:500]})]
            return Changed(
                incident=before, action="incident.changed",
                entries=new if error[:2000] != room.error else [],
            )  # fmt: skip

        change(self._store, EVERYTHING, room.incident.id, "", work)


_WANTED = (
    select(INCIDENT.c.id, INCIDENT.c.war_room, ROOM.c.app)
    .outerjoin(ROOM, ROOM.c.incident_id == INCIDENT.c.id)
    .where(INCIDENT.c.status != "resolved", INCIDENT.c.war_room.like("slack:%"))
)


_ROOM = (
    "app", "status", "channel", "address", "name", "topic", "invited", "error", "failures",
    "next_at",
)  # fmt: skip
_ASKS = or_(
    ROOM.c.status.in_(("wanted", "open")),
    ROOM.c.status.in_(("archived", "left")) & (INCIDENT.c.status != "resolved"),
)
_DUE = (
    select(INCIDENT, *(ROOM.c[name].label(f"room_{name}") for name in _ROOM))
    .join(ROOM, ROOM.c.incident_id == INCIDENT.c.id)
    .where(_ASKS, ROOM.c.next_at <= bindparam("now", type_=Moment()))
    .order_by(ROOM.c.next_at, INCIDENT.c.id)
)


def _room(row: Any) -> Room:
    return Room(incident=incident_of(row), **{name: getattr(row, f"room_{name}") for name in _ROOM})


def _want(store: Store, connection: Connection, incident_id: str, app: str, now: datetime) -> None:
    """Ask for a room; where there is one already, of another app instead."""
    fresh: dict[str, Any] = {
        "app": app, "status": "wanted", "channel": "", "address": "", "name": "", "topic": "",
        "invited": [], "error": "", "failures": 0, "next_at": now,
    }  # fmt: skip
    connection.execute(
        insert_into(store.dialect, ROOM)
        .values(incident_id=incident_id, **fresh)
        .on_conflict_do_update(index_elements=["incident_id"], set_=fresh)
    )


def _set(connection: Connection, room: Room, **values: Any) -> None:
    connection.execute(ROOM.update().where(ROOM.c.incident_id == room.incident.id).values(**values))
