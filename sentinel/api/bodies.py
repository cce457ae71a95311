"""Request bodies that the routes parse themselves, for speed or for better errors."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

import orjson
from fastapi import Depends, Query, Request
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    PlainValidator,
    TypeAdapter,
    ValidationError,
)

from sentinel.api.limits import allow
from sentinel.api.problems import SEE_DOCS, Problem
from sentinel.events import read_with_nan
from sentinel.tenant import TENANT_PATTERN
from sentinel.validation_messages import validation_message

__all__ = [
    "DESCRIBED",
    "Body",
    "Moment",
    "SentMoment",
    "Tenant",
    "described",
    "described_as",
    "json_of",
    "read_as",
]


def _written_out(given: object) -> object:
    # pydantic takes a number for seconds since 1970, so that a port or a count would be a moment.
    if isinstance(given, str) and not re.match(r"\d{4}-\d\d-\d\d[Tt ]", given):
        raise ValueError("must be a moment with its time zone, such as 2026-01-31T12:00:00Z")
    return given


def _on_the_calendar(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("must lie between the years 1 and 9999, in UTC, too") from None


Moment = Annotated[AwareDatetime, BeforeValidator(_written_out), AfterValidator(_on_the_calendar)]
"""A moment of RFC 3339 in a query."""
_moment = TypeAdapter[datetime](Moment)


def _sent(given: object) -> datetime:
    if not isinstance(given, str):
        raise ValueError("must be a text, such as 2026-01-31T12:00:00Z")
    return _moment.validate_python(given)


# A strict body takes no text for a moment once anything of ours looked at it, hence the adapter.
SentMoment = Annotated[datetime, PlainValidator(_sent, json_schema_input_type=datetime)]
"""A moment of RFC 3339 in a body that is read strictly."""

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


M = TypeVar("M", bound=BaseModel)
DESCRIBED: dict[str, Any] = {}
"""The schemas of bodies that routes read by `read_as`, by the name that the document gives them."""


def described_as(model: type[BaseModel]) -> dict[str, Any]:
    """Return the OpenAPI description of a body that the route reads by `read_as`.

    Args:
        model: of the body; its `examples` are those of the description

    Returns:
        What `openapi_extra` takes.
    """
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    DESCRIBED.update(schema.pop("$defs", {}))
    DESCRIBED[model.__name__] = schema
    media: dict[str, Any] = {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}
    if schema.get("examples"):
        media["examples"] = {
            f"example {number}": {"value": one}
            for number, one in enumerate(schema["examples"], start=1)
        }
    return {"requestBody": {"required": True, "content": {"application/json": media}}}


def read_as(model: type[M], body: bytes) -> M:
    """Read a body as a model, by the types of JSON: a number that is written as a text is none.

    Args:
        model: of the body
        body: the raw body

    Returns:
        The model.

    Raises:
        Problem: 400 if the body is not JSON, 422 if it is not as the model says; names the field
    """
    try:
        return model.model_validate_json(body, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
    if first["type"] == "json_invalid":
        json_of(body)  # NaN is read here, and refused by its field elsewhere
        raise Problem(
            400, "bad_request", f"the body is not JSON: {first['msg']}", hint="Send JSON."
        )
    place = ".".join(str(part) for part in first["loc"])
    message = validation_message(first, model)
    raise Problem(
        422, "invalid", f"{place}: {message}" if place else message, hint=SEE_DOCS,
        field=place or None,
    )  # fmt: skip
