"""Settings of the public pages: the only part of an instance that is meant to be exposed."""

from __future__ import annotations

from pydantic import Field

from sentinel.duration import Duration, parse_duration
from sentinel.settings.secure import SecureSettings

__all__ = ["PublicSettings"]


class PublicSettings(SecureSettings):
    """The part of `Settings` about the pages that links in messages open."""

    public_url: str = Field(
        default="",
        description=(
            "Where people reach the public pages from their phones, such as "
            "https://ack.example.org: messages then have a link that acknowledges their alerts, "
            "and `sentinel up` serves its page; empty means no such links."
        ),
    )
    public_host: str = Field(
        default="127.0.0.1",
        description=(
            "Address that the public pages listen on: a proxy or tunnel on this machine reaches "
            "the default. They answer links, feeds, status pages and consumers of APIs, and no "
            "other request."
        ),
    )
    public_port: int = Field(default=8410, ge=0, le=65535, description="Port of the public pages.")
    status_mail: str = Field(
        default="",
        pattern=r"^(sentinel-email/[^/\s]+)?$",
        description=(
            "Email channel, as sentinel-email/NAME, by whose server and sender subscribers of "
            "status pages are mailed; empty means that nobody can subscribe by email."
        ),
    )
    public_link_lifetime: Duration = Field(
        default=parse_duration("24h"),
        ge=parse_duration("1m"),
        le=parse_duration("7d"),
        description="How long an acknowledge link in a message can be used; at most 7d.",
    )
