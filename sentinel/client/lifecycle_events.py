"""Requests about outgoing events: what happened to alerts and incidents, and where it is sent.

```python
from sentinel.client import Client, lifecycle_events

with Client() as sentinel:
    cursor = 0
    while True:
        found = sentinel.do(lifecycle_events.after(cursor, wait=30))
        for event in found.events:
            print(event["type"], event["subject"])
        cursor = found.cursor
```
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from urllib.parse import quote

from pydantic import BaseModel

from sentinel.client.calls import Call

__all__ = ["Destination", "DestinationList", "LifecycleEvents", "after", "destination",
           "destinations", "remove_destination", "replay", "save_destination"]  # fmt: skip

_BASE = "/api/v1"
_SLACK = 15.0
"""Seconds that an answer may take beyond the time that it waits for an event."""


class LifecycleEvents(BaseModel):
    """Changes of one tenant, as CloudEvents, in their order and without gaps.

    `cursor` is what the next request goes on from, `last` the number of the newest change.
    """

    events: list[dict[str, Any]]
    cursor: int
    last: int


class Destination(BaseModel):
    """A destination of outgoing events; `cursor` is the number of the last change that it took."""

    name: str
    tenant: str
    channel: str
    mode: Literal["structured", "batch"]
    cursor: int
    state: str
    failures: int
    error: str
    failed_at: datetime | None
    next_at: datetime | None
    sent_at: datetime | None


class DestinationList(BaseModel):
    """The destinations, by name."""

    items: list[Destination]


def after(
    cursor: int | None = None, *, tenant: str | None = None, limit: int = 100, wait: float = 0.0
) -> Call[LifecycleEvents]:
    """Return the request for the changes after a cursor.

    Args:
        cursor: of the previous answer; None for the newest change, 0 for all that are kept
        tenant: whose changes; None for the only one of the token, or `default`
        limit: how many at most, up to 1,000
        wait: seconds to wait for the first one, up to 30

    Returns:
        The request.
    """
    asked = {"after": cursor, "tenant": tenant, "limit": limit, "wait": wait or None}
    path = f"{_BASE}/lifecycle-events"
    return Call(LifecycleEvents, "GET", path, asked, wait=wait + _SLACK)


def destinations() -> Call[DestinationList]:
    """Return the request for all destinations."""
    return Call(DestinationList, "GET", f"{_BASE}/event-destinations")


def destination(name: str) -> Call[Destination]:
    """Return the request for one destination."""
    return Call(Destination, "GET", _of(name))


def save_destination(
    name: str, channel: str, *, tenant: str = "default",
    mode: Literal["structured", "batch"] = "batch", after: int | None = None,
) -> Call[Destination]:  # fmt: skip
    """Return the request that creates a destination, or changes it.

    Args:
        name: of the destination
        channel: the webhook block that has its URL and secret, as `sentinel-webhook/NAME`
        tenant: whose changes it is sent
        mode: structured for one event in each request, batch for up to 100
        after: number of the last change that it is not sent; None for the newest, or where it is

    Returns:
        The request.
    """
    body = {"channel": channel, "tenant": tenant, "mode": mode, "after": after}
    return Call(Destination, "PUT", _of(name), body=body)


def remove_destination(name: str) -> Call[Destination]:
    """Return the request that removes a destination."""
    return Call(Destination, "DELETE", _of(name))


def replay(name: str, after: int) -> Call[Destination]:
    """Return the request that sends a destination all changes after a number."""
    return Call(Destination, "POST", f"{_of(name)}/replay", body={"after": after})


def _of(name: str) -> str:
    return f"{_BASE}/event-destinations/{quote(name, safe='')}"
