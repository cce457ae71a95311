"""Whether Prefect answers: checked in the background, or once by hand."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import httpx
import msgspec

__all__ = ["ConnectionResult", "ConnectionWatch", "check_connection", "check_page"]


class ConnectionResult(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a Prefect API answered, and what to tell people.

    Attributes:
        ok: whether it answered
        text: for people
        needs_login: it answered that it requires credentials; none were sent
    """

    ok: bool
    text: str
    needs_login: bool = False


class ConnectionWatch:
    """Whether a service answers, checked in the background so that no screen waits for it.

    Args:
        ask: returns whether it answers; may take seconds
        clock: returns the current time
        every: how old an answer may be
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
        """Return the last answer, None where there is none yet; ask again where it is old."""
        now = self._clock()
        with self._lock:
            if self._asked is None or not timedelta(0) <= now - self._asked < self._every:
                self._asked = now
                threading.Thread(target=self._check, name="watch-prefect", daemon=True).start()
            return self._answer

    def _check(self) -> None:
        answer = self._ask()
        with self._lock:
            self._answer = answer


def check_connection(url: str) -> ConnectionResult:
    """Check whether a Prefect API answers at `url`, without any credentials."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        return ConnectionResult(
            ok=False, text=f"{url} is not a web address: write http://host:4200/api"
        )
    try:
        answer = httpx.get(f"{url.rstrip('/')}/health", timeout=5.0)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return ConnectionResult(ok=False, text=f"{url}: {error}")
    if answer.status_code in (401, 403):
        return ConnectionResult(
            ok=True, text=f"{url} answers and requires credentials", needs_login=True
        )
    if not answer.is_success:
        hint = "" if parts.path.rstrip("/").endswith("/api") else " Does the address end in /api?"
        return ConnectionResult(ok=False, text=f"{url} answers {answer.status_code}.{hint}")
    return ConnectionResult(ok=True, text=url)


def check_page(url: str) -> ConnectionResult:
    """Check whether a web page answers at `url`, without any credentials."""
    try:
        answer = httpx.get(url, timeout=5.0)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return ConnectionResult(ok=False, text=f"{url}: {error}")
    # A page behind a login redirects, or refuses us; a person can sign in.
    if answer.status_code == 404 or answer.is_server_error:
        return ConnectionResult(ok=False, text=f"{url} answers {answer.status_code}")
    return ConnectionResult(ok=True, text=url)
