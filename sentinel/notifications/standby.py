"""Through what a sender notifies while Prefect, which has the blocks, is down (ADR 0001). Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta

import msgspec

from sentinel.notifications.channel import EMERGENCY, INBOX

__all__ = ["Standby", "waits_until"]

_TRY_AGAIN = timedelta(seconds=15)


def waits_until(next_at: datetime | None, now: datetime) -> datetime:
    """Return when a channel is decided on again that was last held back since Prefect is down.

    Args:
        next_at: when it was due to be decided on
        now: the present moment

    Returns:
        That moment; once it is over, the latest at which the relay decides again.
    """
    return next_at if next_at is not None and now < next_at else now + _TRY_AGAIN


class Standby(msgspec.Struct, frozen=True, kw_only=True):
    """What a sender has while Prefect is down.

    Attributes:
        loaded: whether a channel can be used without Prefect: its block was loaded before, or it
            is the inbox or the emergency channel
        emergency: whether there is an emergency channel
    """

    loaded: Callable[[str], bool]
    emergency: bool = False

    def instead(self, channels: Sequence[str], out: Collection[str] = ()) -> list[str]:
        """Return what is notified beside the channels of a receiver.

        Args:
            channels: of the receiver
            out: channels that take no messages now: the breaker is open, or this one was refused

        Returns:
            The emergency channel, or the inbox where there is none, if the receiver has channels
            beside the inbox and none of them is both loaded and taking messages; else nothing.
            The inbox too, if the emergency channel takes none.
        """
        outside = [ref for ref in channels if ref != INBOX]
        if not outside or any(self.loaded(ref) and ref not in out for ref in outside):
            return []
        if not self.emergency:
            return [INBOX]
        return [EMERGENCY, INBOX] if EMERGENCY in out else [EMERGENCY]

    def held_until(self, channel: str, now: datetime) -> datetime | None:
        """Return until when a channel waits for its block; None where it can be used now."""
        return None if self.loaded(channel) else now + _TRY_AGAIN

    def notice(self, receiver: str, channel: str) -> str:
        """Return what a message to a channel says of the state of Prefect."""
        if channel == EMERGENCY:
            return f"Prefect is down, and no channel of the receiver {receiver} can be used"
        return "Prefect is down, so Sentinel's relay sent this"
