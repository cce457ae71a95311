"""Request bodies that the routes parse themselves, for speed or for better errors."""

from __future__ import annotations

import re
from typing import Annotated, Any

import orjson
from fastapi import Depends, Query, Request
from pydantic import AwareDatetime, BeforeValidator

from sentinel.api.limits import allow
from sentinel.api.problems import Problem
from sentinel.events import read_with_nan
from sentinel.tenant import TENANT_PATTERN

__all__ = ["Body", "Moment", "Tenant", "described", "json_of"]


def _written_out(given: object) -> object:
    # pydantic takes a number for seconds since 1970, so that a port or a count would be a moment.
    if isinstance(given, str) and not re.match(r"\d{4}-\d\d-\d\d[Tt ]", given):
        raise ValueError("must be a moment with its time zone, such as 2026-01-31T12:00:00Z")
    return given


Moment = Annotated[AwareDatetime, BeforeValidator(_written_out)]
"""A moment of RFC 3339 in a query."""

Tenant = Annotated[str, Query(pattern=f"^({TENANT_PATTERN})$", description="Name of the tenant.")]


async def _body(request: Request) -> bytes:
    allow(request)
    return await request.body()


Body = Annotated[bytes, Depends(_body)]
"""The raw body. The route itself can then be a plain function, which runs in a thread."""


def described(schema: dict[str, Any], example: Any) -> dict[str, Any]:
    """Return the OpenAPI description of a body that the route parses itself."""
    content = {"application/json": {"schema": schema, "example": example}}
    return {"requestBody": {"required": True, "content": content}}


def json_of(body: bytes) -> Any:
    """Parse the body as JSON, also where a program wrote NaN or Infinity into it.

    Args:
        body: the raw body

    Returns:
        The JSON value.

    Raises:
        Problem: 400 if the body is not JSON
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        found = read_with_nan(body)
        if found is not None:
            return found
        raise Problem(
            400, "bad_request", f"the body is not JSON: {error}", hint="Send JSON."
        ) from None
