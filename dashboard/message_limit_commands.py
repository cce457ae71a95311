"""The commands about messages: how many a minute, and whether silences are announced."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Annotated

import msgspec

from dashboard.database_errors import database
from sentinel.errors import NotFound
from sentinel.notifications.message_limit import MessageLimits
from sentinel.store.access.within import Within
from sentinel.store.notifications.announced_receivers import announced_receivers, set_announced
from sentinel.store.notifications.message_limits import message_limits, set_message_limit

if TYPE_CHECKING:
    from dashboard.commands import Services

__all__ = ["AnnounceSilences", "LimitChannel", "LimitReceiver", "announced_of", "limits_of"]


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


class AnnounceSilences(msgspec.Struct, frozen=True, kw_only=True):
    """Set whether a receiver is notified of every silence that mutes it.

    Attributes:
        receiver: its name
        all: False for those silences alone that are to be announced themselves
    """

    receiver: Annotated[str, msgspec.Meta(max_length=1000)]
    all: bool

    def carry_out(self, services: Services, actor: str) -> None:
        """Store it.

        Args:
            services: what commands work on
            actor: who sent it

        Raises:
            NotFound: there is no such receiver
        """
        set_announced(services.within.instance, self.receiver, self.all, actor=actor)


def announced_of(within: Within) -> AbstractSet[str]:
    """Return the receivers that are notified of every silence that mutes them.

    Args:
        within: of whoever asks

    Returns:
        Their names.

    Raises:
        OutOfScope: less than everything is in scope
        DatabaseError: the database cannot be used
    """
    with database():
        return announced_receivers(within.instance)


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
