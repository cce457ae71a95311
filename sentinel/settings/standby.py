"""Settings of what happens while Prefect, or all of this, is down."""

from __future__ import annotations

from pydantic import Field, SecretStr

from sentinel.duration import Duration, parse_duration
from sentinel.settings.secure import SecureSettings

__all__ = ["StandbySettings"]


class StandbySettings(SecureSettings):
    """Who notifies while Prefect is down, and who learns that Sentinel is down."""

    standby_after: Duration = Field(
        default=parse_duration("15s"),
        description="The relay sends a notification that is due and unclaimed for this long.",
    )
    dead_man_url: SecretStr = Field(
        default=SecretStr(""),
        description=(
            "Dead man's switch: requested once a minute while all is well, and not while the "
            "database, Prefect or the relay is down."
        ),
    )
    emergency_url: SecretStr = Field(
        default=SecretStr(""),
        description=(
            "Emergency channel: notified while Prefect is down in place of a receiver none of "
            "whose channels can be used. `https://…` is a webhook, of Slack where it is "
            "hooks.slack.com; `smtp://user:password@host:587/?from=a@x.org&to=b@x.org` (or "
            "`smtps://`) is email; any other address is one of Apprise. Set it for every process "
            "of Sentinel."
        ),
    )
    emergency_secret: SecretStr = Field(
        default=SecretStr(""),
        description="Signs the requests to an emergency webhook; empty means unsigned.",
    )
