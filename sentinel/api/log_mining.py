"""Finds the patterns of log lines, and their anomalies, in a thread of the API, as lines arrive.

The process that takes lines looks at them, so that an embedded store, which starts when it is first
needed, is not started to be asked. One process at a time does, by a lease; the others wait.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError

from sentinel.errors import SentinelError
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.telemetry.client import telemetry_client
from sentinel.store.telemetry.log_anomalies import AnomalyWatch
from sentinel.store.telemetry.pattern_mining import PatternMining
from sentinel.store.telemetry.pattern_rates import PART
from sentinel.telemetry.asked import nanoseconds_of

__all__ = ["LEASE", "LogMining", "looks_of"]

log = logging.getLogger(__name__)

LEASE = "log_patterns"
_LENGTH = timedelta(seconds=60)
_BETWEEN = 10.0
_LONGEST_PAUSE = 300.0
_QUIET = 900.0
"""Seconds after the last line from which on nothing is looked for."""
_STOP_WITHIN = 5.0


Turn = Callable[[int, Callable[[], bool]], int]
"""Looks at what is there at a moment; asks between whether it may go on; returns what is done."""


def looks_of(settings: Settings) -> Turn:
    """Return what finds patterns and, where no lines wait or every five minutes, their anomalies.

    Args:
        settings: that name the telemetry store

    Returns:
        A turn, which holds what it knows of patterns in memory.
    """
    client = telemetry_client(settings, write=True)
    mining, anomalies = PatternMining(client), AnomalyWatch(client)

    looked_at = 0

    def turn(now: int, may_go_on: Callable[[], bool]) -> int:
        nonlocal looked_at
        done = mining.turn(now, may_go_on)
        if not done or now - looked_at >= PART:
            looked_at = now
            anomalies.turn(now, may_go_on)
        return done

    return turn


class LogMining:
    """Looks for patterns between `start` and `close`, from the first `wake` on.

    Args:
        store: the shared database, for the lease
        made: makes what finds patterns
    """

    def __init__(self, store: Store, made: Callable[[Settings], Turn] = looks_of) -> None:
        self._store = store
        self._runs = False
        self._made = made
        self._holder = f"{socket.gethostname()}:{os.getpid()}:{id(self)}"
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._woken = 0.0
        self._failures = 0
        self._mining: Turn | None = None

    def start(self) -> None:
        """Let a thread look when it is woken; without, `turn` alone looks."""
        self._runs = True

    def wake(self, settings: Settings) -> None:
        """Say that lines have arrived, or that somebody reads patterns.

        Args:
            settings: that name the telemetry store
        """
        self._woken = time.monotonic()
        with self._lock:
            if self._runs and self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, args=(settings,), name="log patterns", daemon=True
                )
                self._thread.start()

    def turn(self, settings: Settings) -> float:
        """Look for patterns, if this process holds the lease.

        Args:
            settings: that name the telemetry store

        Returns:
            Seconds until the next turn.
        """
        try:
            if not self._hold():
                self._mining = None  # whoever looks meanwhile finds more
                return _BETWEEN
            if self._mining is None:
                self._mining = self._made(settings)
            done = self._mining(nanoseconds_of(self._store.now()), self._may_go_on)
        except (SentinelError, SQLAlchemyError) as error:
            if not self._failures:
                log.warning("patterns of log lines cannot be found, trying again: %s", error)
            self._failures += 1
            return min(_LONGEST_PAUSE, _BETWEEN * 2 ** min(self._failures, 6))
        if self._failures:
            log.info("patterns of log lines are found again")
            self._failures = 0
        return 0.0 if done else _BETWEEN

    def _hold(self) -> bool:
        return self._store.leases.take(LEASE, self._holder, _LENGTH)

    def _may_go_on(self) -> bool:
        """Take the lease for another minute; a process that ends does not begin another look."""
        return not self._stop.is_set() and self._hold()

    def close(self) -> None:
        """End the thread, and release the lease."""
        with self._lock:
            self._runs = False
            self._stop.set()
            thread, self._thread = self._thread, None
        if thread is None:
            return
        thread.join(_STOP_WITHIN)
        try:
            self._store.leases.release(LEASE, self._holder)
        except (SentinelError, SQLAlchemyError):
            log.warning("the lease of log patterns could not be released; it expires")

    def _run(self, settings: Settings) -> None:
        try:
            while not self._stop.wait(self.turn(settings)):
                with self._lock:
                    if time.monotonic() - self._woken > _QUIET:
                        self._thread = None
                        return
        except Exception:  # the edge of the thread
            log.exception("looking for patterns of log lines failed; the next lines begin anew")
            with self._lock:
                self._thread = None
