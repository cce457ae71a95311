"""Middleware for every request: a request id, and a limit on the size of the body."""

from __future__ import annotations

import re
import secrets

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["MOST_BYTES", "Limits"]

MOST_BYTES = 1_048_576
"""Largest size of a body, in bytes: 1 MiB."""

_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class Limits:
    """Gives each request an id, and reads at most `most` bytes of its body."""

    def __init__(self, app: ASGIApp, most: int = MOST_BYTES) -> None:
        self._app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        request_id = given if _ID.fullmatch(given) else secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = request_id
        announced = headers.get("content-length", "")
        read = int(announced) if announced.isdecimal() else 0

        async def bounded() -> Message:
            nonlocal read
            # A body that is too long by its Content-Length is rejected here, so that the error
            # goes through the same handlers as every other one.
            if read > self._most:
                raise self._too_large()
            message = await receive()
            if message["type"] == "http.request" and not announced:
                read += len(message.get("body", b""))
                if read > self._most:
                    raise self._too_large()
            return message

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["X-Request-Id"] = request_id
            await send(message)

        await self._app(scope, bounded, named)

    def _too_large(self) -> HTTPException:
        return HTTPException(413, f"the body is larger than {self._most:,} bytes")
