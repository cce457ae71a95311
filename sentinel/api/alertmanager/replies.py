"""Answers and errors in the form of Alertmanager's API."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import orjson
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from sentinel.api.problems import Problem
from sentinel.api.refusals import note_refused
from sentinel.errors import (
    ConfigurationError,
    DatabaseError,
    NotFound,
    OutOfScope,
    SentinelError,
)

__all__ = ["Refusal", "ReplyRoute", "reply", "silence_refusal"]


class Refusal(Exception):
    """A request that is refused in Alertmanager's words.

    Args:
        status: of HTTP
        payload: the body: a text, or an object with code and message; None for none
    """

    def __init__(self, status: int, payload: object = None) -> None:
        super().__init__(str(payload))
        self.status = status
        self.payload = payload


def reply(payload: object = None, status: int = 200, **headers: str) -> Response:
    """Return a response.

    Args:
        payload: what its body has as JSON; None for an empty body
        status: of HTTP
        **headers: further ones, with `_` for `-`

    Returns:
        The response.
    """
    more = {name.replace("_", "-"): text for name, text in headers.items()}
    if payload is None:
        return Response(status_code=status, headers=more)
    return Response(orjson.dumps(payload) + b"\n", status, more, media_type="application/json")


class ReplyRoute(APIRoute):
    """Answers errors as Alertmanager does: a text, or an object with `code` and `message`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler of requests."""
        work = super().get_route_handler()

        async def handler(request: Request) -> Response:
            try:
                return await work(request)
            except Refusal as error:
                return reply(error.payload, error.status)
            except Problem as error:
                note_refused(request, error.status, error.code)
                headers = dict(error.headers or {})
                if error.status == 401:
                    headers.setdefault("WWW-Authenticate", 'Basic realm="sentinel"')
                said = f"{error.message}. {error.hint}".strip(" .")
                answer = reply({"code": error.status, "message": said}, error.status)
                answer.headers.update(headers)
                return answer
            except RequestValidationError as error:
                return reply({"code": 422, "message": str(error.errors()[0]["msg"])}, 422)
            except SentinelError as error:
                status = _status(error)
                note_refused(request, status, "refused")
                said = f"{error.message}. {error.hint}".strip(" .")
                return reply({"code": status, "message": said}, status)

        return handler


def _status(error: SentinelError) -> int:
    for kind, status in ((NotFound, 404), (OutOfScope, 403), (ConfigurationError, 400),
                         (DatabaseError, 503)):  # fmt: skip
        if isinstance(error, kind):
            return status
    return 500


def silence_refusal(error: SentinelError) -> Refusal:
    """Return the refusal of a silence, in Alertmanager's words where it has some."""
    if isinstance(error, NotFound):
        return Refusal(404, "silence not found")
    if isinstance(error, OutOfScope):
        return Refusal(403, {"code": 403, "message": f"{error.message}. {error.hint}"})
    if "none of these labels" in error.message:
        return Refusal(400, "silence invalid: at least one matcher must not match the empty string")
    return Refusal(400, f"silence invalid: {error.message}")
