"""Event matching in the relay: matches events as they arrive, under a lease of its own.

The lease only saves work. The transaction that matches an event ensures that it counts once
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

from sentinel.access.security_events import SECURITY_TENANT
from sentinel.errors import SentinelError
from sentinel.evaluation.alert_text import error_text
from sentinel.store import Store

__all__ = ["LEASE", "EventMatching", "matching_in_background"]

log = logging.getLogger(__name__)

LEASE = "events"
_LENGTH = timedelta(seconds=10)
_RENEWED = timedelta(seconds=3)
_BETWEEN = 0.05
_WITHOUT_PACKS = 1.0
"""Self-watch, which every instance has, need not be matched more often."""
_LONGEST_PAUSE = 30.0
_TIDIED = timedelta(minutes=10)


class EventMatching:
    """Matches new events of all packs.

    Args:
        store: the shared database
        holder: identity of this process, for the lease
    """

    def __init__(self, store: Store, holder: str) -> None:
        # Imported here, because a relay without event policies does not need it.
        from sentinel.store.events.matching import PackMatcher

        self._store = store
        self._holder = holder
        self._matching = PackMatcher(store)
        self._mine_until: datetime | None = None
        self._tidied: datetime | None = None
        self._broken: dict[tuple[str, str], tuple[int, float]] = {}

    def turn(self) -> tuple[int, int]:
        """Match the events that have arrived, if this process holds the lease.

        Returns:
            The number of packs beside self-watch, and the number of events evaluated.
        """
        from sentinel.store.events.packs import waiting

        now = self._store.now()
        tenants, due = waiting(self._store, now)
        packs = sum(tenant != SECURITY_TENANT for tenant in tenants)
        if not tenants or not self._holds(now):
            return packs, 0
        matched = 0
        for key in due:
            if self._broken.get(key, (0, 0.0))[1] > time.monotonic():
                continue
            matched += self._match(key)
        if self._tidied is None or now >= self._tidied + _TIDIED:
            self._tidied = now
            self._store.events.forget(now)
        return packs, matched

    def _match(self, key: tuple[str, str]) -> int:
        """Match one micro-batch of a pack; a pack that fails is retried later."""
        try:
            done = self._matching.step(*key)
        except Exception as error:
            # A pack that fails must not stop the others.
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
                    message = f"the events of {key[1]} cannot be matched: {error_text(error)}"
                    self._store.log.write("warning", "events.not_matched", message)
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
        """Match events until `stop` is set, then release the lease."""
        lost = False
        while not stop.is_set():
            try:
                packs, matched = self.turn()
                pause = 0.0 if matched else _BETWEEN if packs else _WITHOUT_PACKS
                lost = False
            except Exception as error:
                # An error must not end the matching of events.
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
            log.warning("the lease on events could not be released; it expires")


@contextmanager
def matching_in_background(store: Store, holder: str) -> Generator[None]:
    """Match events in a thread while the context lasts."""
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
