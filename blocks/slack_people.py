"""Who pressed a button in Slack: whose email address counts, and what is said where none is known.

The address names a Sentinel account, so it counts only for a member of the app's own workspace, or
of its Enterprise organization: another workspace may have given any address to its people. Fields:
https://docs.slack.dev/reference/objects/user-object and .../methods/auth.test.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from blocks.slack_web_api import call
from blocks.vendors.slack_app import SlackApp
from sentinel.engine.chat_buttons import ChatUser
from sentinel.errors import DeliveryError

__all__ = ["Home", "Presser", "Team", "home_of", "who_pressed"]


_Found = TypeVar("_Found")


class Home(msgspec.Struct, frozen=True):
    """Where an app is installed, as `auth.test` says; `enterprise_id` of an organization's one."""

    team_id: str
    enterprise_id: str | None = None

    def has(self, team_id: str, enterprise_id: str | None = None) -> bool:
        """Return whether a workspace is the app's own or belongs to its organization."""
        same = bool(self.enterprise_id) and enterprise_id == self.enterprise_id
        return same or team_id in (self.team_id, self.enterprise_id)


class Presser(msgspec.Struct):
    """Who pressed, as an envelope says."""

    id: str = ""
    username: str = ""
    name: str = ""


class Team(msgspec.Struct):
    """The workspace that an envelope comes from."""

    id: str = ""
    enterprise_id: str | None = None


class _Profile(msgspec.Struct):
    email: str | msgspec.UnsetType | None = msgspec.UNSET


class _Organization(msgspec.Struct):
    enterprise_id: str = ""


class _User(msgspec.Struct):
    team_id: str
    profile: _Profile
    deleted: bool = False
    is_bot: bool = False
    is_stranger: bool = False
    is_email_confirmed: bool = True
    enterprise_user: _Organization | None = None


def home_of(app: SlackApp) -> Home:
    """Ask where an app is installed.

    Args:
        app: whose bot asks

    Returns:
        The workspace, and the organization if it belongs to one.

    Raises:
        DeliveryError: Slack did not answer, refused, or answered what is not understood
    """
    return _understood("auth.test", call(app, "auth.test", {}), Home)


def who_pressed(app: SlackApp, home: Home, presser: Presser, team: Team | None) -> ChatUser:
    """Ask Slack who pressed.

    Args:
        app: whose bot asks
        home: where that is installed
        presser: who pressed
        team: the envelope's; None where it has none

    Returns:
        Who it is, with the email address of a member. It is empty for a stranger, a bot and
        somebody who was deactivated.

    Raises:
        DeliveryError: nobody knows who it is, since Slack did not say it
    """
    answer = call(app, "users.info", {"user": presser.id})
    user = _understood("users.info", answer.get("user"), _User)
    organization = user.enterprise_user.enterprise_id if user.enterprise_user else ""
    member = home.has(user.team_id, organization) and (
        team is None or home.has(team.id, team.enterprise_id)
    )
    name = presser.username or presser.name
    if not member or user.deleted or user.is_bot or user.is_stranger or not user.is_email_confirmed:
        return ChatUser(id=presser.id, name=name)
    if user.profile.email is msgspec.UNSET:
        raise DeliveryError(
            "Slack's users.info answered without an email address",
            permanent=True,
            hint="Add the scope users:read.email under OAuth & Permissions of the app, and install "
            "it again.",
        )
    return ChatUser(id=presser.id, name=name, email=(user.profile.email or "").strip().lower())


def _understood(method: str, answer: Any, of: type[_Found]) -> _Found:
    try:
        return msgspec.convert(answer, of)
    except msgspec.ValidationError as error:
        raise DeliveryError(f"Slack's {method} answered what is not understood: {error}") from None
