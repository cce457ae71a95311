"""War rooms in Slack: channels that an app makes, fills and archives through the Web API.

Methods and their errors: conversations.create, .list, .setTopic, .invite and .archive, auth.test
and users.lookupByEmail at https://docs.slack.dev/reference/methods (read on 2026-11-30 as
slack-ruby/slack-api-ref has them). The bot needs the scopes channels:manage and channels:read, for
private channels groups:write and groups:read, and users:read.email.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import msgspec

from blocks.slack_web_api import call
from blocks.vendors.slack_app import SlackApp
from sentinel.engine.war_rooms import Channel, RoomGone
from sentinel.errors import DeliveryError
from sentinel.notifications.channel import Channel as Sender

__all__ = ["SlackRooms", "rooms_by"]

_MOST_PAGES = 20
_A_PAGE = "1000"
_MOST_LISTED = 5_000_000
"""Bytes of a page of channels, each with topic, purpose and former names."""
_GONE = ("channel_not_found", "is_archived")
_THERE = ("already_in_channel", "cant_invite_self")
_STRANGER = ("cant_invite", "ura_max_channels", "user_not_found")
_Found = TypeVar("_Found")


class _Bot(msgspec.Struct):
    url: str
    user_id: str


class _Listed(msgspec.Struct):
    id: str
    name: str = ""
    creator: str = ""


class _Next(msgspec.Struct):
    next_cursor: str = ""


class _Page(msgspec.Struct):
    channels: list[_Listed]
    response_metadata: _Next = msgspec.field(default_factory=_Next)


class _User(msgspec.Struct):
    id: str


class SlackRooms:
    """What a Slack app does about channels; see `sentinel.engine.war_rooms.SlackApi`.

    Args:
        app: the block that has the bot's token
    """

    def __init__(self, app: SlackApp) -> None:
        self._app = app

    def create(self, names: Iterable[str], *, private: bool) -> Channel:
        """Make a channel.

        Args:
            names: best first; of each of which the bot may have made a channel before
            private: whether only its members see it

        Returns:
            A channel with the first name that is free or the bot's own.

        Raises:
            DeliveryError: Slack did not answer, or refused, or all names are taken
        """
        bot = _understood("auth.test", call(self._app, "auth.test", {}), _Bot)
        for name in names:
            fields = {"name": name, "is_private": "true" if private else "false"}
            answer = call(self._app, "conversations.create", fields, but=("name_taken",))
            if answer["ok"]:
                found = _understood("conversations.create", answer.get("channel"), _Listed)
            else:
                found = self._own(name, bot.user_id, private=private)
            if found is not None:
                address = f"{bot.url.rstrip('/')}/archives/{found.id}"
                return Channel(found.id, found.name or name, address)
        raise DeliveryError(
            "every name for the war room is taken in Slack", permanent=True,
            hint="Rename one of the channels in Slack.",
        )  # fmt: skip

    def _own(self, name: str, bot: str, *, private: bool) -> _Listed | None:
        """Return the channel of a name if the bot made it, as before a crash."""
        fields = {
            "types": "private_channel" if private else "public_channel",
            "exclude_archived": "true", "limit": _A_PAGE,
        }  # fmt: skip
        for _ in range(_MOST_PAGES):
            answer = call(self._app, "conversations.list", fields, read=_MOST_LISTED)
            page = _understood("conversations.list", answer, _Page)
            for one in page.channels:
                if one.name == name:
                    return one if one.creator == bot else None
            if not page.response_metadata.next_cursor:
                return None
            fields["cursor"] = page.response_metadata.next_cursor
        return None

    def set_topic(self, channel: str, topic: str) -> None:
        """Set the topic of a channel.

        Args:
            channel: its ID
            topic: at most 250 characters

        Raises:
            RoomGone: a person archived or deleted the channel
            DeliveryError: Slack did not answer, or refused
        """
        self._in_channel("conversations.setTopic", {"channel": channel, "topic": topic})

    def invite(self, channel: str, email: str) -> bool:
        """Invite a member of the workspace.

        Args:
            channel: its ID
            email: address of the member

        Returns:
            Whether they are in the channel now; not where Slack knows no such member, or one who
            cannot be invited.

        Raises:
            RoomGone: a person archived or deleted the channel
            DeliveryError: Slack did not answer, or refused
        """
        answer = call(self._app, "users.lookupByEmail", {"email": email}, but=("users_not_found",))
        if not answer["ok"]:
            return False
        user = _understood("users.lookupByEmail", answer.get("user"), _User)
        done = self._in_channel(
            "conversations.invite", {"channel": channel, "users": user.id}, *_THERE, *_STRANGER
        )
        return done not in _STRANGER

    def archive(self, channel: str) -> None:
        """Archive a channel; one that is gone already is no error.

        Args:
            channel: its ID

        Raises:
            DeliveryError: Slack did not answer, or refused
        """
        but = ("already_archived", "channel_not_found")
        call(self._app, "conversations.archive", {"channel": channel}, but=but)

    def _in_channel(self, method: str, fields: dict[str, str], *but: str) -> str:
        """Call a method about a channel, and return the error of `but` that Slack answered."""
        answer = call(self._app, method, fields, but=(*_GONE, *but))
        code = "" if answer["ok"] else str(answer["error"])
        if code in _GONE:
            raise RoomGone(f"Slack's {method} answered {code}", permanent=True)
        return code


def rooms_by(channel_of: Callable[[str], Sender]) -> Callable[[str], SlackRooms]:
    """Return what finds the Slack app of a war room.

    Args:
        channel_of: returns the channel of a reference; raises `DeliveryError`

    Returns:
        A function from the name of a block to its app.
    """

    def of(name: str) -> SlackRooms:
        found = channel_of(f"{SlackApp.get_block_type_slug()}/{name}")
        if not isinstance(found, SlackApp):  # what the slug promises
            raise DeliveryError(f"the block {name} is no Slack app", permanent=True)
        return SlackRooms(found)

    return of


def _understood(method: str, answer: Any, of: type[_Found]) -> _Found:
    try:
        return msgspec.convert(answer, of)
    except msgspec.ValidationError as error:
        raise DeliveryError(f"Slack's {method} answered what is not understood: {error}") from None
