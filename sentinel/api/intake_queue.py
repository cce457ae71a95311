"""Bounds the batches of a process, and the time that its end waits for a store that hangs."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any, TypeVar

__all__ = ["IntakeQueue", "QueueFull"]

T = TypeVar("T")
log = logging.getLogger(__name__)

_AT_ONCE, _MOST_WAITING = 3, 24
"""Batches that a process writes at once, and those that it holds, waiting ones included."""
_CLOSING_SECONDS = 5.0


class QueueFull(Exception):
    """As many batches wait as may."""


class IntakeQueue:
    """Runs the work on batches in threads of its own, in order.

    Batches that wait hold their bodies in memory, so their number is bounded. The threads are
    daemons: a process that ends does not wait for a store that hangs.

    Args:
        at_once: batches that are worked on at a time
        most: batches that are held, waiting ones included
    """

    def __init__(self, at_once: int = _AT_ONCE, most: int = _MOST_WAITING) -> None:
        self._at_once = at_once
        self._most = most
        self._lock = Lock()
        self._waiting: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._threads: list[Thread] = []
        self.held = 0

    async def run(self, work: Callable[[], T]) -> T:
        """Run the work on a batch in a thread, after those before it.

        Args:
            work: what to do

        Returns:
            Its result.

        Raises:
            QueueFull: too many batches are here already
        """
        return await asyncio.wrap_future(self._submit(work))

    def aside(self, work: Callable[[], object]) -> None:
        """Run work that nobody waits for, where there is room.

        Args:
            work: what to do; what it raises is logged
        """
        try:
            self._submit(work).add_done_callback(_log_failure)
        except QueueFull:
            log.warning("too many batches wait: refused records are not counted")

    def _submit(self, work: Callable[[], T]) -> Future[T]:
        made: Future[T] = Future()
        with self._lock:
            if self.held >= self._most:
                raise QueueFull
            self.held += 1
            if len(self._threads) < min(self._at_once, self.held):
                thread = Thread(target=self._work, name="telemetry intake", daemon=True)
                self._threads.append(thread)
                thread.start()
        self._waiting.put((made, work))
        return made

    def _work(self) -> None:
        while (found := self._waiting.get()) is not None:
            future, work = found
            try:
                if future.set_running_or_notify_cancel():
                    _finish(future, work)
            finally:
                with self._lock:
                    self.held -= 1
            del found, future, work  # the body, which is up to 16 MB

    def close(self, seconds: float = _CLOSING_SECONDS) -> None:
        """Finish what waits, for some seconds, and end the threads.

        Args:
            seconds: at most; batches that are not written then get no answer, and are sent again
        """
        until = time.monotonic() + seconds
        with self._lock:
            threads, self._threads = self._threads, []
        for _ in threads:
            self._waiting.put(None)
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))


def _finish(future: Future[Any], work: Callable[[], Any]) -> None:
    try:
        result = work()
    except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
        future.set_exception(error)
    else:
        future.set_result(result)


def _log_failure(future: Future[Any]) -> None:
    if not future.cancelled() and (error := future.exception()) is not None:
        log.warning("refused records are not counted: %s", error)
