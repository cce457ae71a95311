"""The one shape of every error: what was wrong, what to do, and where to look for it."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from sqlalchemy.exc import InterfaceError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from sentinel.errors import (
    ConfigurationError,
    Conflict,
    DatabaseError,
    NotFound,
    PrefectUnreachable,
    SampleError,
    SentinelError,
)

__all__ = ["Error", "ErrorBody", "ItemError", "Problem", "install", "responses"]

_log = logging.getLogger("sentinel.api")
MOST_ERRORS = 100
SEE_DOCS = "The fields and their bounds are described at /docs."


class ItemError(BaseModel):
    """What was wrong with one of many items."""

    index: int = Field(description="Which of them, from 0.", examples=[3])
    field: str = Field(description="The part of it that was wrong.", examples=["labels.host"])
    message: str


class Error(BaseModel):
    """What went wrong with one request."""

    code: str = Field(description="A word for programs.", examples=["not_found"])
    message: str = Field(
        description="What was wrong, naming the thing.", examples=["there is no alert 'f00'"]
    )
    hint: str = Field(description="What to do about it; may be empty.", examples=["Look it up."])
    field: str | None = Field(None, description="The part of the request that was wrong.")
    errors: list[ItemError] | None = Field(
        None, description="Of a batch: what was wrong with each item, at most 100 of them."
    )
    request_id: str = Field(
        description="Also in the header X-Request-Id and in the log.", examples=["5f0c9d1b2a34"]
    )


class ErrorBody(BaseModel):
    """The body of every answer that is not a success."""

    error: Error


class Problem(Exception):
    """An error of a request, as the caller will read it.

    Args:
        status: HTTP status
        code: a word for programs
        message: what was wrong, naming the thing
        hint: what to do about it
        field: which part of the request was wrong
        errors: of a batch, what was wrong with each item
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        hint: str = "",
        field: str | None = None,
        errors: Sequence[ItemError] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.hint = hint
        self.field = field
        self.errors = errors


_BY_STATUS = {
    400: ("bad_request", "the request cannot be read", "Send JSON that can be parsed."),
    401: ("unauthorized", "this needs a bearer token", "Send Authorization: Bearer TOKEN."),
    404: ("not_found", "there is nothing at this address", "The addresses are listed at /docs."),
    405: ("method_not_allowed", "this address does not take that method", "See /docs."),
    413: ("too_large", "the body is too large", "Send less at a time."),
    415: (
        "unsupported_media_type",
        "the body must be JSON",
        "Send Content-Type: application/json.",
    ),
}


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The error answers of a route, for its documentation."""
    return {
        status: {"model": ErrorBody, "description": HTTPStatus(status).phrase}
        for status in sorted({401, 422, 500, 503, *statuses})
    }


def answer(request: Request, problem: Problem, headers: Mapping[str, str] | None = None) -> Any:
    """The response that tells of `problem`."""
    request_id = str(getattr(request.state, "request_id", ""))
    error: dict[str, Any] = {
        "code": problem.code,
        "message": problem.message,
        "hint": problem.hint,
        "request_id": request_id,
    }
    if problem.field is not None:
        error["field"] = problem.field
    if problem.errors:
        error["errors"] = [one.model_dump() for one in problem.errors[:MOST_ERRORS]]
    more = {"X-Request-Id": request_id, **(headers or {})}
    if problem.status == HTTPStatus.UNAUTHORIZED:
        more["WWW-Authenticate"] = "Bearer"
    return JSONResponse({"error": error}, status_code=problem.status, headers=more)


def install(app: FastAPI) -> None:
    """Give every error of `app` the one shape."""

    def on_problem(request: Request, error: Exception) -> Any:
        return answer(request, cast("Problem", error))

    def on_ours(request: Request, error: Exception) -> Any:
        return answer(request, _of(cast("SentinelError", error)))

    def on_database(request: Request, error: Exception) -> Any:
        _log.warning("request %s: database: %s", request.state.request_id, error)
        return answer(request, _unavailable())

    def on_http(request: Request, error: Exception) -> Any:
        problem = cast("HTTPException", error)
        known = _BY_STATUS.get(problem.status_code)
        code, message, hint = known or ("error", str(problem.detail), "")
        if problem.status_code == HTTPStatus.NOT_FOUND:
            message = f"there is nothing at {request.url.path}"
        if problem.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            message = f"{request.url.path} does not take {request.method}"
        if problem.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            message = str(problem.detail)
        told = Problem(problem.status_code, code, message, hint=hint)
        return answer(request, told, problem.headers)

    def on_invalid(request: Request, error: Exception) -> Any:
        return answer(request, _invalid(cast("RequestValidationError", error)))

    def on_anything(request: Request, error: Exception) -> Any:
        _log.error(
            "request %s: %s %s failed",
            request.state.request_id,
            request.method,
            request.url.path,
            exc_info=error,
        )
        told = Problem(
            500,
            "internal",
            "something went wrong that should not have",
            hint="The API's log says what, under this request_id.",
        )
        return answer(request, told)

    app.add_exception_handler(Problem, on_problem)
    app.add_exception_handler(SentinelError, on_ours)
    for kind in (OperationalError, InterfaceError, ProgrammingError, PoolTimeout):
        app.add_exception_handler(kind, on_database)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_exception_handler(Exception, on_anything)


def _of(error: SentinelError) -> Problem:
    for kind, status, code in (
        (NotFound, 404, "not_found"),
        (Conflict, 409, "conflict"),
        (ConfigurationError, 422, "invalid"),
        (DatabaseError, 503, "unavailable"),
        (PrefectUnreachable, 503, "unavailable"),
    ):
        if isinstance(error, kind):
            hint = error.hint or (SEE_DOCS if status == HTTPStatus.UNPROCESSABLE_ENTITY else "")
            if isinstance(error, SampleError) and error.field:
                place = error.field if error.index is None else f"{error.index}.{error.field}"
                return Problem(status, code, f"{place}: {error.message}", hint=hint, field=place)
            return Problem(status, code, error.message, hint=hint)
    return Problem(500, "internal", error.message, hint=error.hint)


def _unavailable() -> Problem:
    return Problem(
        503,
        "unavailable",
        "the database cannot be used now",
        hint="GET /health says which part is down; trying again is safe.",
    )


def _invalid(error: RequestValidationError) -> Problem:
    """The first thing that was wrong; a caller mends one at a time."""
    first: dict[str, Any] = error.errors()[0]
    place = [str(part) for part in first.get("loc", ())]
    where = ".".join(place[1:]) or (place[0] if place else "")
    if first.get("type") == "json_invalid":
        return Problem(400, "bad_request", "the body is not JSON", hint="Send a JSON object.")
    message = str(first.get("msg", "it cannot be used")).removeprefix("Value error, ")
    if first.get("type") == "missing":
        message = "it is missing"
    elif first.get("type") == "extra_forbidden":
        message = "there is no such field"
    return Problem(
        422,
        "invalid",
        f"{where}: {message}" if where else message,
        hint=SEE_DOCS,
        field=where or None,
    )
