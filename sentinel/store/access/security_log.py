"""Records Sentinel's own security events in the event log: cheaply, and bounded.

The first one after a pause is stored at once; those of the seconds that follow are gathered, and
stored as one block, in which equal ones are one event with a count. So a flood of refused requests
costs a process one small transaction each `PAUSE`, by a thread that no request waits for.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import timedelta
from threading import Lock, Thread, Timer
from typing import TYPE_CHECKING

from sentinel.access.security_events import SECURITY_TENANT, Gathered, SecurityEvent

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["PAUSE", "SecurityLog"]

PAUSE = timedelta(seconds=10)
"""At most one block is stored so often."""
_log = logging.getLogger(__name__)


def _after(seconds: float, do: Callable[[], None]) -> None:
    timer: Thread = Timer(seconds, do)
    timer.daemon = True
    timer.start()


class SecurityLog:
    """The security events of one process.

    Args:
        store: the shared database
        monotonic: seconds that only rise
        after: does something so many seconds later, in another thread
    """

    def __init__(
        self,
        store: Store,
        monotonic: Callable[[], float] = time.monotonic,
        after: Callable[[float, Callable[[], None]], None] = _after,
    ) -> None:
        self._store = store
        self._monotonic = monotonic
        self._after = after
        self._lock = Lock()
        self._gathered = Gathered()
        self._waits = False
        self._stored_at: float | None = None
        self._failed = False

    def note(self, event: SecurityEvent) -> None:
        """Count an event; it is stored soon, and nothing here waits for that.

        Args:
            event: what happened, just now
        """
        now = self._store.now()
        with self._lock:
            self._gathered.add(event, now)
            if self._waits:
                return
            self._waits = True
            last = self._stored_at
            passed = PAUSE.total_seconds() if last is None else self._monotonic() - last
        self._after(max(0.0, PAUSE.total_seconds() - passed), self.store)

    def store(self) -> None:
        """Store what was gathered; where that fails, it is tried again after a pause."""
        with self._lock:
            gathered, self._gathered = self._gathered, Gathered()
            self._stored_at = self._monotonic()
            self._waits = False
        if not len(gathered):
            return
        try:
            self._store.events.add(gathered.events(), tenant=SECURITY_TENANT)
        except Exception:  # noqa: BLE001 - whatever the database says
            if not self._failed:
                _log.warning("security events cannot be stored, trying again", exc_info=True)
            self._failed = True
            with self._lock:
                self._gathered.add_all(gathered)
                again = not self._waits
                self._waits = True
            if again:
                self._after(PAUSE.total_seconds(), self.store)
            return
        self._failed = False

    def close(self) -> None:
        """Store what was gathered, at the end of the process."""
        self.store()
