"""Threads that ask the database, so that a slow database and a busy process are told apart.

At most `THREADS` questions are asked at once, and `MOST_WAITING` wait for a thread. A question that
a thread has asked for longer than it may take means that the database is slow or away. One that
got no thread in that time means that this process has more to ask than it can, unless every thread
has itself waited that long.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

__all__ = ["MOST_WAITING", "THREADS", "Busy", "Late", "Workers"]

THREADS, MOST_WAITING = 4, 64
T = TypeVar("T")


class Late(Exception):
    """The database did not answer in time."""


class Busy(Exception):
    """More is asked than the threads can ask; the database may be well."""


class Workers:
    """Does work in a few threads.

    Args:
        name: of the threads
    """

    def __init__(self, name: str) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix=name)
        self._lock = threading.RLock()
        self._began: dict[int, float] = {}
        self._there = 0
        self._last = 0

    async def do(self, work: Callable[[Any], T], given: Any, patience: float) -> T:
        """Do work and wait for it.

        Args:
            work: takes what is given
            given: for the work
            patience: seconds for which it may wait for a thread, and then be at work

        Returns:
            What the work returned; its errors are raised.

        Raises:
            Late: it was at work for longer, or every thread is
            Busy: too much waits, or it got no thread in time
        """
        with self._lock:
            if self._there >= THREADS + MOST_WAITING:
                raise Late if self._stuck(patience) else Busy
            self._there += 1
            number = self._next()
        submitted = self._threads.submit(self._at_work, number, lambda: work(given))
        submitted.add_done_callback(self._left)
        asked = asyncio.wrap_future(submitted)
        asked.add_done_callback(_seen)  # also where nobody waits for it any more
        done, _ = await asyncio.wait((asked,), timeout=patience)
        if done:
            return asked.result()
        began = self._began.get(number)
        if began is not None:
            left = began + patience - time.monotonic()
            done, _ = await asyncio.wait((asked,), timeout=max(0.0, left))
            if done:
                return asked.result()
            raise Late
        if submitted.cancel():
            raise Late if self._stuck(patience) else Busy
        done, _ = await asyncio.wait((asked,), timeout=patience)  # a thread has just taken it
        if done:
            return asked.result()
        raise Late

    def in_background(self, work: Callable[[], object]) -> None:
        """Do work that nobody waits for; a thread that it holds counts as at work, too."""
        with self._lock:
            number = self._next()
        self._threads.submit(self._at_work, number, work)

    def close(self) -> None:
        """Begin no further work."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _next(self) -> int:
        self._last += 1
        return self._last

    def _at_work(self, number: int, work: Callable[[], T]) -> T:
        with self._lock:
            self._began[number] = time.monotonic()
        try:
            return work()
        finally:
            with self._lock:
                self._began.pop(number, None)

    def _left(self, _: object) -> None:
        with self._lock:
            self._there -= 1

    def _stuck(self, patience: float) -> bool:
        with self._lock:
            began = list(self._began.values())
        late = time.monotonic() - patience
        return len(began) >= THREADS and all(one <= late for one in began)


def _seen(asked: asyncio.Future[Any]) -> None:
    if not asked.cancelled():
        asked.exception()
