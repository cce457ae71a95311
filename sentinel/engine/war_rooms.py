"""Make the Slack channels of incidents, keep their topics and members up to date, archive them.

Relay and sweep both do it: whoever claims a room has it for two minutes. A channel is recorded as
soon as Slack made it; one that a crash left unrecorded is found again by its name.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from sentinel.errors import DeliveryError
from sentinel.incidents.room import room_app, room_names, room_topic
from sentinel.incidents.state import Incident
from sentinel.oncall.person import Person
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.incidents.rooms import Room, Rooms
from sentinel.store.incidents.writing import address_of
from sentinel.store.oncall.documents import OnCallDocuments

__all__ = ["Channel", "RoomGone", "RoomOptions", "SlackApi", "follow_rooms"]

log = logging.getLogger(__name__)

_MOST = 50
"""Rooms about which something is done at a time."""
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=30), timedelta(hours=1)


class RoomOptions(msgspec.Struct, frozen=True):
    """What the settings say of war rooms in Slack.

    Attributes:
        invite: email addresses of people who are invited to each
        private: whether they are private channels
        archive: whether they are archived after the incident
    """

    invite: tuple[str, ...] = ()
    private: bool = False
    archive: bool = False

    @classmethod
    def of(cls, settings: Settings) -> RoomOptions:
        """Return those that the settings of a process name."""
        given = tuple(one.strip() for one in settings.war_room_invite.split(","))
        return cls(tuple(filter(None, given)), settings.war_room_private, settings.war_room_archive)


class Channel(msgspec.Struct, frozen=True):
    """A channel that was made: its ID in Slack, its name, and the address that people open."""

    id: str
    name: str
    address: str


class RoomGone(DeliveryError):
    """A person archived or deleted the channel."""


class SlackApi(Protocol):
    """What a Slack app does about channels. Each method may raise `DeliveryError`."""

    def create(self, names: Iterable[str], *, private: bool) -> Channel:
        """Make a channel with the first name that is free, or find the one it made before."""
        ...

    def set_topic(self, channel: str, topic: str) -> None:
        """Set the topic; raises `RoomGone`."""
        ...

    def invite(self, channel: str, email: str) -> bool:
        """Invite the member with an address; False where there is none. Raises `RoomGone`."""
        ...

    def archive(self, channel: str) -> None:
        """Archive a channel; one that is gone already is no error."""
        ...


def follow_rooms(store: Store, slack_of: Callable[[str], SlackApi], options: RoomOptions) -> int:
    """Do what is due about all war rooms in Slack.

    Args:
        store: the shared database
        slack_of: returns the app of a block's name; raises `DeliveryError`
        options: of the settings

    Returns:
        For how many rooms something was done or tried.
    """
    rooms, tried = Rooms(store), 0
    due = rooms.due()
    people = OnCallDocuments(store).active().people if due else {}
    for room in due:
        if tried >= _MOST:
            break
        wanted = _wanted(people, room.incident, options)
        topic = room_topic(room.incident, address_of(store, room.incident.id))
        if not _is_due(room, topic, wanted, store.now()) or not rooms.claim(room):
            continue
        tried += 1
        try:
            _follow(store, rooms, room, topic, wanted, slack_of, options)
        except RoomGone as error:
            store.log.write("warning", "incident.room_gone", f"#{room.name}: {error}",
                            {"incident": room.incident.id})  # fmt: skip
            rooms.over(room, "gone")
        except DeliveryError as error:
            pause = min(_FIRST_PAUSE * 2 ** min(room.failures, 10), _LONGEST_PAUSE)
            if error.permanent:
                pause = _LONGEST_PAUSE
            pause = max(pause, timedelta(seconds=error.retry_after))
            log.warning("the war room of incident %s waits: %s", room.incident.id, error)
            rooms.failed(room, str(error), store.now() + pause)
    return tried


def _is_due(room: Room, topic: str, wanted: Collection[str], now: datetime) -> bool:
    """Return whether anything is to be done about a room."""
    return (
        room.status != "open" or bool(room_app(room.incident.war_room)) or topic != room.topic
        or _is_over(room.incident, now) or not set(wanted) <= set(room.invited)
    )  # fmt: skip


def _is_over(incident: Incident, now: datetime) -> bool:
    return incident.gathers_until is not None and incident.gathers_until <= now


def _follow(
    store: Store, rooms: Rooms, room: Room, topic: str, wanted: Collection[str],
    slack_of: Callable[[str], SlackApi], options: RoomOptions,
) -> None:  # fmt: skip
    incident = room.incident
    if not incident.is_open and not room.channel:
        rooms.over(room, "left")  # resolved before there was one
        return
    slack = slack_of(room.app)
    if room.status in ("wanted", "archived") or not room.channel:
        if room.status != "wanted" or not room.name:
            room = rooms.planned(room, next(_names(room)))
        names = [room.name, *_names(room)]
        made = slack.create(names, private=options.private)
        rooms.opened(room, made.id, made.name, made.address)
        room = msgspec.structs.replace(
            room, status="open", channel=made.id, address=made.address, name=made.name, topic="",
            invited=[],
        )  # fmt: skip
    elif room_app(incident.war_room):
        rooms.opened(room, room.channel, room.name, room.address)
    if _is_over(incident, store.now()):
        if options.archive:
            slack.archive(room.channel)
        rooms.over(room, "archived" if options.archive else "left")
        return
    if topic != room.topic:
        slack.set_topic(room.channel, topic)
    invited = [*room.invited]
    for email in wanted:
        if email not in invited:
            invited.append(email)
            if not slack.invite(room.channel, email):
                store.log.write(
                    "warning", "incident.room_stranger",
                    f"somebody was not invited to #{room.name}: Slack knows no member with this "
                    "address", {"incident": incident.id},
                )  # fmt: skip
    rooms.kept(room, topic=topic, invited=invited)


def _names(room: Room) -> Iterator[str]:
    """Return names for a channel, but for that which it has or had."""
    return (one for one in room_names(room.incident) if one != room.name)


def _wanted(
    people: Mapping[str, Person], incident: Incident, options: RoomOptions
) -> Collection[str]:
    """Return the email addresses of whoever works on an incident, and of those always invited."""
    named = [incident.assignee, *incident.roles.values()]
    found = [
        people[one].email if one in people and people[one].email else one if "@" in one else ""
        for one in named
    ]
    return list(dict.fromkeys(one.lower() for one in (*found, *options.invite) if one))
