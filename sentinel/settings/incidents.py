"""Settings of incidents: where people meet, and how long incidents are kept."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import Field, field_validator

from sentinel.duration import Duration, parse_duration
from sentinel.settings.secure import SecureSettings

__all__ = ["IncidentSettings", "checked_war_room"]

_NO_ADDRESS = "must be an address that begins with https://"


def checked_war_room(given: str) -> str:
    """Return the template of a war room's address.

    Args:
        given: with `{incident_id}`, `{title}`, `{severity}`, `{service}`, `{team}` and `{tenant}`;
            empty for none

    Returns:
        The same text.

    Raises:
        ValueError: what it gives is no address of a web page
    """
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
            "{service}, {team} and {tenant}; empty means that incidents have none."
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
