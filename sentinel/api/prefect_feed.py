"""Copies Prefect's logs and runs to the telemetry store in a thread of the API, if it is asked to.

One process at a time does, by a lease; the others wait.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Callable
from datetime import timedelta
from functools import partial

from sqlalchemy.exc import SQLAlchemyError

from sentinel.errors import SentinelError
from sentinel.ingest.prefect_history import PrefectHistory
from sentinel.ingest.telemetry import TelemetryIntake
from sentinel.prefect_client.history import RunHistory
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.events.log_policies import LogPolicies
from sentinel.store.telemetry.client import telemetry_client

__all__ = ["LEASE", "PrefectFeed"]

log = logging.getLogger(__name__)

LEASE = "prefect_history"
_LENGTH = timedelta(minutes=5)
"""A turn may read 200 runs and 5,000 lines of a busy server; nobody else is to begin meanwhile."""
_BETWEEN, _LONGEST_PAUSE, _STOP_WITHIN = 5.0, 300.0, 5.0


class PrefectFeed:
    """Copies what is new between `start` and `close`.

    Args:
        store: the shared database, for the lease
        policies: over log lines
        arrived: called with the settings when log lines are on disk
        spans_arrived: called with the settings and the tenant when spans are
    """

    def __init__(
        self,
        store: Store,
        policies: LogPolicies,
        arrived: Callable[[Settings], None] = lambda _: None,
        spans_arrived: Callable[[Settings, str], None] = lambda _, __: None,
    ) -> None:
        self._store = store
        self._arrived = arrived
        self._spans_arrived = spans_arrived
        self._policies = policies
        self._holder = f"{socket.gethostname()}:{os.getpid()}:{id(self)}"
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._failures = 0
        self._history: PrefectHistory | None = None

    def start(self, settings: Settings) -> None:
        """Start to copy, where the settings ask for it.

        Args:
            settings: that name Prefect and the telemetry store
        """
        if settings.prefect_telemetry:
            self._thread = threading.Thread(
                target=self._run, args=(settings,), name="prefect history", daemon=True
            )
            self._thread.start()

    def turn(self, settings: Settings) -> float:
        """Copy what is new, if this process holds the lease.

        Args:
            settings: that name Prefect and the telemetry store

        Returns:
            Seconds until the next turn.
        """
        try:
            if not self._store.leases.take(LEASE, self._holder, _LENGTH):
                self._history = None  # whoever copies meanwhile gets further
                return _BETWEEN
            if self._history is None:
                self._history = self._made(settings)
            more = self._history.turn(self._store.now())
        except (SentinelError, SQLAlchemyError) as error:
            if not self._failures:
                log.warning("Prefect's logs and runs cannot be copied, trying again: %s", error)
            self._failures += 1
            return min(_LONGEST_PAUSE, _BETWEEN * 2 ** min(self._failures, 6))
        if self._failures:
            log.info("Prefect's logs and runs are copied again")
            self._failures = 0
        return 0.0 if more else _BETWEEN

    def _made(self, settings: Settings) -> PrefectHistory:
        intake = TelemetryIntake(
            settings, self._store.clock, self._store.metrics, policies=self._policies,
            arrived=partial(self._arrived, settings),
            spans_arrived=partial(self._spans_arrived, settings),
        )  # fmt: skip
        reader = telemetry_client(settings)
        return PrefectHistory(RunHistory.of(settings), intake, reader, settings.prefect_telemetry)

    def close(self) -> None:
        """End the thread, and release the lease."""
        self._stop.set()
        if self._thread is None:
            return
        self._thread.join(_STOP_WITHIN)
        if self._thread.is_alive():
            return  # it may still write: the lease expires
        try:
            self._store.leases.release(LEASE, self._holder)
        except (SentinelError, SQLAlchemyError):
            log.warning("the lease of Prefect's logs and runs could not be released; it expires")

    def _run(self, settings: Settings) -> None:
        pause = 0.0
        while not self._stop.wait(pause):
            try:
                pause = self.turn(settings)
            except Exception:  # the edge of the thread
                log.exception("copying Prefect's logs and runs failed; it is tried again")
                self._history, pause = None, _LONGEST_PAUSE
