"""Refuse requests for a host that is not this one: what a web page asks by DNS rebinding.

One class for the API and the dashboard, which speaks ASGI and needs no library.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from sentinel.links import is_allowed_host
from sentinel.printable import printable

__all__ = ["Application", "HostGuard", "Receive", "Scope", "Send", "unknown_host"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_POLICY_VIOLATION = 1008
"""Code with which a websocket is closed (RFC 6455, section 7.4.1)."""
MOST_SHOWN = 200
_MOST_KEPT = 100
"""Hosts that passed and are known from then on; each address of the machine is one, per port."""


class HostGuard:
    """Lets requests and websockets for allowed hosts pass, and refuses the others.

    Args:
        app: answers those that pass
        allowed: of `sentinel.links.allowed_hosts`
        refusal: answers the other requests, with status 421; their websockets are closed
    """

    def __init__(self, app: Application, allowed: frozenset[str], refusal: Application) -> None:
        self._app = app
        self._allowed = allowed
        self._refusal = refusal
        self._passed: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or one websocket."""
        kind = scope["type"]
        if kind not in ("http", "websocket") or self._passes(_host(scope)):
            await self._app(scope, receive, send)
        elif kind == "websocket":
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
        else:
            await self._refusal(scope, receive, send)

    def _passes(self, host: str) -> bool:
        """Return whether a host is allowed; to read it takes as long as much of a request."""
        if host in self._passed:
            return True
        if not is_allowed_host(host, self._allowed):
            return False
        if len(host) <= MOST_SHOWN and len(self._passed) < _MOST_KEPT:
            self._passed.add(host)
        return True


def unknown_host(scope: Scope) -> str:
    """Return the host that a refused request named, ready to be shown."""
    return printable(_host(scope)[:MOST_SHOWN])


def _host(scope: Scope) -> str:
    """Return the header `Host` of a request; empty where it has none."""
    headers: list[tuple[bytes, bytes]] = list(scope.get("headers") or ())
    return next((value.decode("latin-1") for name, value in headers if name == b"host"), "")
