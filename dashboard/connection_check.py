"""Whether something else answers: watched in the background, or asked once by hand."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import httpx
import msgspec

__all__ = ["Tested", "Watch", "reached"]


class Tested(msgspec.Struct, frozen=True, kw_only=True):
    """What came of asking a Prefect API, in words."""

    ok: bool
    says: str


class Watch:
    """Whether something answers, asked in the background so that no screen waits for it.

    Args:
        ask: may take seconds
        every: how old an answer may be
        clock: tells the time
    """

    def __init__(
        self, ask: Callable[[], bool], clock: Callable[[], datetime], every: timedelta
    ) -> None:
        self._ask = ask
        self._clock = clock
        self._every = every
        self._asked: datetime | None = None
        self._answer: bool | None = None
        self._lock = threading.Lock()

    def answers(self) -> bool | None:
        """The last answer, None where there is none yet; asks again where that is old."""
        now = self._clock()
        with self._lock:
            if self._asked is None or not timedelta(0) <= now - self._asked < self._every:
                self._asked = now
                threading.Thread(target=self._look, name="watch-prefect", daemon=True).start()
            return self._answer

    def _look(self) -> None:
        answer = self._ask()
        with self._lock:
            self._answer = answer


def reached(url: str) -> Tested:
    """Ask whether a Prefect API answers at `url`, without any credentials."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        return Tested(ok=False, says=f"{url} is no web address: write http://host:4200/api")
    try:
        answer = httpx.get(f"{url.rstrip('/')}/health", timeout=5.0)
    except httpx.HTTPError as error:
        return Tested(ok=False, says=f"{url}: {error}")
    if answer.status_code in (401, 403):
        return Tested(ok=True, says=f"{url} answers and wants credentials")
    if not answer.is_success:
        hint = "" if parts.path.rstrip("/").endswith("/api") else " Does the address end in /api?"
        return Tested(ok=False, says=f"{url} answers {answer.status_code}.{hint}")
    return Tested(ok=True, says=url)
