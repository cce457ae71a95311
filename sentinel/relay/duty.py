"""What a relay does periodically, and what listens to chats for it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

__all__ = ["Duty", "Listener"]


class Duty(msgspec.Struct, kw_only=True):
    """A periodic duty.

    Attributes:
        name: name for the log, a verb
        do: does it, given the present time
        every: its interval
        outside: whether it runs in a thread, because it waits for another system or takes long
        everywhere: whether each relay does it, also one that does not hold the lease
        running: whether it runs at this moment
        due: when it is due; None for at once
        broken: since when it fails; None if it works
        failures: number of consecutive failures
    """

    name: str
    do: Callable[[datetime], None]
    every: timedelta
    outside: bool = False
    everywhere: bool = False
    running: bool = False
    due: datetime | None = None
    broken: datetime | None = None
    failures: int = 0


class Listener(Protocol):
    """What listens to chats: it connects where it must, and keeps the connections."""

    def watch(self, now: datetime, /) -> None:
        """Open and close connections as channels ask for."""
        ...

    def close(self) -> None:
        """Close all connections."""
        ...
