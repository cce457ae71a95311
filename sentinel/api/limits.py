"""Middleware for every request: a request id, and limits on the size of bodies.

A body counts by what arrives of it, whatever its headers claim. Routes that take what other systems
send in a storm allow more (`allow`); what all requests hold together is bounded too, so that a
storm costs time and not memory.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import re
import secrets
import time

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["MOST_BYTES", "MOST_INTAKE_BYTES", "MOST_TOGETHER", "Limits", "allow"]

MOST_BYTES = 1_048_576
"""Largest size of a body, in bytes: 1 MiB."""
MOST_INTAKE_BYTES = 32 * MOST_BYTES
"""Largest size of a body of samples, events or a webhook: 32 MiB, some 45,000 alerts."""
PART_SECONDS, BODY_SECONDS = 20.0, 300.0
"""How long the next part of a body may take, and the whole of it; then the answer is 408."""
MOST_TOGETHER = 2 * MOST_INTAKE_BYTES
"""What the bodies of all requests of a process may hold at once; beyond it, the answer is 503."""

_STATE = "most_bytes"
_log = logging.getLogger("sentinel.api")

_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_PROCESS, _REQUESTS = secrets.token_hex(5), itertools.count()
"""Ids are unique and no secret: random bytes for each would be a system call for each."""


def allow(request: Request, most: int = MOST_INTAKE_BYTES) -> None:
    """Allow the body of this request to be as large as `most` bytes, before it is read."""
    setattr(request.state, _STATE, most)


class Limits:
    """Gives each request an id, and reads a bounded number of bytes of its body.

    Args:
        app: that is served
        most: bytes of a body, where the route does not `allow` more
        together: bytes of all bodies that are being read or worked on
    """

    def __init__(self, app: ASGIApp, most: int = MOST_BYTES, together: int = MOST_TOGETHER) -> None:
        self._app = app
        self._most = most
        self._together = together
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = announced = ""
        for name, value in scope["headers"]:
            if name == b"x-request-id":
                given = given or value.decode("latin-1")
            elif name == b"content-length":
                announced = announced or value.decode("latin-1")
        request_id = given if _ID.fullmatch(given) else _new_id()
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        claims = int(announced) if announced.isdecimal() and len(announced) < 20 else 0
        named_so = (b"x-request-id", request_id.encode())
        read = 0
        unread, began = True, time.monotonic()

        async def bounded() -> Message:
            nonlocal read, unread
            most: int = state.get(_STATE, self._most)
            # Raised here, so that the error goes through the same handlers as every other one.
            if claims > most:
                raise _too_large(most)
            message = await _in_time(receive, began) if unread else await receive()
            if message["type"] == "http.request":
                unread = bool(message.get("more_body"))
                size = len(message.get("body", b""))
                if read + size > most:
                    raise _too_large(most)
                if read and self._held + size > self._together:
                    raise HTTPException(
                        503, "too many large bodies at once", headers={"Retry-After": "1"}
                    )
                read += size
                self._held += size
            return message

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                if _log.isEnabledFor(logging.DEBUG):
                    _log_answer(scope, message["status"], time.monotonic() - began)
                # Where an error's answer names it already, this is the same one.
                message["headers"] = [
                    *(one for one in message.get("headers", ()) if one[0] != b"x-request-id"),
                    named_so,
                ]
            await send(message)

        try:
            await self._app(scope, bounded, named)
        finally:
            self._held -= read


def _log_answer(scope: Scope, status: int, seconds: float) -> None:
    """Log a request by the template of its route: a path or a query may hold a secret."""
    path = getattr(scope.get("route"), "path", "no route")
    _log.debug(
        "request %s: %s %s: %d in %.1f ms", scope["state"]["request_id"], scope["method"], path,
        status, seconds * 1000,
    )  # fmt: skip


def _new_id() -> str:
    return f"{_PROCESS}{next(_REQUESTS) & 0xFFFFFFFF:08x}"


async def _in_time(receive: Receive, began: float) -> Message:
    """Return the next part of a body, which must not take too long to come."""
    left = min(PART_SECONDS, began + BODY_SECONDS - time.monotonic())
    try:
        async with asyncio.timeout(max(0.0, left)):
            return await receive()
    except TimeoutError:
        raise HTTPException(
            408, "the body did not arrive in time", headers={"Connection": "close"}
        ) from None


def _too_large(most: int) -> HTTPException:
    return HTTPException(413, f"the body is larger than {most:,} bytes")
