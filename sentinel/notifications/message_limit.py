"""How many messages a minute a receiver and a channel are sent at most. Pure.

The limit is exact over any sixty seconds, as long as whoever decides knows all messages before it
(`sentinel.store.notifications.message_limits`). What it holds back is summarised, never lost
(`sentinel.notifications.summary`).
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Literal

import msgspec

__all__ = ["MINUTE", "MOST_PER_MINUTE", "LimitSource", "MessageLimits", "SentRecently"]

MINUTE = timedelta(minutes=1)
MOST_PER_MINUTE = 100_000
LimitSource = Literal["file", "ui", "default"]
"""What set a limit: the document in Git, somebody elsewhere, or nobody."""


class MessageLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Messages a minute: of one receiver through each of its channels, and through one channel.

    Attributes:
        usual: for every receiver and channel that has no number of its own; 0 for no limit
        receivers: by name of the receiver; 0 for no limit
        channels: by reference of the channel, for all receivers together; 0 for no limit
        declared: `receiver` or `channel` and the name of those that the document in Git set last
    """

    usual: int = 100
    receivers: Mapping[str, int] = msgspec.field(default_factory=dict[str, int])
    channels: Mapping[str, int] = msgspec.field(default_factory=dict[str, int])
    declared: frozenset[tuple[str, str]] = frozenset()

    def of_receiver(self, name: str) -> int:
        """Return the messages a minute of a receiver through each of its channels."""
        return self.receivers.get(name, self.usual)

    def of_channel(self, ref: str) -> int:
        """Return the messages a minute of a channel for all receivers together."""
        return self.channels.get(ref, self.usual)

    def source(self, kind: Literal["receiver", "channel"], name: str) -> LimitSource:
        """Return what set a limit.

        Args:
            kind: whose limit
            name: of the receiver, or reference of the channel

        Returns:
            `file` for the document in Git, `ui` for somebody elsewhere, `default` where it is that
            of all.
        """
        if name not in (self.receivers if kind == "receiver" else self.channels):
            return "default"
        return "file" if (kind, name) in self.declared else "ui"


class SentRecently:
    """What was sent in the last minute, as one claim sees it.

    Args:
        limits: messages a minute
        sent: receiver, channel and moment of every attempt of the last minute, in any order
        now: the present moment
    """

    def __init__(
        self, limits: MessageLimits, sent: Iterable[tuple[str, str, datetime]], now: datetime
    ) -> None:
        self._limits = limits
        self._now = now
        self._of: dict[tuple[str, str], deque[datetime]] = defaultdict(deque)
        # If the clock was set back, nobody waits longer than a minute.
        for at, receiver, channel in sorted((min(at, now), *names) for *names, at in sent):
            self._add(receiver, channel, at)

    def limited_until(self, receiver: str, channel: str) -> datetime | None:
        """Return when the receiver's next message through the channel is allowed.

        Args:
            receiver: its name
            channel: its reference

        Returns:
            The moment, which lies ahead; None where a message is allowed now.
        """
        limits = self._limits
        free = (
            self._free_at(("", channel), limits.of_channel(channel)),
            self._free_at((receiver, channel), limits.of_receiver(receiver)),
        )
        latest = max((at for at in free if at is not None), default=None)
        return None if latest is None or latest <= self._now else latest

    def count(self, receiver: str, channel: str) -> int:
        """Return how many messages the receiver was sent through the channel within the minute."""
        return len(self._of.get((receiver, channel), ()))

    def sends(self, receiver: str, channel: str) -> None:
        """Count a message that is about to be sent."""
        self._add(receiver, channel, self._now)

    def _add(self, receiver: str, channel: str, at: datetime) -> None:
        self._of["", channel].append(at)
        self._of[receiver, channel].append(at)

    def _free_at(self, key: tuple[str, str], most: int) -> datetime | None:
        times = self._of.get(key, ())
        if not most or len(times) < most:
            return None
        return times[-most] + MINUTE
