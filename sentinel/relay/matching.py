"""The relay's share of events: it matches them as they arrive, under a lease of its own.

The lease only saves work: that an event counts once is settled in the transaction that matches it
(`sentinel.store.events.matching`).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime, timedelta

from sqlalchemy.exc import SQLAlchemyError

from sentinel.errors import SentinelError
from sentinel.evaluation.alert_text import error_text
from sentinel.store import Store

__all__ = ["LEASE", "EventMatching", "matching_beside"]

log = logging.getLogger(__name__)

LEASE = "events"
_LENGTH = timedelta(seconds=10)
_RENEWED = timedelta(seconds=3)
_BETWEEN = 0.05
_WITHOUT_PACKS = 1.0
_LONGEST_PAUSE = 30.0
_TIDIED = timedelta(minutes=10)


class EventMatching:
    """One loop over the packs for which events have come.

    Args:
        store: the shared database
        holder: who this process is, for the lease
    """

    def __init__(self, store: Store, holder: str) -> None:
        # Imported here: a relay without any policy never compiles one.
        from sentinel.store.events.matching import PackMatcher

        self._store = store
        self._holder = holder
        self._matching = PackMatcher(store)
        self._mine_until: datetime | None = None
        self._tidied: datetime | None = None
        self._broken: dict[tuple[str, str], tuple[int, float]] = {}

    def turn(self) -> tuple[int, int]:
        """Match what has come, if this process holds the lease.

        Returns:
            How many packs there are, and how many events were looked at.
        """
        from sentinel.store.events.packs import waiting

        now = self._store.now()
        packs, due = waiting(self._store, now)
        if not packs or not self._holds(now):
            return packs, 0
        looked = 0
        for key in due:
            if self._broken.get(key, (0, 0.0))[1] > time.monotonic():
                continue
            looked += self._match(key)
        if self._tidied is None or now >= self._tidied + _TIDIED:
            self._tidied = now
            self._store.events.forget(now)
        return packs, looked

    def _match(self, key: tuple[str, str]) -> int:
        """One micro-batch; a pack that fails is left alone for a while, and the others go on."""
        try:
            done = self._matching.step(*key)
        except Exception as error:
            # The edge of the loop: whatever it was, the other packs must go on.
            failures = self._broken.get(key, (0, 0.0))[0] + 1
            pause = min(_LONGEST_PAUSE, 2.0 ** min(failures, 10) / 2)
            self._broken[key] = failures, time.monotonic() + pause
            if failures == 1:
                expected = isinstance(error, SentinelError | SQLAlchemyError)
                log.warning(
                    "events cannot be matched for %s, trying again: %s", key[1], error,
                    exc_info=None if expected else error,
                )  # fmt: skip
                if not isinstance(error, SQLAlchemyError):
                    told = f"the events of {key[1]} cannot be matched: {error_text(error)}"
                    self._store.log.write("warning", "events.not_matched", told)
            return 0
        if self._broken.pop(key, None):
            log.info("events are matched for %s again", key[1])
        return done.events

    def _holds(self, now: datetime) -> bool:
        if self._mine_until is not None and now < self._mine_until:
            return True
        mine = self._store.leases.take(LEASE, self._holder, _LENGTH)
        self._mine_until = now + _RENEWED if mine else None
        return mine

    def run(self, stop: threading.Event) -> None:
        """Turn until `stop` is set, then give the lease back."""
        lost = False
        while not stop.is_set():
            try:
                packs, looked = self.turn()
                pause = 0.0 if looked else _BETWEEN if packs else _WITHOUT_PACKS
                lost = False
            except Exception as error:
                # The edge of the loop: whatever it was, events must go on being matched.
                if not lost:
                    expected = isinstance(error, SentinelError | SQLAlchemyError)
                    log.error(
                        "events cannot be matched, trying again: %s", error,
                        exc_info=None if expected else error,
                    )  # fmt: skip
                lost, pause = True, _WITHOUT_PACKS
            stop.wait(pause)
        try:
            self._store.leases.release(LEASE, self._holder)
        except (SentinelError, SQLAlchemyError):
            log.warning("the lease on events could not be given back; it runs out by itself")


@contextmanager
def matching_beside(store: Store, holder: str) -> Generator[None]:
    """Match events in a thread of its own while the block lasts."""
    stop = threading.Event()
    thread = threading.Thread(
        target=EventMatching(store, holder).run, args=(stop,), name="events", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(10)
