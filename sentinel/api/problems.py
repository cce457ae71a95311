"""The format of every error: code, message, hint, field and request id."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    InterfaceError,
    InternalError,
    OperationalError,
    ProgrammingError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match

from sentinel.api.refusals import note_refused
from sentinel.errors import (
    ArchiveError,
    ConfigurationError,
    Conflict,
    DatabaseError,
    LimitsUnavailable,
    NotFound,
    OutOfScope,
    PrefectUnreachable,
    SampleError,
    SentinelError,
    TelemetryUnavailable,
)
from sentinel.validation_messages import validation_message

__all__ = [
    "MOST_ERRORS",
    "Error",
    "ErrorBody",
    "ItemError",
    "Problem",
    "describe_refusals",
    "install",
    "problem_of",
    "responses",
    "the_others",
]

_log = logging.getLogger("sentinel.api")
MOST_ERRORS = 100
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
SEE_DOCS = "See /docs for the fields and their bounds."


class ItemError(BaseModel):
    """The error of one item of a batch."""

    index: int = Field(description="Index of the item, from 0.", examples=[3])
    field: str = Field(description="The invalid field of the item.", examples=["labels.host"])
    message: str


class Error(BaseModel):
    """The error of one request."""

    code: str = Field(description="Error code, for programs.", examples=["not_found"])
    message: str = Field(
        description="What is wrong, naming the object.", examples=["there is no alert 'f00'"]
    )
    hint: str = Field(description="How to fix it; may be empty.", examples=["See /docs."])
    field: str | None = Field(None, description="The invalid field of the request.")
    errors: list[ItemError] | None = Field(
        None, description="For a batch: the errors of its items, at most 100."
    )
    request_id: str = Field(
        description="Also in the header X-Request-Id and in the log.", examples=["5f0c9d1b2a34"]
    )


class ErrorBody(BaseModel):
    """The body of every error response."""

    error: Error


class Problem(Exception):
    """An error response.

    Args:
        status: HTTP status
        code: error code, for programs
        message: what is wrong, naming the object
        hint: how to fix it
        field: the invalid field of the request
        errors: for a batch, the errors of its items
        headers: further headers of the response
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
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.hint = hint
        self.field = field
        self.errors = errors
        self.headers = headers


_BY_STATUS = {
    400: ("bad_request", "the request cannot be parsed", "Send valid JSON."),
    401: ("unauthorized", "this request needs a bearer token", "Send Authorization: Bearer TOKEN."),
    404: ("not_found", "there is no such path", "See /docs for all paths."),
    405: ("method_not_allowed", "this path does not support the method", "See /docs."),
    408: ("timeout", "the request did not arrive in time", "Send its body without pauses."),
    413: ("too_large", "the body is too large", "Send less per request."),
    412: ("changed", "somebody changed it meanwhile", "Read it again, then decide."),
    415: (
        "unsupported_media_type",
        "the body must be JSON",
        "Send Content-Type: application/json.",
    ),
}


def the_others(kept: int) -> str:
    """Return that the items beside invalid ones are stored, as part of a sentence."""
    return "the other one is stored" if kept == 1 else f"the other {kept:,} are stored"


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the error responses of a route, for its documentation."""
    return {
        status: {"model": ErrorBody, "description": HTTPStatus(status).phrase}
        for status in sorted({401, 403, 422, 500, 503, *statuses})
    }


def describe_refusals(document: dict[str, Any]) -> None:
    """Add to each route of an OpenAPI document what is refused before the route is reached.

    Args:
        document: is changed: 421 for a host that is not allowed, and 408 for a body that does not
            arrive in time
    """
    schema = {"$ref": "#/components/schemas/ErrorBody"}
    for path, methods in document["paths"].items():
        for route in methods.values():
            # Exporters of OpenTelemetry get 503 in the place of 408.
            late = "requestBody" in route and not path.startswith("/v1/")
            for status in (408, 421) if late else (421,):
                refusal = {
                    "description": HTTPStatus(status).phrase,
                    "content": {"application/json": {"schema": schema}},
                }
                route["responses"].setdefault(str(status), refusal)


def answer(request: Request, problem: Problem, headers: Mapping[str, str] | None = None) -> Any:
    """Return the response for `problem`."""
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
        more.setdefault("WWW-Authenticate", "Bearer")
    return JSONResponse({"error": error}, status_code=problem.status, headers=more)


def install(app: FastAPI) -> None:
    """Install the handlers that give every error of `app` the same format."""

    def on_problem(request: Request, error: Exception) -> Any:
        problem = cast("Problem", error)
        note_refused(request, problem.status, problem.code)
        return answer(request, problem, problem.headers)

    def on_ours(request: Request, error: Exception) -> Any:
        problem = _of(cast("SentinelError", error))
        note_refused(request, problem.status, problem.code)
        return answer(request, problem)

    def on_database(request: Request, error: Exception) -> Any:
        _log.warning("request %s: database: %s", request.state.request_id, error)
        full = _is_full(error)
        if full:
            app.state.full_at = time.monotonic()
        return answer(request, _unavailable(full=full))

    def on_text(request: Request, error: Exception) -> Any:
        # What the checks of a route let through and no database can hold, such as NUL.
        _log.warning("request %s: refused by the database: %s", request.state.request_id, error)
        problem = Problem(422, "invalid", "a value cannot be stored", hint=SEE_DOCS)
        return answer(request, problem)

    def on_gone(request: Request, error: Exception) -> Any:
        _log.debug("request %s: the client went away", request.state.request_id)
        return Response(status_code=499)  # for nobody: the connection is closed

    def on_http(request: Request, error: Exception) -> Any:
        problem = cast("HTTPException", error)
        known = _BY_STATUS.get(problem.status_code)
        if problem.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
            known = ("unavailable", str(problem.detail), "Send it again in a second.")
        code, message, hint = known or ("error", str(problem.detail), "")
        if problem.status_code == HTTPStatus.NOT_FOUND:
            message = f"there is no path {request.url.path}"
        if problem.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            message = f"{request.url.path} does not support {request.method}"
        if problem.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            message = str(problem.detail)
        known_problem = Problem(problem.status_code, code, message, hint=hint)
        headers = dict(problem.headers or {})
        if problem.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            headers["Allow"] = ", ".join(_methods(request))
        return answer(request, known_problem, headers)

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
        unexpected = Problem(
            500,
            "internal",
            "an unexpected error occurred",
            hint="The API's log has the details under this request_id.",
        )
        return answer(request, unexpected)

    app.add_exception_handler(Problem, on_problem)
    app.add_exception_handler(SentinelError, on_ours)
    for kind in (OperationalError, InterfaceError, InternalError, ProgrammingError, PoolTimeout):
        app.add_exception_handler(kind, on_database)
    app.add_exception_handler(DataError, on_text)
    app.add_exception_handler(ClientDisconnect, on_gone)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_exception_handler(Exception, on_anything)


def problem_of(error: Exception) -> Problem | None:
    """Return the problem that an error means, for routes that answer in another system's format.

    Args:
        error: that a route raised

    Returns:
        The problem; None for an error that is not about the request.
    """
    if isinstance(error, Problem):
        return error
    if isinstance(error, SentinelError):
        return _of(error)
    if isinstance(error, RequestValidationError):
        return _invalid(error)
    if isinstance(error, HTTPException):
        code = _BY_STATUS.get(error.status_code, ("unavailable", "", ""))[0]
        detail = str(error.detail)
        return Problem(error.status_code, code, detail, headers=error.headers)
    return None


def _methods(request: Request) -> list[str]:
    """Return the methods that the path supports; Starlette names those of its first route only."""
    routes = cast("FastAPI", request.app).router.routes
    asked = [({**request.scope, "method": method}, method) for method in _METHODS]
    return [
        method
        for scope, method in asked
        if any(route.matches(scope)[0] is Match.FULL for route in routes)
    ]


def _of(error: SentinelError) -> Problem:
    for kind, status, code in (
        (NotFound, 404, "not_found"),
        (Conflict, 409, "conflict"),
        (OutOfScope, 403, "forbidden"),
        (ConfigurationError, 422, "invalid"),
        (DatabaseError, 503, "unavailable"),
        (PrefectUnreachable, 503, "unavailable"),
        (TelemetryUnavailable, 503, "unavailable"),
        (LimitsUnavailable, 503, "unavailable"),
        (ArchiveError, 503, "unavailable"),
    ):
        if isinstance(error, kind):
            hint = error.hint or (SEE_DOCS if status == HTTPStatus.UNPROCESSABLE_ENTITY else "")
            if isinstance(error, SampleError) and error.field:
                place = error.field if error.index is None else f"{error.index}.{error.field}"
                return Problem(status, code, f"{place}: {error.message}", hint=hint, field=place)
            return Problem(status, code, error.message, hint=hint)
    return Problem(500, "internal", error.message, hint=error.hint)


def _is_full(error: Exception) -> bool:
    """Return whether the disk of the database is full: SQLite says so, PostgreSQL by a code."""
    cause = error.orig if isinstance(error, DBAPIError) else None
    return "disk is full" in str(cause) or getattr(cause, "sqlstate", "") == "53100"


def _unavailable(*, full: bool = False) -> Problem:
    return Problem(
        503,
        "unavailable",
        "the disk of the database is full" if full else "the database is unavailable",
        hint="GET /health names the component that is down. A retry is safe.",
    )


def _invalid(error: RequestValidationError) -> Problem:
    """Return the problem for the first invalid field."""
    first: dict[str, Any] = error.errors()[0]
    place = [str(part) for part in first.get("loc", ())]
    where = ".".join(place[1:]) or (place[0] if place else "")
    if first.get("type") == "json_invalid":
        return Problem(400, "bad_request", "the body is not JSON", hint="Send a JSON object.")
    message = str(first.get("msg", "invalid value")).removeprefix("Value error, ")
    if first.get("type") == "missing":
        message = "this field is required"
    elif first.get("type") == "extra_forbidden":
        message = "unknown field"
    elif first.get("type") == "string_pattern_mismatch":
        message = validation_message(first)
    return Problem(
        422,
        "invalid",
        f"{where}: {message}" if where else message,
        hint=SEE_DOCS,
        field=where or None,
    )
