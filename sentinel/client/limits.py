"""Requests about limits of an API.

```python
from sentinel.client import Client, limits

with Client() as sentinel:
    sentinel.do(limits.save("public-api", "100/minute by key"))
    if not sentinel.do(limits.decide("public-api", key="k1", path="/orders")).allowed:
        print("too many requests")
```
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel

from sentinel.client.calls import Call

__all__ = [
    "CheckedLimits", "LimitDecision", "LimitSet", "LimitSetPage", "LimitSetVersions",
    "LimitsLeft", "SavedLimitSet", "SimulatedLimits", "check", "decide", "listed", "read",
    "remove", "save", "simulate", "state", "versions",
]  # fmt: skip

_PATH = "/api/v1/limit-sets"


class LimitSet(BaseModel):
    """A limit set; `text` is as people write it."""

    tenant: str
    name: str
    version: int
    text: str
    note: str
    saved_at: datetime
    saved_by: str


class SavedLimitSet(LimitSet):
    """A limit set with its limits, and whether this is a new version."""

    limits: list[dict[str, Any]]
    changed: bool


class LimitSetPage(BaseModel):
    """A page of limit sets."""

    items: list[LimitSet]
    next_cursor: str | None = None


class LimitSetVersions(BaseModel):
    """What a limit set was, the newest version first."""

    items: list[LimitSet]


class CheckedLimits(BaseModel):
    """What a text says; each fault has line, column, message and hint."""

    valid: bool
    limits: list[dict[str, Any]]
    faults: list[dict[str, Any]]


class SimulatedLimits(BaseModel):
    """Who would have been refused."""

    since: datetime
    until: datetime
    requests: int
    refused: int
    unlimited: int
    limits: list[dict[str, Any]]
    callers: list[dict[str, Any]]
    notes: list[str]


class LimitsLeft(BaseModel):
    """What is left for a caller."""

    limits: list[dict[str, Any]]


class LimitDecision(BaseModel):
    """Whether a request passes, with the fields for the response to its client."""

    allowed: bool
    status: int
    refused_by: list[str]
    would_refuse: list[str]
    retry_after: int | None
    limits: list[dict[str, Any]]
    fields: dict[str, str]


def listed(
    *, tenant: str | None = None, limit: int = 100, cursor: str | None = None
) -> Call[LimitSetPage]:
    """Return the request for the limit sets that the caller sees, by tenant and name."""
    return Call(LimitSetPage, "GET", _PATH, {"tenant": tenant, "limit": limit, "cursor": cursor})


def check(text: str) -> Call[CheckedLimits]:
    """Return the request that says what a text means, and where it is wrong."""
    return Call(CheckedLimits, "POST", f"{_PATH}/check", body={"text": text})


def simulate(
    text: str, *, tenant: str | None = None, query: str = "", since: str = "1d"
) -> Call[SimulatedLimits]:
    """Return the request that tries limits over the request log.

    Args:
        text: of the limits
        tenant: of the API; None for the only one in reach, or `default`
        query: of the request log; empty for all requests
        since: a length of time before now, or a moment

    Returns:
        The request. Nothing is saved or counted.
    """
    body = {"text": text, "tenant": tenant, "query": query, "since": since}
    return Call(SimulatedLimits, "POST", f"{_PATH}/simulate", body=body, wait=60)


def read(name: str, *, tenant: str | None = None) -> Call[LimitSet]:
    """Return the request for one limit set."""
    return Call(LimitSet, "GET", _place(name), {"tenant": tenant})


def versions(name: str, *, tenant: str | None = None) -> Call[LimitSetVersions]:
    """Return the request for what a limit set was."""
    return Call(LimitSetVersions, "GET", f"{_place(name)}/versions", {"tenant": tenant})


def save(
    name: str, text: str, *, tenant: str | None = None, note: str = "", dry_run: bool = False
) -> Call[SavedLimitSet]:
    """Return the request that saves a limit set, or replaces the one of that name.

    Args:
        name: of the set
        text: limits with `;` or a new line between them
        tenant: of the API; None for the only one in reach, or `default`
        note: the reason, kept with the version
        dry_run: check everything, and change nothing

    Returns:
        The request.
    """
    given = {"tenant": tenant, "dry_run": dry_run or None}
    return Call(SavedLimitSet, "PUT", _place(name), given, body={"text": text, "note": note})


def remove(name: str, *, tenant: str | None = None) -> Call[LimitSet]:
    """Return the request that removes a limit set with its versions."""
    return Call(LimitSet, "DELETE", _place(name), {"tenant": tenant})


def decide(limit_set: str, **caller: Any) -> Call[LimitDecision]:
    """Return the request that decides whether a request to an API passes.

    Args:
        limit_set: name of the limits
        caller: what is known of the request: tenant, key (the id of the key that it came with),
            user, plan, address, method, path, endpoint, and cost in units

    Returns:
        The request. Sent twice, its units are used twice.
    """
    body = {"limit_set": limit_set, **caller}
    return Call(LimitDecision, "POST", "/api/v1/limits/decide", body=body)


def state(limit_set: str, **caller: Any) -> Call[LimitsLeft]:
    """Return the request for what is left for a caller, which uses nothing; see `decide`."""
    body = {"limit_set": limit_set, **caller}
    return Call(LimitsLeft, "POST", "/api/v1/limits/state", body=body)


def _place(name: str) -> str:
    return f"{_PATH}/{quote(name, safe='')}"
