"""Requests about the request log of an API, and what it says about usage.

```python
from sentinel.client import Client, usage

with Client() as sentinel:
    found = sentinel.do(usage.requests("service:shop status:5xx", since="15m"))
    for one in found.requests:
        print(one.timestamp, one.consumer, one.method, one.endpoint, one.status)
```
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sentinel.api_usage.answers import (
    ConsumerFound,
    EndpointChangesFound,
    QuotasFound,
    RequestsFound,
    RequestsTakenView,
    RisesFound,
    UsageFound,
    UsageGroupsFound,
)
from sentinel.client.calls import Call

__all__ = [
    "consumer",
    "endpoints",
    "over_time",
    "quotas",
    "requests",
    "rising",
    "send_lines",
    "send_requests",
    "top",
]

_REQUESTS, _USAGE = "/api/v1/requests", "/api/v1/usage"


def send_requests(
    given: Sequence[Mapping[str, Any]], *, batch: str = "", dropped: int = 0,
    tenant: str | None = None,
) -> Call[RequestsTakenView]:  # fmt: skip
    """Return the request that stores requests of an API.

    Args:
        given: each with a `status`, and what else is known of it
        batch: an id; a batch that comes again under the same id counts once
        dropped: requests that there was no room for
        tenant: whose; by default the key's

    Returns:
        The request.
    """
    headers = {"Idempotency-Key": batch} if batch else {}
    params = {"dropped": dropped or None, "tenant": tenant}
    return Call(RequestsTakenView, "POST", _REQUESTS, params, list(given), headers)


def send_lines(
    lines: bytes, kind: str, *, batch: str = "", service: str = "", tenant: str | None = None
) -> Call[RequestsTakenView]:
    """Return the request that stores lines of an access log.

    Args:
        lines: of the log
        kind: their format: nginx, apache, envoy or caddy
        batch: an id; a batch that comes again under the same id counts once
        service: name of the API; by default the host, where lines have one
        tenant: whose; by default the key's

    Returns:
        The request.
    """
    headers = {"Idempotency-Key": batch, "Content-Type": "text/plain"}
    params = {"format": kind, "service": service or None, "tenant": tenant}
    return Call(
        RequestsTakenView, "POST", _REQUESTS, params, lines,
        {name: value for name, value in headers.items() if value},
    )  # fmt: skip


def requests(query: str = "", **more: Any) -> Call[RequestsFound]:
    """Return the request for rows of the log, the newest first.

    Args:
        query: such as `consumer:user-7 status:>=400`
        more: since, until, limit, cursor, tenant

    Returns:
        The request.
    """
    return Call(RequestsFound, "GET", _REQUESTS, {"query": query, **more})


def over_time(query: str = "", **more: Any) -> Call[UsageFound]:
    """Return the request for figures of a period and its parts.

    Args:
        query: as `requests` takes it
        more: since, until, parts, tenant

    Returns:
        The request.
    """
    return Call(UsageFound, "GET", _USAGE, {"query": query, **more})


def top(by: str, query: str = "", **more: Any) -> Call[UsageGroupsFound]:
    """Return the request for figures by the values of a field.

    Args:
        by: service, consumer, key, plan, method, endpoint, status, address, agent or refused
        query: as `requests` takes it
        more: since, until, order, limit, tenant

    Returns:
        The request.
    """
    return Call(UsageGroupsFound, "GET", f"{_USAGE}/top", {"by": by, "query": query, **more})


def rising(by: str, query: str = "", **more: Any) -> Call[RisesFound]:
    """Return the request for values that rise; `least` beside what `top` takes, but for order."""
    return Call(RisesFound, "GET", f"{_USAGE}/rising", {"by": by, "query": query, **more})


def endpoints(query: str = "", **more: Any) -> Call[EndpointChangesFound]:
    """Return the request for new and dead endpoints.

    Args:
        query: as `requests` takes it
        more: since, until, history, known (a list of routes), least, tenant

    Returns:
        The request.
    """
    return Call(EndpointChangesFound, "GET", f"{_USAGE}/endpoints", {"query": query, **more})


def quotas(limit: str, **more: Any) -> Call[QuotasFound]:
    """Return the request for when a quota ends, such as `10_000 per month quota by key`."""
    return Call(QuotasFound, "GET", f"{_USAGE}/quotas", {"limit": limit, **more})


def consumer(name: str, query: str = "", **more: Any) -> Call[ConsumerFound]:
    """Return the request for what one consumer does; `more` is as of `over_time`."""
    return Call(ConsumerFound, "GET", f"{_USAGE}/consumer", {"name": name, "query": query, **more})
