"""The public keys by which the middleware reads offline tokens: given, or those that sign now."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal

from sentinel.asgi.workers import Busy
from sentinel.store import Store
from sentinel.store.api_usage.signing_keys import SigningKeys

__all__ = ["FOLLOW_SECONDS", "Away", "OfflineKeys", "PublicKeys"]

_Read = Callable[[object], Mapping[str, Any]]
PublicKeys = Mapping[str, Any] | Literal["stored"]
FOLLOW_SECONDS = 60.0
"""For so long the stored keys are used before they are read again."""


class Away(Exception):
    """The database did not answer in time."""


class OfflineKeys:
    """A JWK Set that stays as it is, or follows the database.

    While the database is away the last known keys stay.

    Args:
        store: the shared database
        given: the set, or `stored`
        ask: does work on the database in a thread; raises `Away` or `Busy`
        monotonic: seconds that only rise
    """

    def __init__(
        self, store: Store, given: PublicKeys,
        ask: Callable[[_Read, object], Awaitable[Mapping[str, Any]]],
        monotonic: Callable[[], float],
    ) -> None:  # fmt: skip
        self._signing = SigningKeys(store)
        self._fixed = not isinstance(given, str)
        self._keys: Mapping[str, Any] | None = None if isinstance(given, str) else given
        self._ask, self._monotonic = ask, monotonic
        self._due = 0.0

    async def now(self) -> Mapping[str, Any]:
        """Return the keys; raises `Away` or `Busy` where none were ever read."""
        if self._keys is None:
            self._keys = await self._ask(self._read, None)
            self._due = self._monotonic() + FOLLOW_SECONDS
        elif not self._fixed and self._monotonic() >= self._due:
            self._due = self._monotonic() + FOLLOW_SECONDS  # others go on by what is known
            try:
                self._keys = await self._ask(self._read, None)
            except (Away, Busy):
                return self._keys
        return self._keys

    def _read(self, _: object) -> Mapping[str, Any]:
        return self._signing.public()
