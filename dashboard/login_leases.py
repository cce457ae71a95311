"""Until when a session may change things: for some seconds after a login named its person.

Streamlit's connection, once open, does not hear of a login that ends. The door does: what a page
asks there goes through the proxy each time, which names whom it lets through. So whatever the
door takes is noted for the session that it came from, and whoever changes something over
Streamlit's connection is asked for how long ago that was. It is kept in this process, as the key
of the passes is.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import timedelta

__all__ = ["Leases"]

MOST_KEPT = 10_000
"""Sessions; many times what one process serves. One that is forgotten is noted by its next beat."""


class Leases:
    """When each session's person was last named.

    Args:
        clock: seconds that only go forward
        most: sessions that are remembered; whoever was named longest ago is forgotten first
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, most: int = MOST_KEPT) -> None:
        self._clock = clock
        self._most = most
        self._lock = threading.Lock()
        self._named: OrderedDict[tuple[str, str], float] = OrderedDict()

    def note(self, actor: str, session: str) -> None:
        """Remember that this person was named just now, for this session."""
        with self._lock:
            self._named[actor, session] = self._clock()
            self._named.move_to_end((actor, session))
            while len(self._named) > self._most:
                self._named.popitem(last=False)

    def holds(self, actor: str, session: str, length: timedelta) -> bool:
        """Whether this person was named for this session, and no longer than `length` ago."""
        with self._lock:
            named = self._named.get((actor, session))
            return named is not None and self._clock() - named <= length.total_seconds()
