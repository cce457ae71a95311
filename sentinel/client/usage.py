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

from sentinel.api_usage.answers import RequestsFound, RequestsTakenView
from sentinel.client.calls import Call

__all__ = ["requests", "send_lines", "send_requests"]

_REQUESTS = "/api/v1/requests"


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
