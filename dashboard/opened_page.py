"""Whose page a browser opens, and the first rows of it, made beside Streamlit's event loop."""

from __future__ import annotations

import logging

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

__all__ = ["OpenedPage"]

log = logging.getLogger("sentinel.dashboard")
_AT_ONCE = 4
_WAIT = 0.5
"""Seconds after which the page is sent without rows: it draws them itself, a little later."""


class OpenedPage:
    """Makes the first rows of the live page for whoever opens it."""

    def __init__(self) -> None:
        self._threads: anyio.CapacityLimiter | None = None

    async def rows(self, scope: Scope) -> bytes:
        """Return the first rows of the page that a request opens.

        Args:
            scope: of the request, past the login

        Returns:
            HTML; empty where another page is opened, where nobody opens it, or where it takes long
        """
        request = Request(scope)
        if scope["path"].strip("/") != session.base_path() or not is_opened_page(request.headers):
            return b""
        if self._threads is None:
            self._threads = anyio.CapacityLimiter(_AT_ONCE)
        with anyio.move_on_after(_WAIT):
            return await anyio.to_thread.run_sync(
                _made, request, limiter=self._threads, abandon_on_cancel=True
            )
        return b""


def _made(request: Request) -> bytes:
    try:
        who = _who(request)
        if who is None:
            return b""
        return first_rows(session.data(), who, dict(request.query_params))
    except (SentinelError, SQLAlchemyError) as error:  # the page itself says what is wrong
        log.warning("the live page is opened without its first rows: %s", error)
        return b""


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
