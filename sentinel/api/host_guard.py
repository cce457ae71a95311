"""Refuse requests for a host that is not this one: what a web page asks by DNS rebinding."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from sentinel.api.problems import Problem, answer
from sentinel.links import is_allowed_host
from sentinel.printable import printable

__all__ = ["HostGuard"]


class HostGuard:
    """Answers 421 to requests for a host that is not allowed.

    Args:
        app: answers the others
        allowed: of `sentinel.links.allowed_hosts`
    """

    def __init__(self, app: ASGIApp, allowed: frozenset[str]) -> None:
        self._app = app
        self._allowed = allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        host = Headers(scope=scope).get("host", "") if scope["type"] == "http" else ""
        if is_allowed_host(host, self._allowed):
            await self._app(scope, receive, send)
            return
        problem = Problem(
            421,
            "unknown_host",
            f"{printable(host[:200])} is not a name of this API",
            hint="Add the name to SENTINEL_ALLOWED_HOSTS, if it is one.",
        )
        await answer(Request(scope), problem)(scope, receive, send)
