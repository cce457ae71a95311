"""Until when a session may change things: some seconds after a login proxy named its person.

Streamlit's connection, once open, does not notice that a login ended. The live API does: each of
its requests goes through the proxy, which names whom it lets through. So every request that the
live API accepts renews the lease of its session, and a change that arrives over Streamlit's
connection needs a lease that has not expired. Leases are kept in this process, as the key of the
page tokens is.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import timedelta

__all__ = ["LoginLeases"]

MOST_KEPT = 10_000
"""Sessions; many times what one process serves. A forgotten one is renewed by its next request."""


class LoginLeases:
    """When each session's person was last named.

    Args:
        clock: seconds that only rise
        most: sessions that are remembered; the one that was renewed longest ago is forgotten first
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, most: int = MOST_KEPT) -> None:
        self._clock = clock
        self._most = most
        self._lock = threading.Lock()
        self._renewed: OrderedDict[tuple[str, str], float] = OrderedDict()

    def renew(self, actor: str, session: str) -> None:
        """Remember that this person was named just now, for this session."""
        with self._lock:
            self._renewed[actor, session] = self._clock()
            self._renewed.move_to_end((actor, session))
            while len(self._renewed) > self._most:
                self._renewed.popitem(last=False)

    def holds(self, actor: str, session: str, length: timedelta) -> bool:
        """Return whether this person was named for this session at most `length` ago."""
        with self._lock:
            renewed = self._renewed.get((actor, session))
            return renewed is not None and self._clock() - renewed <= length.total_seconds()
