"""The bodies of the routes about limits of an API."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

from sentinel.api.paging import NEXT
from sentinel.api.schemas import NO_NUL
from sentinel.api_usage.described import limit_fields
from sentinel.api_usage.limit import Limit
from sentinel.store.api_usage.limit_sets import SET_NAME, StoredLimitSet
from sentinel.tenant import TENANT_PATTERN

__all__ = [
    "CallerBody", "LimitCheck", "LimitDecision", "LimitFault", "LimitItem", "LimitRemaining",
    "LimitSetBody", "LimitSetItem", "LimitSetList", "LimitSetName", "LimitSetSaved",
    "LimitSetVersions", "LimitSimulation", "LimitText", "LimitTrialBody", "LimitVerdict",
    "OfTenant", "limit_item", "set_item",
]  # fmt: skip

LimitSetName = Annotated[str, Path(pattern=f"^{SET_NAME}$", description="Name of the limit set.")]
OfTenant = Annotated[str, Field(pattern=f"^({TENANT_PATTERN})$")]
_Word = Annotated[str, Field(max_length=500, pattern=NO_NUL)]
_Text = Annotated[
    str,
    Field(
        max_length=10_000, pattern=NO_NUL,
        description="Limits with `;` or a new line between them, such as `100/minute by key`.",
    ),
]  # fmt: skip


class LimitItem(BaseModel):
    """One limit of a set."""

    name: str
    text: str = Field(description="The same limit with every word written out.")
    kind: str = Field(description="counter, log, bucket or quota.")
    amount: int
    period_seconds: int = Field(description="Of a quota 86400 for a day, 2592000 for a month.")
    by: list[str] = Field(description="Each value of these has an allowance of its own.")
    dry_run: bool


class LimitSetBody(BaseModel):
    """A limit set to save."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"text": "100/minute by key\n20/s burst 40 by address", "note": "launch"}]
        },
    )

    text: _Text
    note: str = Field(
        "", max_length=2000, pattern=NO_NUL, description="The reason, kept with the version."
    )


class LimitText(BaseModel):
    """Limits to check."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"text": "100/minute by key"}]}
    )

    text: _Text


class LimitSetItem(BaseModel):
    """A limit set."""

    tenant: str
    name: str
    version: int = Field(description="Rises with each change, from 1.")
    text: str
    note: str
    saved_at: datetime
    saved_by: str


class LimitSetSaved(LimitSetItem):
    """A limit set with its limits."""

    limits: list[LimitItem]
    changed: bool = Field(description="Whether this is, or would be, a new version.")


class LimitSetList(BaseModel):
    """A page of limit sets, by tenant and name."""

    items: list[LimitSetItem]
    next_cursor: str | None = Field(None, description=NEXT)


class LimitSetVersions(BaseModel):
    """What a limit set was, the newest version first; 100 versions are kept."""

    items: list[LimitSetItem]


class LimitFault(BaseModel):
    """What cannot be read of a text."""

    line: int = Field(description="From 1.")
    column: int = Field(description="From 1, in characters.")
    message: str
    hint: str = Field(description="What to write instead; may be empty.")


class LimitCheck(BaseModel):
    """What a text says."""

    valid: bool
    limits: list[LimitItem] = Field(description="Those that can be read.")
    faults: list[LimitFault] = Field(description="Every fault, in the order of the text.")


class CallerBody(BaseModel):
    """A request to an API, as a gateway saw it; leave out what is not known."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{
                "limit_set": "public-api", "key": "0192f3a4b5c6d7e8f90a1b2c3d4e5f60",
                "plan": "free", "address": "203.0.113.7", "method": "GET", "path": "/orders/7",
            }]
        },
    )  # fmt: skip

    limit_set: str = Field(pattern=f"^{SET_NAME}$", description="Name of the limit set.")
    tenant: OfTenant | None = Field(None, description="Of the API; null: the only one in reach.")
    key: _Word = Field("", description="Id of the key, as POST /api/v1/keys/verify names it.")
    user: _Word = Field("", description="Whose key it is.")
    plan: _Word = Field("", description="Of the key.")
    address: _Word = Field("", description="Of the client.")
    method: _Word = Field("GET", description="Of HTTP.")
    path: str = Field("/", max_length=4000, pattern=NO_NUL, description="Without the query.")
    endpoint: _Word = Field("", description="Route that serves the path; empty: the path.")
    cost: int = Field(1, ge=1, le=1_000_000_000, description="In units.")


class LimitTrialBody(BaseModel):
    """Limits to try over the request log."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"text": "100/minute by key", "query": "service:shop"}]},
    )

    text: _Text
    tenant: OfTenant | None = Field(None, description="Of the API; null: the only one in reach.")
    query: str = Field(
        "", max_length=2000, pattern=NO_NUL, description="Of the request log; empty: all requests."
    )
    since: str = Field(
        "1d", max_length=80, pattern=NO_NUL,
        description="A length of time before now, such as `1d`, or a moment.",
    )  # fmt: skip


class LimitOutcomeItem(BaseModel):
    """What one limit would have done."""

    name: str
    dry_run: bool
    applied: int = Field(description="Requests that it applies to.")
    refused: int = Field(description="Of them, those for which it had not enough.")


class RefusedCallerItem(BaseModel):
    """A caller of whom requests would have been refused."""

    caller: str = Field(description="The consumer, else the key, else the address.")
    requests: int
    refused: int


class LimitSimulation(BaseModel):
    """Who would have been refused."""

    since: datetime
    until: datetime
    requests: int
    refused: int
    unlimited: int = Field(description="Requests to which no limit applies.")
    limits: list[LimitOutcomeItem]
    callers: list[RefusedCallerItem] = Field(description="Of whom most were, at most 20.")
    notes: list[str] = Field(description="Why the outcome may differ from what would have been.")


class LimitVerdict(BaseModel):
    """What one limit says of a request."""

    name: str
    passed: bool = Field(description="It had enough.")
    dry_run: bool = Field(description="It only reports.")
    remaining: int
    reset_seconds: int | None = Field(
        description="Until more is available, or the request would pass; null: it never would."
    )


class LimitDecision(BaseModel):
    """Whether a request passes; its units are used where it does."""

    allowed: bool
    status: int = Field(description="200, or 429 for a refusal.")
    refused_by: list[str] = Field(description="Limits that refuse it.")
    would_refuse: list[str] = Field(description="Dry runs that would have refused it.")
    retry_after: int | None = Field(description="Seconds; null where it passes or never would.")
    limits: list[LimitVerdict] = Field(description="Those that apply.")
    fields: dict[str, str] = Field(
        description="Of the response to the client: ratelimit, ratelimit-policy, retry-after."
    )


class LimitRemaining(BaseModel):
    """What is left for a caller; nothing is used by asking."""

    limits: list[LimitVerdict] = Field(description="Those that apply.")


def limit_item(one: Limit) -> LimitItem:
    """Return a limit as responses have it."""
    return LimitItem(**limit_fields(one))


def set_item(one: StoredLimitSet) -> LimitSetItem:
    """Return a limit set as responses have it."""
    return LimitSetItem(
        tenant=one.tenant, name=one.name, version=one.version, text=one.text, note=one.note,
        saved_at=one.saved_at, saved_by=one.saved_by,
    )  # fmt: skip
