"""How many passwords of consumers are hashed at once, and how many requests may wait for it.

Each hash takes 64 MiB and a core for a while, and each request that waits takes a thread from all
others. An address has a few of the places at most, so that no single one keeps all others out.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager

__all__ = ["AT_ONCE", "OF_ADDRESS", "PLACES", "NoPlace", "PasswordPlaces"]

AT_ONCE = max(2, min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2))
"""Passwords that are hashed at once: as many as there are cores, from 2 to 8."""
PLACES, OF_ADDRESS = AT_ONCE + 8, 3
"""Requests that hash or wait for it; and those of one address."""


class NoPlace(Exception):
    """There is no place left; `of_address` says whether the address alone has none."""

    def __init__(self, *, of_address: bool) -> None:
        super().__init__("no place is left")
        self.of_address = of_address


class PasswordPlaces:
    """Places of one process.

    Args:
        at_once: passwords that are hashed at once
        places: requests that hash or wait
        of_address: those of one address
    """

    def __init__(
        self, at_once: int = AT_ONCE, places: int = PLACES, of_address: int = OF_ADDRESS
    ) -> None:
        self._hashing = threading.BoundedSemaphore(at_once)
        self._places, self._of_address = places, of_address
        self._taken = Counter[str]()
        self._lock = threading.Lock()

    @contextmanager
    def taken(self, address: str) -> Generator[None]:
        """Wait for the turn of a request.

        Args:
            address: of the client; those whose address is not known share one

        Yields:
            Once: nothing, when a password may be hashed.

        Raises:
            NoPlace: too many wait already
        """
        with self._lock:
            if self._taken[address] >= self._of_address:
                raise NoPlace(of_address=True)
            if self._taken.total() >= self._places:
                raise NoPlace(of_address=False)
            self._taken[address] += 1
        try:
            with self._hashing:
                yield
        finally:
            with self._lock:
                self._taken[address] -= 1
                if not self._taken[address]:
                    del self._taken[address]
