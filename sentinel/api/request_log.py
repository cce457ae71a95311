"""The request log over HTTP, at `/api/v1/requests`: batches are taken, and rows are searched."""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterator
from datetime import datetime
from itertools import chain
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse

from sentinel.access import Permission
from sentinel.api.bodies import Body
from sentinel.api.needs import needs
from sentinel.api.problems import Problem, responses
from sentinel.api.scoped import WholeTenant
from sentinel.api.shown_rules import store_of
from sentinel.api.telemetry_asked import Cursor, Limit, Since, Text, Until, asked_of, reader_of
from sentinel.api.telemetry_bodies import objects_of, queued, raise_item_errors
from sentinel.api.telemetry_intake import AWAY_SECONDS
from sentinel.api_usage.access_lines import LineFormat, requests_of_lines
from sentinel.api_usage.answers import RequestsFound, RequestsTakenView
from sentinel.api_usage.exported import (
    MEDIA,
    REQUEST_FILE,
    FileFormat,
    FileShape,
    file_parts,
)
from sentinel.api_usage.request_log import MOST_AT_ONCE, PostedRequest, one_request, requests_of
from sentinel.errors import TelemetryUnavailable
from sentinel.ingest.requests import RequestIntake, RequestsTaken, taken_view
from sentinel.ingest.telemetry import token_of
from sentinel.store.telemetry.request_export import exported_requests
from sentinel.store.telemetry.usage_answers import requests_found
from sentinel.telemetry.posted import NotAccepted
from sentinel.telemetry.query import REQUEST_FIELDS

__all__ = ["ExportFormat", "exported", "file_responses", "router"]

router = APIRouter(prefix="/requests", tags=["API usage"])

_WHAT = "requests"
_REQUEST: dict[str, Any] = {
    "type": "object",
    "required": ["status"],
    "additionalProperties": False,
    "properties": {
        "timestamp": {"description": "ISO 8601, in UTC without a zone, or a number since 1970."},
        **{
            name: {"type": "string", "maxLength": 200}
            for name in (
                "service", "consumer", "key", "key_prefix", "plan", "method", "endpoint",
                "trace_id", "address", "refused_by",
            )
        },
        "path": {"type": "string"},
        "status": {"type": "integer", "minimum": 0, "maximum": 999},
        "duration_ms": {"type": "number", "minimum": 0},
        "request_bytes": {"type": "integer", "minimum": 0},
        "response_bytes": {"type": "integer", "minimum": 0},
        "user_agent": {"type": "string"},
        "headers": {"type": "object", "additionalProperties": {"type": "string"}},
    },
}  # fmt: skip
_EXAMPLE = {
    "timestamp": "2026-01-31T12:00:00.250Z", "service": "shop", "consumer": "user-7",
    "method": "GET", "path": "/orders/17", "endpoint": "/orders/{id}", "status": 200,
    "duration_ms": 12.5, "response_bytes": 512, "address": "203.0.113.7",
    "user_agent": "python-httpx/0.28",
}  # fmt: skip
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "anyOf": [
                        _REQUEST, {"type": "array", "maxItems": MOST_AT_ONCE, "items": _REQUEST}
                    ]
                },
                "example": _EXAMPLE,
            }
        },
    }
}  # fmt: skip

BatchId = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key", max_length=200,
        description="Id of the batch. A batch that comes again under the same id counts once.",
    ),
]  # fmt: skip
Dropped = Annotated[
    int,
    Query(
        ge=0, le=10**9,
        description="Requests that the sender had no room for since its last batch: they are "
        "counted as refused.",
    ),
]  # fmt: skip


Format = Annotated[
    Literal["json", "nginx", "apache", "envoy", "caddy"],
    Query(
        description="`json` for requests as described; else lines of the access log of that "
        "server, in its text format or as JSON."
    ),
]
Service = Annotated[
    str, Query(max_length=200, description="Name of the API, for lines of access logs.")
]


ExportFormat = Annotated[FileFormat, Query(description="Of the file.")]


def file_responses(about: str) -> dict[int | str, dict[str, Any]]:
    """Return the responses of a route that answers a file; `about` describes it."""
    text, binary = {"type": "string"}, {"type": "string", "format": "binary"}
    content = {
        MEDIA["csv"].partition(";")[0]: {"schema": text}, MEDIA["ndjson"]: {"schema": text},
        MEDIA["parquet"]: {"schema": binary},
    }  # fmt: skip
    return {**responses(), 200: {"content": content, "description": about}}


@router.post("", summary="Send requests", responses=responses(400, 413, 429), openapi_extra=_BODY)
@needs(Permission.RESPOND, "usage", confined=True)
async def send(
    request: Request, body: Body, tenant: WholeTenant, batch: BatchId = None,
    dropped: Dropped = 0, format: Format = "json", service: Service = "",  # noqa: A002 - as people write it
) -> RequestsTakenView:  # fmt: skip
    """Store requests that your API answered: one, a list, or one JSON object in each line (NDJSON).

    They are on disk when the response arrives. Without `Idempotency-Key`, equal bodies count once
    where every request has a timestamp. If some requests are invalid, the response is 422: `errors`
    names their indexes and fields, and the others are stored.

    With another `format`, the body is lines of an access log. A line that is no request is counted
    in `rejected`, and the first 20 are in `errors`.

    Returns:
        How many were stored.

    Raises:
        Problem: 400 or 413 for the whole body, 422 if some requests are invalid
    """
    more = {"dropped": dropped} if dropped else {}
    if format == "json":
        return await queued(
            request, body, lambda whole: _send(request, whole, tenant.name, batch, more)
        )
    return await queued(
        request, body,
        lambda whole: _send_lines(request, whole, tenant.name, batch, more, format, service),
    )  # fmt: skip


def _send(
    request: Request, body: bytes, tenant: str, batch: str | None, refused: dict[str, int]
) -> RequestsTakenView:
    found, errors = requests_of(body), {}
    if found is None or len(found) > MOST_AT_ONCE:
        found, errors = _one_by_one(body)
    taken = _take(request, tenant, found, batch, body, refused)
    if errors:
        raise_item_errors(errors, len(found) + len(errors), taken.kept, _WHAT)
    return taken_view(taken, {})


def _send_lines(
    request: Request, body: bytes, tenant: str, batch: str | None, refused: dict[str, int],
    kind: LineFormat, service: str,
) -> RequestsTakenView:  # fmt: skip
    if (number := body.rstrip(b"\r\n").count(b"\n") + 1) > MOST_AT_ONCE:
        raise Problem(
            413, "too_large", f"{number:,} lines are too many for one request",
            hint=f"Send at most {MOST_AT_ONCE:,}.",
        )  # fmt: skip
    found, errors = requests_of_lines(kind, body, service)
    if errors:
        refused = {**refused, "invalid": len(errors)}
    # The same lines of another service are other requests.
    whole = f"{kind} {service}\n".encode() + body
    return taken_view(_take(request, tenant, found, batch, whole, refused), errors)


def _one_by_one(body: bytes) -> tuple[list[PostedRequest], dict[int, NotAccepted]]:
    found: list[PostedRequest] = []
    errors: dict[int, NotAccepted] = {}
    for index, one in enumerate(objects_of(body, _WHAT, "requests", "status", MOST_AT_ONCE)):
        try:
            found.append(one_request(one))
        except NotAccepted as error:
            errors[index] = error
    return found, errors


def _take(
    request: Request, tenant: str, found: list[PostedRequest], batch: str | None, body: bytes,
    refused: dict[str, int],
) -> RequestsTaken:  # fmt: skip
    if batch:
        token = token_of(tenant, "requests by id", batch.encode())
    elif all(one.timestamp is not None for one in found):
        token = token_of(tenant, "requests", body)
    else:
        token = uuid.uuid4().hex
    intake = RequestIntake(request.app.state.settings, store_of(request).clock)
    try:
        return intake.take(tenant, found, token, refused=refused)
    except TelemetryUnavailable as error:
        raise Problem(
            503, "unavailable", error.message, hint=error.hint or "Send it again soon.",
            headers={"Retry-After": str(math.ceil(AWAY_SECONDS))},
        ) from error  # fmt: skip


@router.get("", summary="Search requests", responses=responses())
@needs(Permission.READ, "usage", confined=True)
def search(
    request: Request, tenant: WholeTenant, query: Text = "", since: Since = "1h",
    until: Until = "", limit: Limit = 100, cursor: Cursor = None,
) -> RequestsFound:  # fmt: skip
    """Return the newest requests that match, a page at a time.

    The query has words, which are looked for in paths, endpoints and consumers, and the fields
    `service`, `consumer`, `key`, `prefix`, `plan`, `method`, `endpoint`, `path`, `status` (`404`,
    `5xx`, `>=400`), `duration`, `trace`, `address`, `agent`, `refused`, and headers as `@name`.

    Returns:
        The page.
    """
    asked = asked_of(request, query, REQUEST_FIELDS, since, until, ())
    return requests_found(reader_of(request), tenant.name, asked, limit, cursor)


def exported(
    shape: FileShape, kind: FileFormat, pages: Iterator[list[Any]], now: datetime
) -> StreamingResponse:
    """Return a file that is sent as its rows are read.

    Args:
        shape: what the rows are
        kind: of the file
        pages: of rows; what is wrong with the question is found with the first
        now: for the name of the file

    Returns:
        The response; where the store fails midway, it is cut off.
    """
    first = next(pages, list[Any]())
    name = f"{shape.name}-{now:%Y%m%d-%H%M}.{kind}"
    return StreamingResponse(
        file_parts(shape, kind, chain([first], pages)), media_type=MEDIA[kind],
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )  # fmt: skip


@router.get(
    "/export", summary="Requests as a file", response_class=StreamingResponse,
    responses=file_responses("One row for each request, the oldest first; times are in UTC"),
)  # fmt: skip
@needs(Permission.READ, "usage", confined=True)
def export_requests(
    request: Request, tenant: WholeTenant, query: Text = "", since: Since = "1h",
    until: Until = "", format: ExportFormat = "csv",  # noqa: A002 - as people write it
) -> StreamingResponse:  # fmt: skip
    """Return all requests that match, however many, as they are read.

    In CSV a text that a spreadsheet would run as a formula has an apostrophe before it, and
    headers are JSON. If the answer ends before its end, it was cut off.

    Returns:
        The file.
    """
    asked = asked_of(request, query, REQUEST_FIELDS, since, until, ())
    pages = exported_requests(reader_of(request), tenant.name, asked)
    return exported(REQUEST_FILE, format, pages, store_of(request).now())
