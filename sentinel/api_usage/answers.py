"""What the request log answers: for the API, its client and the command line."""

from __future__ import annotations

from pydantic import BaseModel, Field

__all__ = [
    "ConsumerFound",
    "EndpointChangeView",
    "EndpointChangesFound",
    "FiguresView",
    "LineRefused",
    "QuotaView",
    "QuotasFound",
    "RequestView",
    "RequestsFound",
    "RequestsTakenView",
    "RiseView",
    "RisesFound",
    "UsageAsked",
    "UsageFound",
    "UsageGroup",
    "UsageGroupsFound",
    "UsagePart",
]


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


class FiguresView(BaseModel):
    """Figures of requests; latencies in milliseconds, at most 4.5% off."""

    requests: int
    per_second: float
    errors: int = Field(description="With a status of 500 and above, or without a response.")
    error_rate: float = Field(description="Share of errors, 0 to 1.")
    client_errors: int = Field(description="With a status of 400 to 499.")
    refused: int = Field(description="By a limit.")
    p50_ms: float
    p95_ms: float
    p99_ms: float
    request_bytes: int
    response_bytes: int


class UsagePart(FiguresView):
    """Figures of a part of the period."""

    start: str = Field(examples=["2026-01-31T11:00:00.000000000Z"])


class UsageFound(UsageAsked):
    """Usage of a period: as a whole, and over time."""

    part_seconds: float = Field(description="Length of each part.")
    total: FiguresView
    parts: list[UsagePart] = Field(description="Those with requests, the oldest first.")


class UsageGroup(FiguresView):
    """Figures of the requests with one value."""

    value: str
    share: float = Field(description="Of all requests that match, 0 to 1.")


class UsageGroupsFound(UsageAsked):
    """Usage by the values of a field."""

    by: str
    total: FiguresView
    groups: list[UsageGroup]


class RiseView(BaseModel):
    """A value with more requests than in the period before."""

    value: str
    requests: int
    before: int = Field(description="Requests of the period of the same length before.")
    score: float = Field(description="The rise in standard deviations; at least 3.")


class RisesFound(UsageAsked):
    """What rose, the surest first."""

    by: str
    rises: list[RiseView]


class EndpointChangeView(BaseModel):
    """An endpoint that is new or dead."""

    endpoint: str = Field(examples=["GET /orders/{id}"])
    state: str = Field(description="`new` or `dead`.")
    first: str | None = Field(description="First request within the history.")
    last: str | None = Field(description="Last request.")
    requests: int


class EndpointChangesFound(UsageAsked):
    """Endpoints that are new or dead in a period."""

    history_since: str = Field(description="Where the history begins that it is compared with.")
    log_since: str | None = Field(
        description="The first request of the history. Where it lies later than the history's "
        "beginning, what came before is not known, and more may be called new than is."
    )
    changes: list[EndpointChangeView]


class QuotaView(BaseModel):
    """How far a key or consumer is with its quota; moments are null where there is none."""

    value: str = Field(description="Id of the key, or the consumer.")
    used: int = Field(description="Requests that no limit refused, by the request log.")
    amount: int
    share: float = Field(description="What is used, 0 to 1 and above.")
    per_hour: float | None = Field(description="The expected rate; null without enough data.")
    expected: float | None = Field(description="What will be used when the quota begins anew.")
    reached: str | None = Field(description="When it will be used up, before it begins anew.")
    earliest: str | None = Field(description="Likewise, by the upper end of the rate's interval.")
    latest: str | None = Field(description="By its lower end.")
    why: str = Field(description="Why there is no forecast.")


class QuotasFound(BaseModel):
    """Quotas of keys or consumers, those with most requests of the last days first."""

    limit: str
    start: str = Field(description="When the quota began.")
    end: str = Field(description="When it begins anew.")
    quotas: list[QuotaView]


class ConsumerFound(UsageFound):
    """What one consumer does."""

    consumer: str
    endpoints: list[UsageGroup]
    statuses: list[UsageGroup]
    keys: list[UsageGroup]
    addresses: list[UsageGroup]
