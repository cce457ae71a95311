"""People at the API: their sessions, recognized by a cookie or a login token.

The database is asked with every request, so that a session that ended anywhere is refused here at
once. Passwords are verified by two threads of their own: each takes 64 MiB and a core for a while.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

from fastapi import Request

from sentinel.access import Principal
from sentinel.access.cookies import COOKIE, is_own_write
from sentinel.access.login_tokens import is_login_token, issue, session_of
from sentinel.access.sessions import Lifetime
from sentinel.api.own_token import login_key
from sentinel.api.problems import Problem
from sentinel.errors import ConfigurationError
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.access.logins import Logins, Refused
from sentinel.store.access.security_log import SecurityLog
from sentinel.store.access.sessions import Begun, FoundSession, Sessions

__all__ = ["SignedIn", "person_of_cookie", "person_of_token"]

_log = logging.getLogger(__name__)
T = TypeVar("T")
MOST_WAITING = 50
"""Logins; more at once are refused."""


class SignedIn:
    """Logs people in and finds their sessions.

    Args:
        store: the shared database
        settings: of the process
    """

    def __init__(self, store: Store, settings: Settings) -> None:
        self.lifetime = Lifetime(settings.session_idle, settings.session_length)
        self._store = store
        self._settings = settings
        self._sessions = Sessions(store, self.lifetime)
        self._logins = Logins(store, self._sessions)
        self._passwords = ThreadPoolExecutor(2, "passwords")
        self._threads = ThreadPoolExecutor(4, "sessions")
        self._waiting = 0
        self._kept_key: str | None = None
        self._warned = False

    def record_in(self, security: SecurityLog) -> None:
        """Have failed logins recorded as security events."""
        self._logins.security = security

    async def log_in(self, name: str, password: str, address: str) -> Begun | Refused:
        """Log a person in.

        Args:
            name: as it was typed
            password: as it was typed
            address: of the client

        Returns:
            As `Logins.log_in`.

        Raises:
            Problem: 503, too many logins wait, or there is no key that could sign a token
        """
        # Before a session is written, which nobody would get.
        if not self.has_key():
            raise Problem(
                503, "unavailable", "nobody can log in here at the moment",
                hint="An admin finds the reason in the log of the API: the key of logins.",
            )  # fmt: skip
        if self._waiting >= MOST_WAITING:
            raise Problem(503, "unavailable", "too many people log in", hint="Try again soon.")
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(
                self._passwords, self._logins.log_in, name, password, address
            )
        finally:
            self._waiting -= 1

    async def with_password(self, change: Callable[[], T]) -> T:
        """Carry out a change that hashes a password, in the threads that verify them.

        Args:
            change: is called as the present principal, for the audit trail

        Returns:
            What it returned.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._passwords, copy_context().run, change)

    async def of_cookie(self, secret: str) -> FoundSession | None:
        """Return the session of a cookie; None where it is none, or ended."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._sessions.find, secret)

    async def of_token(self, text: str) -> FoundSession | None:
        """Return the session of a login token; None where it is none, or ended."""
        if not self.has_key():
            return None
        session = session_of(self._key(), text, self._store.now())
        if session is None:
            return None
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._sessions.find_by_id, session)

    async def end(self, session: str) -> None:
        """End a session, for all processes at once."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._threads, self._sessions.end, session)

    def token(self, found: FoundSession) -> str:
        """Return a login token of a session."""
        return issue(self._key(), found.id, found.principal.name, self._store.now())

    def has_key(self) -> bool:
        """Return whether login tokens can be signed; where they cannot, the log says why, once.

        Anybody may ask for what needs the key, so that the reason, with the path of its file, is
        for the log alone.

        Returns:
            Whether they can. It is tried again each time.
        """
        try:
            self._key()
        except ConfigurationError as error:
            if not self._warned:
                _log.warning("nobody can log in at the API: %s. %s", error.message, error.hint)
            self._warned = True
            return False
        self._warned = False
        return True

    def _key(self) -> str:
        """Return the key of login tokens; the file under home is made when one is first needed."""
        if self._kept_key is None:
            self._kept_key = login_key(self._settings)
        return self._kept_key

    def close(self) -> None:
        """End the threads when they have done what they are at."""
        self._passwords.shutdown(wait=True)
        self._threads.shutdown(wait=True)


async def person_of_cookie(request: Request) -> Principal | None:
    """Return the person whose cookie a request carries.

    Args:
        request: without an Authorization header

    Returns:
        The person; None without a cookie.

    Raises:
        Problem: 401 where the session ended, 403 for a write that another site may have sent
    """
    secret = request.cookies.get(COOKIE)
    if not secret:
        return None
    if not is_own_write(request.method, request.headers):
        raise Problem(
            403,
            "forbidden",
            "a write with a session's cookie must come from a page of this server",
            hint="Browsers say so (Sec-Fetch-Site, Origin). Programs send Authorization: Bearer "
            "TOKEN instead, with the token of POST /api/v1/alerts/login or an API key.",
        )
    people: SignedIn = request.app.state.people
    found = await people.of_cookie(secret)
    if found is None:
        raise Problem(401, "unauthorized", "this session ended", hint="Log in again.")
    request.state.session = found
    return found.principal


async def person_of_token(request: Request, given: str) -> Principal | None:
    """Return the person whose login token a request carries; None where it is no valid one."""
    if not is_login_token(given):
        return None
    people: SignedIn = request.app.state.people
    found = await people.of_token(given)
    if found is None:
        return None
    request.state.session = found
    return found.principal
