"""Settings of incidents: where people meet, and how long incidents are kept."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import Field, field_validator

from sentinel.duration import Duration, parse_duration
from sentinel.settings.secure import SecureSettings

__all__ = ["IncidentSettings", "checked_war_room"]


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
    parts = urlsplit(given)
    if given and (parts.scheme not in ("http", "https") or not parts.netloc or " " in given):
        raise ValueError("must be an address that begins with https://")
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
