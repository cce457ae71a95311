"""Traces, spans and log lines as JSON, for programs without an OpenTelemetry SDK."""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeVar, cast

import orjson
from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from sentinel.access import Permission
from sentinel.api.bodies import Body, described, json_of
from sentinel.api.intake_queue import QueueFull
from sentinel.api.needs import needs
from sentinel.api.problems import ItemError, Problem, responses, the_others
from sentinel.api.scoped import WholeTenant
from sentinel.api.telemetry_intake import (
    AWAY_SECONDS,
    FULL_SECONDS,
    NOT_INSTALLED,
    intake_of,
    queue_of,
)
from sentinel.errors import TelemetryUnavailable
from sentinel.ingest.telemetry import Taken, token_of
from sentinel.telemetry.bounds import MOST_NODES, TooLarge
from sentinel.telemetry.otlp_body import BadBody, unpacked
from sentinel.telemetry.posted import NotAccepted, Posted, posted_logs, posted_spans

__all__ = ["TracePosted", "objects_of", "queued", "raise_item_errors", "router"]

T = TypeVar("T")

MOST_AT_ONCE = 10_000
router = APIRouter(tags=["telemetry"])

_MOMENT = {"description": "ISO 8601, in UTC without a time zone, or a number since 1970."}
_SPAN: dict[str, Any] = {
    "type": "object",
    "required": ["operation_name", "start_time"],
    "additionalProperties": True,
    "properties": {
        "service_name": {"type": "string"},
        "operation_name": {"type": "string"},
        "start_time": _MOMENT,
        "end_time": _MOMENT,
        "duration_ms": {"type": "number", "minimum": 0},
        "trace_id": {"type": "string", "description": "32 hex digits, or a UUID."},
        "span_id": {"type": "string", "description": "16 hex digits."},
        "parent_span_id": {"type": "string", "description": "16 hex digits."},
        "status": {"type": "string", "description": "ok or error."},
        "status_code": {"type": "integer", "description": "Of HTTP; 500 and above is an error."},
    },
}
_TRACE_EXAMPLE = {
    "service_name": "shop",
    "operation_name": "GET /api/users",
    "start_time": "2026-01-31T12:00:00Z",
    "end_time": "2026-01-31T12:00:00.250Z",
    "status_code": 200,
    "http_method": "GET",
    "http_url": "/api/users",
}
_LOG: dict[str, Any] = {
    "type": "object",
    "required": ["message"],
    "additionalProperties": True,
    "properties": {
        "message": {"type": "string"},
        "service_name": {"type": "string"},
        "level": {"type": "string"},
        "timestamp": _MOMENT,
        "trace_id": {"type": "string"},
        "span_id": {"type": "string"},
    },
}
_LOGS = {"anyOf": [_LOG, {"type": "array", "maxItems": MOST_AT_ONCE, "items": _LOG}]}
_LOG_EXAMPLE = {"service_name": "shop", "level": "ERROR", "message": "connection refused"}


class TracePosted(BaseModel):
    """A span that is on disk."""

    trace_id: str = Field(examples=["5b8efff798038103d269b633813fc60c"])
    span_id: str = Field(examples=["eee19b7ec3c1b174"])


class LogsAccepted(BaseModel):
    """The number of log lines that are on disk."""

    accepted: int


@router.post(
    "/api/tracing/traces",
    status_code=201,
    summary="Create a trace",
    responses=responses(400, 413, 429),
    openapi_extra=described(_SPAN, _TRACE_EXAMPLE),
)
@needs(Permission.RESPOND, "telemetry", confined=True)
async def create_trace(request: Request, body: Body, tenant: WholeTenant) -> TracePosted:
    """Store the first span of a trace. It is on disk when the response arrives.

    Fields that are not listed become attributes. Without `trace_id` and `span_id`, both are made.

    Returns:
        The ids of the trace and the span.
    """
    return await queued(request, body, lambda whole: _span(request, whole, tenant.name, root=True))


@router.post(
    "/api/tracing/spans",
    status_code=201,
    summary="Add a span",
    responses=responses(400, 413, 429),
    openapi_extra=described(
        {**_SPAN, "required": [*_SPAN["required"], "trace_id"]},
        {**_TRACE_EXAMPLE, "trace_id": "5b8efff798038103d269b633813fc60c"},
    ),
)
@needs(Permission.RESPOND, "telemetry", confined=True)
async def add_span(request: Request, body: Body, tenant: WholeTenant) -> TracePosted:
    """Store a span of a trace; see *Create a trace*."""
    return await queued(request, body, lambda whole: _span(request, whole, tenant.name, root=False))


@router.post(
    "/api/logs/ingest",
    summary="Send log lines",
    responses=responses(400, 413, 429),
    openapi_extra=described(_LOGS, _LOG_EXAMPLE),
)
@needs(Permission.RESPOND, "telemetry", confined=True)
async def ingest(request: Request, body: Body, tenant: WholeTenant) -> LogsAccepted:
    """Store one log line, a list of at most 10,000, or one JSON object in each line (NDJSON).

    They are on disk when the response arrives. Fields that are not listed become attributes. Equal
    requests count once where every line has a timestamp. If some lines are invalid, the response is
    422: `errors` names their indexes and fields, and the others are stored.

    Returns:
        The number of log lines stored.

    Raises:
        Problem: 400 or 413 for the whole body, 422 if some lines are invalid
    """
    return await queued(request, body, lambda whole: _ingest(request, whole, tenant.name))


async def queued(request: Request, body: bytes, work: Callable[[bytes], T]) -> T:
    """Do the work on a body, unpacked, in the queue of all batches.

    Args:
        request: the request
        body: as it came
        work: on the body as it was before it was packed

    Returns:
        Its result.

    Raises:
        Problem: 429 if too many wait, 503 without the libraries
    """
    try:
        return await queue_of(request).run(lambda: work(_unpacked(request, body)))
    except QueueFull:
        raise Problem(
            429, "too_many", "too many batches wait to be written", hint="Send it again soon.",
            headers={"Retry-After": str(FULL_SECONDS)},
        ) from None  # fmt: skip
    except ModuleNotFoundError:
        raise Problem(
            503, "unavailable", NOT_INSTALLED, headers={"Retry-After": str(AWAY_SECONDS)}
        ) from None


def _unpacked(request: Request, body: bytes) -> bytes:
    """Unpack a body.

    Returns:
        The body as it was before it was packed.

    Raises:
        Problem: 400 if it is not packed as it says, 413 if it is too large
    """
    encoding = request.headers.get("content-encoding", "").strip().lower()
    if encoding in ("", "identity"):
        return body
    try:
        return unpacked(body, encoding)
    except BadBody as error:
        raise Problem(400, "bad_request", str(error), hint="Send gzip, or no encoding.") from None
    except TooLarge as error:
        raise Problem(413, "too_large", str(error), hint="Send less per request.") from None


def _ingest(request: Request, body: bytes, tenant: str) -> LogsAccepted:
    given = objects_of(body)
    posted = posted_logs(given)
    taken = _take(request, tenant, "logs", posted, body)
    _raise_errors(posted, len(given), taken, "log lines")
    return LogsAccepted(accepted=taken.kept)


def _span(request: Request, body: bytes, tenant: str, *, root: bool) -> TracePosted:
    posted = posted_spans([json_of(body)], root=root)
    _raise_errors(posted, 1, None, "spans")
    taken = _take(request, tenant, "traces", posted, body)
    _raise_errors(posted, 1, taken, "spans")
    ((trace_id, span_id),) = posted.ids
    return TracePosted(trace_id=trace_id, span_id=span_id)


def _take(
    request: Request, tenant: str, signal: Literal["logs", "traces"], posted: Posted, body: bytes
) -> Taken:
    token, intake = token_of(tenant, f"posted {signal}", body), intake_of(request)
    try:
        if signal == "logs" and not posted.timed:
            return intake.take_untimed(tenant, posted.request, token)
        # The ids of spans that have none are made anew each time, and are in the answer.
        own = token if posted.timed else uuid.uuid4().hex
        return intake.take(tenant, signal, posted.request, own)
    except TooLarge as error:
        raise Problem(413, "too_large", str(error), hint="Send less per request.") from None
    except TelemetryUnavailable as error:
        raise Problem(
            503, "unavailable", error.message, hint=error.hint or "Send it again soon.",
            headers={"Retry-After": str(math.ceil(AWAY_SECONDS))},
        ) from error  # fmt: skip


def _raise_errors(posted: Posted, given: int, taken: Taken | None, what: str) -> None:
    """Say which objects were not taken.

    Raises:
        Problem: 422, if there are some
    """
    if taken is not None and taken.rejected and not posted.errors:
        raise Problem(
            422, "invalid", f"{taken.why} (of {given:,} {what})",
            hint="See SENTINEL_KEEP_LOGS and SENTINEL_KEEP_SPANS.", field="timestamp",
        )  # fmt: skip
    if posted.errors:
        raise_item_errors(posted.errors, given, taken.kept if taken is not None else 0, what)


def raise_item_errors(errors: Mapping[int, NotAccepted], given: int, kept: int, what: str) -> None:
    """Say which objects of a body were not taken.

    Args:
        errors: what is wrong, by the index of the object; one at least
        given: objects in the body
        kept: of them
        what: they are, in the plural

    Raises:
        Problem: 422, always
    """
    index, first = min(errors.items())
    place = f"{index}.{first.field}".rstrip(".") if given > 1 else first.field
    rest = f"; {the_others(kept)}" if kept else ""
    many = f"{len(errors):,} of {given:,} {what} are invalid{rest}. The first: "
    raise Problem(
        422,
        "invalid",
        f"{many if given > 1 else ''}{place or 'body'}: {first.message}",
        hint="Fix those in `errors` and send them again; do not repeat the others.",
        field=place or "body",
        errors=[
            ItemError(index=index, field=error.field, message=error.message)
            for index, error in sorted(errors.items())
        ],
    )


def objects_of(
    body: bytes, what: str = "log lines", wrapped: str = "logs", needed: str = "message",
    most: int = MOST_AT_ONCE,
) -> Sequence[object]:  # fmt: skip
    """Return the objects of a body: one, a list of them, or one in each line.

    Args:
        body: unpacked
        what: they are, in the plural
        wrapped: the field of one object that may have the list
        needed: a field that each has, so that a `wrapped` beside it is its own
        most: of them

    Returns:
        What the body has, of whatever kind.

    Raises:
        Problem: 400 for a body that is not JSON, 413 for too many
    """
    # Before it is taken apart: an empty object in each line takes a hundred times its bytes.
    if body.count(b"\n") > MOST_NODES:
        _bound(body.count(b"\n"), what, most)
    lines = [(at, line) for at, line in enumerate(body.split(b"\n"), 1) if line.strip()]
    if len(lines) > 1 and body.lstrip()[:1] == b"{" and _is_whole(lines[0][1]):
        _bound(len(lines), what, most)
        return [_of_line(at, line) for at, line in lines]
    found = json_of(body)
    if isinstance(found, dict):
        fields = cast("dict[str, Any]", found)
        # A line may have an attribute of that name.
        if isinstance(fields.get(wrapped), list) and needed not in fields:
            found = fields[wrapped]
    given = cast("list[object]", found) if isinstance(found, list) else [cast("object", found)]
    _bound(len(given), what, most)
    return given


def _bound(number: int, what: str, most: int) -> None:
    if number > most:
        raise Problem(
            413, "too_large", f"{number:,} {what} are too many for one request",
            hint=f"Send at most {most:,}.",
        )  # fmt: skip


def _is_whole(line: bytes) -> bool:
    """Return whether a line is JSON by itself, and not the beginning of an object over several."""
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return True


def _of_line(at: int, line: bytes) -> object:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise Problem(
            400, "bad_request", f"line {at} is not JSON: {error.msg}",
            hint="Send one JSON object in each line; nothing of this body was stored.",
        ) from None  # fmt: skip
