"""Middleware that sends a browser from an address without a page to the page it means."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qsl

from starlette.datastructures import Headers
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from dashboard.page_addresses import meant

__all__ = ["AddressRedirects"]

SERVED = ("_stcore", "static", "media", "component", "app", "healthz", "script-health-check")
"""First parts of the paths that Streamlit serves beside its pages."""


class AddressRedirects:
    """Middleware around the dashboard, which redirects pages only.

    Args:
        app: Streamlit's, with its other middleware
        base: returns the dashboard's base path, without slashes around it
        reserved: the first part of the paths of the live API
    """

    def __init__(self, app: ASGIApp, *, base: Callable[[], str], reserved: str) -> None:
        self._app = app
        self._base = base
        self._served = (*SERVED, reserved)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Redirect a browser's request for a page whose address is not its own."""
        target = self._target(scope) if scope["type"] == "http" else None
        if target is None:
            await self._app(scope, receive, send)
            return
        # Not permanent, because a browser would keep it for ever.
        await RedirectResponse(target, status_code=302)(scope, receive, send)

    def _target(self, scope: Scope) -> str | None:
        # A browser asks for HTML where it opens a page, and nowhere else.
        wants_page = "text/html" in Headers(scope=scope).get("accept", "")
        base = f"/{self._base()}".rstrip("/")
        path = scope["path"]
        if scope["method"] != "GET" or not wants_page:
            return None
        if not f"{path}/".startswith(f"{base}/"):
            return None
        inner = path[len(base) :].strip("/")
        if inner.partition("/")[0] in self._served:
            return None
        pairs = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        target = meant(inner, pairs)
        if target is None and path.rstrip("/") != path and inner:
            query = scope["query_string"].decode("latin-1")
            target = f"{inner}?{query}" if query else inner
        return None if target is None else f"{base}/{target}"
