"""Whose page a browser opens, and the first rows of it, made beside Streamlit's event loop."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

import anyio
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.types import Scope

from dashboard import identity, session
from dashboard.first_rows import first_rows, is_opened_page
from dashboard.login_gate import SESSION
from sentinel.access import Principal
from sentinel.errors import SentinelError
from sentinel.settings import settings
from sentinel.store.access.sessions import FoundSession

__all__ = ["AT_ONCE", "OpenedPage"]

log = logging.getLogger("sentinel.dashboard")
AT_ONCE = 4
"""Threads that make first rows, also for pages that were sent without them."""
_WAIT = 0.5
"""Seconds after which the page is sent without rows: it draws them itself, a little later."""


class OpenedPage:
    """Makes the first rows of the live page for whoever opens it.

    Args:
        wait: seconds after which the page is sent without them
        make: makes them, in a thread; what it raises is logged, and no error of the page
    """

    def __init__(
        self, *, wait: float = _WAIT, make: Callable[[Request], bytes] | None = None
    ) -> None:
        self._wait = wait
        self._make = make or _made
        self._lock = threading.Lock()
        self.running = 0
        """Threads that make rows, or are about to."""

    async def rows(self, scope: Scope) -> bytes:
        """Return the first rows of the page that a request opens.

        Args:
            scope: of the request, past the login

        Returns:
            HTML; empty where another page is opened, where nobody opens it, where it takes long,
            or while so many that took long still run
        """
        request = Request(scope)
        if scope["path"].strip("/") != session.base_path() or not is_opened_page(request.headers):
            return b""
        with self._lock:
            if self.running >= AT_ONCE:
                return b""
            self.running += 1
        # An abandoned thread gives its token of a limiter back and runs on, so that no limiter
        # bounds the threads: each is counted until it ends.
        started: list[bool] = []
        try:
            with anyio.move_on_after(self._wait):
                return await anyio.to_thread.run_sync(
                    self._counted, request, started, limiter=anyio.CapacityLimiter(1),
                    abandon_on_cancel=True,
                )  # fmt: skip
        finally:
            with self._lock:
                if not started:  # it was left before its thread began, and never runs
                    started.append(False)
                    self.running -= 1
        return b""

    def _counted(self, request: Request, started: list[bool]) -> bytes:
        with self._lock:
            if started:
                return b""
            started.append(True)
        try:
            return self._make(request)
        except (SentinelError, SQLAlchemyError) as error:  # the page itself says what is wrong
            log.warning("the live page is opened without its first rows: %s", error)
        except Exception:  # the page is opened all the same
            log.exception("the live page is opened without its first rows")
        finally:
            with self._lock:
                self.running -= 1
        return b""


def _made(request: Request) -> bytes:
    who = _who(request)
    return first_rows(session.data(), who, dict(request.query_params)) if who else b""


def _who(request: Request) -> Principal | None:
    """Return who opens a page: whose login it is, whom a proxy names, or whoever works here."""
    found = request.scope.get(SESSION)
    if isinstance(found, FoundSession):
        return found.principal
    header = settings().dashboard_user_header
    if header:
        given = request.headers.getlist(header)
        return identity.unconfined(identity.named(header, given), proxied=True)
    if session.has_login():
        return None
    return identity.unconfined(identity.acting(settings(), ()))
