"""The commands that limit the messages a minute of a receiver and of a channel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec

from dashboard.database_errors import database
from sentinel.errors import NotFound
from sentinel.notifications.message_limit import MessageLimits
from sentinel.store.access.within import Within
from sentinel.store.notifications.message_limits import message_limits, set_message_limit

if TYPE_CHECKING:
    from dashboard.commands import Services

__all__ = ["LimitChannel", "LimitReceiver", "limits_of"]


class LimitReceiver(msgspec.Struct, frozen=True, kw_only=True):
    """Limit how many messages a minute a receiver is sent through each of its channels.

    Attributes:
        receiver: its name
        per_minute: 0 for no limit; None for that of all receivers
    """

    receiver: Annotated[str, msgspec.Meta(max_length=1000)]
    per_minute: int | None

    def carry_out(self, services: Services, actor: str) -> None:
        """Store the limit.

        Args:
            services: what commands work on
            actor: who sent it

        Raises:
            NotFound: there is no such receiver
            ConfigurationError: the number is out of range
        """
        store = services.within.instance
        if self.receiver not in store.receivers.all():
            raise NotFound(f"there is no receiver {self.receiver!r}")
        set_message_limit(store, "receiver", self.receiver, self.per_minute, actor=actor)


class LimitChannel(msgspec.Struct, frozen=True, kw_only=True):
    """Limit how many messages a minute a channel is sent for all receivers together.

    Attributes:
        channel: its reference
        per_minute: 0 for no limit; None for that of all channels
    """

    channel: Annotated[str, msgspec.Meta(max_length=1000)]
    per_minute: int | None

    def carry_out(self, services: Services, actor: str) -> None:
        """Store the limit.

        Args:
            services: what commands work on
            actor: who sent it

        Raises:
            NotFound: no receiver has the channel
            ConfigurationError: the number is out of range
        """
        store = services.within.instance
        if self.channel not in {ref for refs in store.receivers.all().values() for ref in refs}:
            raise NotFound(f"no receiver has the channel {self.channel!r}")
        set_message_limit(store, "channel", self.channel, self.per_minute, actor=actor)


def limits_of(within: Within) -> MessageLimits:
    """Return the limits of now.

    Args:
        within: of whoever asks

    Returns:
        Those of all receivers and channels.

    Raises:
        OutOfScope: less than everything is in scope
        DatabaseError: the database cannot be used
    """
    with database():
        return message_limits(within.instance)
