"""ClickHouse's HTTP interface on top of the engine, as far as clients use it."""

from __future__ import annotations

import asyncio
import base64
import gzip
import hmac
import io
import zlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from sentinel.telemetry_server.engine import Busy, Engine, StatementFailed
from sentinel.telemetry_server.statements import BadRequest, read_request

__all__ = ["MOST_BYTES", "READER", "WRITER", "application"]

WRITER, READER = "sentinel", "reader"
"""The users: one may do all, the other only read."""
MOST_BYTES = 256 * 1024 * 1024
"""Largest size of a request's body in bytes, as it comes and unpacked."""
_MOST_AT_ONCE = 64
"""Requests that are worked on or wait for a connection; the next one is refused."""
_AUTHENTICATION_FAILED, _TOO_MANY, _TOO_LARGE, _SYNTAX = 516, 202, 307, 62
"""ClickHouse's numbers for these errors."""


def application(engine: Engine, passwords: Mapping[str, str]) -> Starlette:
    """Build the application.

    Args:
        engine: that runs the statements
        passwords: of `WRITER` and `READER`

    Returns:
        The application, ready to be served.
    """
    door = _Door(engine, passwords)
    routes = [
        Route("/ping", _ping, methods=["GET"]),
        Route("/", door.answer, methods=["GET", "POST"]),
    ]
    return Starlette(routes=routes)


async def _ping(request: Request) -> Response:
    del request
    return PlainTextResponse("Ok.\n")


class _Refused(Exception):
    def __init__(self, status: int, code: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.code = code


class _Door:
    def __init__(self, engine: Engine, passwords: Mapping[str, str]) -> None:
        self._engine = engine
        self._passwords = passwords
        limits = engine.limits
        # Threads of their own, and some that wait for a connection: queries that wait hold up no
        # insert, and inserts no query.
        self._readers = ThreadPoolExecutor(limits.readers + 4, "query")
        self._writers = ThreadPoolExecutor(limits.writers + 4, "change")
        self._now = 0

    async def answer(self, request: Request) -> Response:
        """Answer one request."""
        try:
            user = self._user(request)
            if self._now >= _MOST_AT_ONCE:
                raise _Refused(503, _TOO_MANY, "too many requests at once")
            self._now += 1
            try:
                return await self._run(request, user)
            finally:
                self._now -= 1
        except _Refused as error:
            return _problem(error.status, error.code, f"Code: {error.code}. {error}")
        except BadRequest as error:
            return _problem(400, _SYNTAX, f"Code: {_SYNTAX}. {error}")
        except Busy:
            return _problem(503, _TOO_MANY, f"Code: {_TOO_MANY}. all connections are in use")
        except StatementFailed as error:
            return _problem(500, error.code, error.text)

    async def _run(self, request: Request, user: str) -> Response:
        query = list(request.query_params.multi_items())
        if "form" in request.headers.get("content-type", ""):
            async with request.form() as form:
                for name, value in form.multi_items():
                    text = (await value.read()).decode() if isinstance(value, UploadFile) else value
                    query.append((name, text))
            body = b""
        else:
            body = await _body(request)
        asked = read_request(query, body, request.headers.get("x-clickhouse-format", ""))
        loop = asyncio.get_running_loop()
        # As ClickHouse does: who may change things may ask for a query that cannot.
        read_only = user != WRITER or any(
            name == "readonly" and value in ("1", "2") for name, value in query
        )
        answer = await loop.run_in_executor(
            self._readers if read_only else self._writers,
            lambda: self._engine.run(asked, read_only=read_only),
        )
        return Response(
            answer,
            headers={
                "Content-Type": "application/octet-stream",
                "X-ClickHouse-Format": asked.format,
                "X-ClickHouse-Summary": '{"read_rows":"0","written_rows":"0"}',
                "X-ClickHouse-Timezone": "UTC",
            },
        )

    def _user(self, request: Request) -> str:
        """Return who asks.

        Returns:
            The name of the user.

        Raises:
            _Refused: 401 without the right password
        """
        user, password = _credentials(request)
        known = self._passwords.get(user)
        if known is None or not hmac.compare_digest(known.encode(), password.encode()):
            text = f"{user}: Authentication failed: password is incorrect, or there is no such user"
            raise _Refused(401, _AUTHENTICATION_FAILED, text)
        return user


def _credentials(request: Request) -> tuple[str, str]:
    headers = request.headers
    scheme, _, given = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            user, _, password = base64.b64decode(given, validate=True).decode().partition(":")
        except ValueError:
            return "", ""
        return user, password
    return headers.get("x-clickhouse-user", ""), headers.get("x-clickhouse-key", "")


async def _body(request: Request) -> bytes:
    """Read a body, unpacked, of a bounded size.

    Returns:
        The body.

    Raises:
        _Refused: 413 for one that is larger, 400 for one that cannot be unpacked
    """
    parts = bytearray()
    async for part in request.stream():
        parts += part
        if len(parts) > MOST_BYTES:
            raise _Refused(413, _TOO_LARGE, f"the body is larger than {MOST_BYTES:,} bytes")
    encoding = request.headers.get("content-encoding", "identity").lower()
    if encoding == "identity":
        return bytes(parts)
    return await asyncio.to_thread(_unpacked, bytes(parts), encoding)


def _unpacked(body: bytes, encoding: str) -> bytes:
    stream: Any
    if encoding == "gzip":
        stream = gzip.GzipFile(fileobj=io.BytesIO(body))
    elif encoding == "lz4":
        stream = import_module("lz4.frame").LZ4FrameFile(io.BytesIO(body))
    else:
        raise _Refused(400, _SYNTAX, f"the encoding {encoding} is not understood here")
    try:
        whole = stream.read(MOST_BYTES + 1)
    except (OSError, EOFError, RuntimeError, zlib.error) as error:
        raise _Refused(400, _SYNTAX, f"the body cannot be unpacked: {error}") from None
    if len(whole) > MOST_BYTES:
        raise _Refused(413, _TOO_LARGE, f"the body is larger than {MOST_BYTES:,} bytes unpacked")
    return bytes(whole)


def _problem(status: int, code: int, text: str) -> Response:
    headers = {"X-ClickHouse-Exception-Code": str(code)}
    if status == 503:
        headers["Retry-After"] = "1"
    return PlainTextResponse(text, status, headers=headers)
