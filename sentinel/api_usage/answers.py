"""What the request log answers: for the API, its client and the command line."""

from __future__ import annotations

from pydantic import BaseModel, Field

__all__ = ["LineRefused", "RequestView", "RequestsFound", "RequestsTakenView", "UsageAsked"]


class UsageAsked(BaseModel):
    """What was looked for, and when."""

    query: str = Field(examples=["service:shop status:5xx"])
    since: str = Field(examples=["2026-01-31T11:00:00.000000000Z"])
    until: str = Field(examples=["2026-01-31T12:00:00.000000000Z"])


class RequestView(BaseModel):
    """A request to an API."""

    timestamp: str = Field(examples=["2026-01-31T12:00:00.123456789Z"])
    service: str
    consumer: str = Field(description="Whose request, in the words of the API.")
    key: str = Field(description="Id of the key that it came with.")
    key_prefix: str
    plan: str
    method: str
    endpoint: str = Field(examples=["/orders/{id}"])
    path: str
    status: int = Field(description="0 where there was no response.")
    duration_ms: float
    request_bytes: int
    response_bytes: int
    trace_id: str
    address: str = Field(description="A network, or a hash as `h:…`; empty where none is kept.")
    agent: str = Field(description="Family of the user agent.")
    refused_by: str = Field(description="Name of the limit that refused it.")
    headers: dict[str, str]


class RequestsFound(UsageAsked):
    """A page of requests, the newest first."""

    requests: list[RequestView]
    next_cursor: str | None = Field(description="Of the next page; null on the last one.")


class LineRefused(BaseModel):
    """A line of an access log that is no request."""

    line: int = Field(description="Its number in the body, from 1.")
    message: str


class RequestsTakenView(BaseModel):
    """The outcome of a batch."""

    accepted: int = Field(description="Requests that are on disk.")
    rejected: int = Field(description="Those that were not taken.")
    reasons: dict[str, int] = Field(
        description="Why: `invalid`, `too_old`, or `dropped` by the sender.",
        examples=[{"too_old": 2}],
    )
    errors: list[LineRefused] = Field(description="The first 20 lines that are no request.")
