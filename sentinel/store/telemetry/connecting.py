"""Connecting to a store that may hang: one attempt at a time, which all wait for together."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from threading import Lock, Thread
from typing import Any

from sentinel.errors import TelemetryUnavailable

__all__ = ["Connecting"]


class Connecting:
    """A connection, made when it is first needed.

    An attempt runs in a thread of its own. Who needs the connection waits until `wait` seconds
    after the attempt began, and whoever comes later fails at once, until the attempt ends. So a
    store that hangs costs each thread `wait` seconds at most, and not its own time-outs.

    Args:
        connect: makes a connection
        wait: seconds
        clock: gives seconds that only grow
    """

    def __init__(
        self,
        connect: Callable[[], Any],
        wait: float,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connect = connect
        self._wait = wait
        self._clock = clock
        self._lock = Lock()
        self._attempt: Future[Any] | None = None
        self._until = 0.0

    def get(self) -> Any:
        """Return the connection.

        Returns:
            The same one until it is dropped.

        Raises:
            TelemetryUnavailable: there is none in time
        """
        with self._lock:
            attempt = self._attempt
            if attempt is None or (attempt.done() and attempt.exception() is not None):
                attempt = self._attempt = Future()
                self._until = self._clock() + self._wait
                # A daemon, since a process that ends does not wait for a store that hangs.
                Thread(target=self._run, args=(attempt,), name="telemetry", daemon=True).start()
            left = max(0.0, self._until - self._clock())
        try:
            return attempt.result(left)
        except NotYet:
            if attempt.done():  # the attempt itself ran out of time, or ended just now
                return attempt.result()
            raise TelemetryUnavailable(
                f"the telemetry store does not answer within {self._wait:g} seconds"
            ) from None

    def drop(self, connection: Any) -> None:
        """Connect anew for the next one, unless somebody has done so since.

        Args:
            connection: the one that failed; others may still use it, so it is not closed
        """
        with self._lock:
            attempt = self._attempt
            if attempt is not None and attempt.done() and attempt.exception() is None:
                self._attempt = None if attempt.result() is connection else attempt

    def close(self) -> None:
        """Close the connection, if there is one."""
        with self._lock:
            attempt, self._attempt = self._attempt, None
        if attempt is not None and attempt.done() and attempt.exception() is None:
            attempt.result().close()

    def _run(self, attempt: Future[Any]) -> None:
        try:
            made = self._connect()
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            attempt.set_exception(error)
        else:
            attempt.set_result(made)
