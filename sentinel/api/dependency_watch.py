"""Keeps who calls whom, as spans show it, in a thread of the API, as long as spans arrive.

The process that takes spans reads them back, so that an embedded telemetry store, which starts when
it is first needed, is not started to be asked. Several processes may: each says the same.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy.exc import SQLAlchemyError

from sentinel.errors import SentinelError
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.services.edges import observe
from sentinel.store.telemetry.client import telemetry_client
from sentinel.store.telemetry.reading import Period
from sentinel.store.telemetry.services import ServiceFigures
from sentinel.telemetry.asked import nanoseconds_of

__all__ = ["EVERY", "DependencyWatch"]

log = logging.getLogger(__name__)

EVERY = timedelta(minutes=5)
_BACK = timedelta(minutes=15)
"""Longer than `EVERY`, since spans may arrive late."""
_BETWEEN = 30.0
_STOP_WITHIN = 5.0
Calls = dict[tuple[str, str], int]


def _read(settings: Settings, tenant: str, now: datetime) -> Calls:
    period = Period(nanoseconds_of(now - _BACK), nanoseconds_of(now))
    figures = ServiceFigures(telemetry_client(settings), tenant)
    return {(one.caller, one.callee): one.calls for one in figures.dependencies(period)}


class DependencyWatch:
    """Reads the dependencies of tenants that send spans, between `start` and `close`.

    Args:
        store: the shared database
        read: reads the calls of a tenant
    """

    def __init__(
        self, store: Store, read: Callable[[Settings, str, datetime], Calls] = _read
    ) -> None:
        self._store = store
        self._read = read
        self._runs = False
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._waiting: set[str] = set()
        self._done: dict[str, datetime] = {}
        self._tried: dict[str, int] = {}
        self._turns = 0
        self._failing = False

    def start(self) -> None:
        """Let a thread read when it is woken; without, `turn` alone reads."""
        self._runs = True

    def wake(self, settings: Settings, tenant: str) -> None:
        """Say that spans of a tenant have arrived.

        Args:
            settings: that name the telemetry store
            tenant: whose spans
        """
        with self._lock:
            self._waiting.add(tenant)
            if self._runs and self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, args=(settings,), name="dependencies", daemon=True
                )
                self._thread.start()

    def turn(self, settings: Settings) -> int:
        """Read the dependencies of each tenant that waits, at most every five minutes.

        Args:
            settings: that name the telemetry store

        Returns:
            How many tenants still wait.
        """
        now = self._store.now()
        with self._lock:
            due = [
                one for one in sorted(self._waiting, key=lambda one: (self._tried.get(one, 0), one))
                if one not in self._done or now - self._done[one] >= EVERY
            ]  # fmt: skip
        self._turns += 1
        for tenant in due:
            # Whose spans cannot be read is tried last in the next turn, so that others are read.
            self._tried[tenant] = self._turns
            try:
                observe(self._store, tenant, self._read(settings, tenant, now), "traces")
            except (SentinelError, SQLAlchemyError) as error:
                if not self._failing:
                    log.warning("who calls whom cannot be read, trying again: %s", error)
                self._failing = True
                break
            self._failing = False
            with self._lock:
                self._waiting.discard(tenant)
                self._done[tenant] = now
        with self._lock:
            return len(self._waiting)

    def close(self) -> None:
        """End the thread."""
        with self._lock:
            self._runs = False
            self._stop.set()
            thread, self._thread = self._thread, None
        if thread is not None:
            thread.join(_STOP_WITHIN)

    def _run(self, settings: Settings) -> None:
        try:
            # Spans that have just arrived are not written yet.
            while not self._stop.wait(_BETWEEN):
                self.turn(settings)
                with self._lock:
                    if not self._waiting:
                        self._thread = None
                        return
        except Exception:  # the edge of the thread
            log.exception("reading who calls whom failed; the next spans begin anew")
            with self._lock:
                self._thread = None
