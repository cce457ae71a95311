"""The API keys that this process has seen lately, so that a request costs no query of its own.

What was read is used for `HELD_SECONDS`. A key that this process revokes or rotates is read anew at
once; one that another process revokes is accepted here for at most `HELD_SECONDS` longer. An
expiry is compared with the clock at each request.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from threading import Lock

import msgspec

from sentinel.access import Principal
from sentinel.access.keys import matches, prefix_of
from sentinel.store import Store
from sentinel.store.access.keys import USED_EVERY, Keys, StoredKey

__all__ = ["HELD_SECONDS", "KnownKeys"]

HELD_SECONDS = 5.0
"""How long another process may still accept a key that was revoked."""
_MOST = 1_000
_NOBODY = "0" * 64
_log = logging.getLogger(__name__)


class _Held(msgspec.Struct, frozen=True):
    found: StoredKey | None
    until: float


class KnownKeys:
    """Recognizes API keys.

    Args:
        store: the shared database
        monotonic: seconds that only rise
    """

    def __init__(self, store: Store, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._keys = Keys(store)
        self._monotonic = monotonic
        self._threads = ThreadPoolExecutor(2, "keys")
        self._lock = Lock()
        self._held: OrderedDict[str, _Held] = OrderedDict()
        self._asked: dict[str, Future[StoredKey | None]] = {}
        self._used: dict[str, datetime] = {}
        self._generation = 0

    async def principal(self, given: str) -> Principal | None:
        """Return whose key `given` is.

        Args:
            given: the text of a bearer token

        Returns:
            The principal of a valid key; None for anything else.
        """
        prefix = prefix_of(given)
        if prefix is None:
            return None
        held = self._held.get(prefix)
        if held is None or self._monotonic() >= held.until:
            found = await self._read(prefix)
        else:
            found = held.found
        # A comparison for an unknown prefix too, so that the time says nothing of prefixes.
        same = matches(given, _NOBODY if found is None else found.hash)
        if found is None or not same:
            return None
        now = self._store.now()
        if found.expires_at is not None and found.expires_at <= now:
            return None
        self._note_used(found.principal.id, now)
        return found.principal

    def name_of(self, given: str) -> str:
        """Return the name of the key whose prefix a refused text has, as it was read just now.

        Args:
            given: the text of a bearer token that is not accepted

        Returns:
            The name; empty where there is no such key.
        """
        held = self._held.get(prefix_of(given) or "")
        return "" if held is None or held.found is None else held.found.principal.name

    def forget(self) -> None:
        """Read every key anew at its next use: one of them was changed."""
        with self._lock:
            self._held.clear()
            self._asked.clear()
            self._generation += 1

    def close(self) -> None:
        """End the threads when they have written what they are at."""
        self._threads.shutdown(wait=True)

    async def _read(self, prefix: str) -> StoredKey | None:
        with self._lock:
            future = self._asked.get(prefix)
            if future is None:
                read = self._threads.submit(self._find, prefix, self._generation)
                future = self._asked[prefix] = read
        return await asyncio.shield(asyncio.wrap_future(future))

    def _find(self, prefix: str, generation: int) -> StoredKey | None:
        until = self._monotonic() + HELD_SECONDS  # counts from before it was read
        try:
            found = self._keys.find(prefix)
            with self._lock:
                if generation == self._generation:  # else it was changed since
                    self._held[prefix] = _Held(found, until)
                    self._held.move_to_end(prefix)
                    if len(self._held) > _MOST:
                        self._held.popitem(last=False)
            return found
        finally:
            with self._lock:
                if generation == self._generation:
                    self._asked.pop(prefix, None)

    def _note_used(self, key_id: str, now: datetime) -> None:
        before = self._used.get(key_id)
        if before is None or now - before >= USED_EVERY:
            self._used[key_id] = now
            self._threads.submit(self._write_used, key_id, now)

    def _write_used(self, key_id: str, now: datetime) -> None:
        try:
            self._keys.note_used(key_id, now)
        except Exception:  # noqa: BLE001 - whatever the database says
            # The request is answered all the same; the next one a minute later writes it.
            _log.warning("the last use of the key %s was not written", key_id, exc_info=True)
