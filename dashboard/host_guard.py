"""Refuse requests for a host that is not this one: what a web page asks by DNS rebinding."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from sentinel.links import is_allowed_host
from sentinel.printable import printable

__all__ = ["HostGuard"]


class HostGuard:
    """Answers 421 to requests for a host that is not allowed, and closes their websockets.

    Args:
        app: answers the others
        allowed: of `sentinel.links.allowed_hosts`
    """

    def __init__(self, app: ASGIApp, allowed: frozenset[str]) -> None:
        self._app = app
        self._allowed = allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or one websocket."""
        kind = scope["type"]
        host = Headers(scope=scope).get("host", "") if kind in ("http", "websocket") else ""
        if is_allowed_host(host, self._allowed):
            await self._app(scope, receive, send)
        elif kind == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            says = (
                f"{printable(host[:200])} is not a name of this dashboard. Add it to "
                "SENTINEL_ALLOWED_HOSTS, if it is one.\n"
            )
            await PlainTextResponse(says, status_code=421)(scope, receive, send)
