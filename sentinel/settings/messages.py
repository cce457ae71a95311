"""Settings of how many messages people get."""

from __future__ import annotations

from pydantic import Field

from sentinel.settings.secure import SecureSettings

__all__ = ["MessageSettings"]


class MessageSettings(SecureSettings):
    """How many messages receivers and channels are sent."""

    messages_per_minute: int = Field(
        default=100,
        ge=0,
        le=100_000,
        description=(
            "How many messages a minute a channel is sent at most, and a receiver through each "
            "of its channels, where `sentinel receiver limit` or `sentinel channel limit` set no "
            "other number; 0 means no limit. What is held back follows in a summary."
        ),
    )
    storm_alerts: int = Field(
        default=1_000,
        ge=0,
        description=(
            "So many alerts of one receiver that open within a minute begin a storm, in which it "
            "is sent one message every five minutes, and new critical alerts; 0 means never."
        ),
    )
