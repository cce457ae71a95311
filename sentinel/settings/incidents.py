"""Settings of incidents: where people meet, and how long incidents are kept."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from sentinel.duration import Duration, parse_duration
from sentinel.settings.secure import SecureSettings

__all__ = ["SLACK_ROOM", "IncidentSettings", "checked_war_room"]

SLACK_ROOM = re.compile(r"slack:([a-z0-9][a-z0-9-]{0,99})")
"""A war room that a Slack app makes, with the name of the app's block."""
_NO_ADDRESS = (
    "must be an address that begins with https://, or slack: and the name of a channel of type "
    "slack-app"
)
_EMAIL = re.compile(r"[^@\s,]+@[^@\s,]+")


def checked_war_room(given: str) -> str:
    """Return the template of a war room's address.

    Args:
        given: with `{incident_id}`, `{title}`, `{severity}`, `{service}`, `{team}` and `{tenant}`;
            `slack:NAME` for a channel that the Slack app of this name makes; empty for none

    Returns:
        The same text.

    Raises:
        ValueError: what it gives is no address of a web page, and no Slack app
    """
    if SLACK_ROOM.fullmatch(given):
        return given
    try:
        parts = urlsplit(given)
    except ValueError:  # half of an IPv6 address
        raise ValueError(_NO_ADDRESS) from None
    # `urlsplit` drops line ends and control characters, so they are looked for in what was given.
    hidden = any(one.isspace() or not one.isprintable() for one in given)
    if given and (parts.scheme not in ("http", "https") or not parts.hostname or hidden):
        raise ValueError(_NO_ADDRESS)
    return given


class IncidentSettings(SecureSettings):
    """The part of `Settings` about incidents."""

    war_room_url: str = Field(
        default="",
        description=(
            "Address where people meet about an incident, such as "
            "https://meet.example.org/{incident_id}. It may also hold {title}, {severity}, "
            "{service}, {team} and {tenant}. slack:NAME makes a Slack channel for each incident "
            "with the app of the block sentinel-slack-app/NAME; empty means that incidents have "
            "none."
        ),
    )
    war_room_invite: str = Field(
        default="",
        description=(
            "Email addresses of people who are invited to each war room in Slack, with commas "
            "between; whoever works on an incident is invited besides; empty means nobody else."
        ),
    )
    war_room_private: bool = Field(
        default=False, description="Whether war rooms in Slack are private channels."
    )
    war_room_archive: bool = Field(
        default=False,
        description=(
            "Whether the channel of a war room is archived once its incident is resolved and "
            "gathers no more alerts."
        ),
    )
    keep_incidents: Duration = Field(
        default=parse_duration("730d"),
        description=(
            "How long resolved incidents are kept, with their alerts and post-mortems; at least "
            "as long as SENTINEL_RETENTION."
        ),
    )

    _war_room = field_validator("war_room_url")(checked_war_room)

    @field_validator("war_room_invite")
    @classmethod
    def _addresses(cls, given: str) -> str:
        for one in filter(None, map(str.strip, given.split(","))):
            if not _EMAIL.fullmatch(one):
                raise ValueError(f"{one[:80]!r} is no email address")
        return given
