"""The accounts of people with tokens of an outside issuer: the name, or that it is disabled.

What was read is used for `HELD_SECONDS`, as with API keys: an account that is disabled elsewhere is
accepted here for at most that much longer.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

from sentinel.access.outside_names import names_of
from sentinel.api.known_keys import HELD_SECONDS
from sentinel.store import Store
from sentinel.store.access.outside_accounts import OutsideAccounts

__all__ = ["OutsidePeople"]

_MOST = 1_000


class OutsidePeople:
    """Finds the accounts of people with tokens of one issuer.

    Args:
        store: the shared database
        issuer: of the tokens
        monotonic: seconds that only rise
    """

    def __init__(
        self, store: Store, issuer: str, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._accounts = OutsideAccounts(store)
        self._issuer = issuer
        self._monotonic = monotonic
        self._threads = ThreadPoolExecutor(2, "outside")
        self._lock = Lock()
        self._held: OrderedDict[tuple[str, str], tuple[str | None, float]] = OrderedDict()

    async def name(self, subject: str, claim: str) -> str | None:
        """Return the name that somebody acts under.

        Args:
            subject: the claim `sub` of a token that was verified
            claim: the name, as the token says

        Returns:
            The name of the account, where one was made by a login; else that of the claim, or the
            subject where the name belongs to somebody else. None where the account is disabled.

        Raises:
            DatabaseError: the database cannot be used
        """
        held = self._held.get((subject, claim))
        if held is not None and self._monotonic() < held[1]:
            return held[0]
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._read, subject, claim)

    def close(self) -> None:
        """End the threads when they have read what they are at."""
        self._threads.shutdown(wait=True)

    def _read(self, subject: str, claim: str) -> str | None:
        until = self._monotonic() + HELD_SECONDS  # counts from before it was read
        names = names_of(claim, self._issuer, subject)
        found = self._accounts.name(self._issuer, subject, names)
        with self._lock:
            self._held[subject, claim] = (found, until)
            self._held.move_to_end((subject, claim))
            if len(self._held) > _MOST:
                self._held.popitem(last=False)
        return found
