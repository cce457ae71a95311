"""Requests about the system log and stored events.

```python
from sentinel.client import Client, system_log

with Client() as sentinel:
    for entry in sentinel.do(system_log.entries(level=["error"])).items:
        print(entry.at, entry.message)
    for one in sentinel.do(system_log.events()).items:
        print(one.id, one.event)
```
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from sentinel.client.calls import BASE, Call

__all__ = ["Entry", "EntryPage", "Event", "EventPage", "entries", "event", "events"]

_EVENTS = "/api/v1/events"


class Entry(BaseModel):
    """One entry of the system log."""

    id: str
    at: datetime
    level: str
    what: str
    message: str
    details: dict[str, Any]


class EntryPage(BaseModel):
    """Entries, newest first."""

    items: list[Entry]


class Event(BaseModel):
    """One stored event, as it was sent."""

    id: str
    received_at: datetime
    event: dict[str, Any]


class EventPage(BaseModel):
    """Events, newest first; `next_cursor` is None on the last page."""

    items: list[Event]
    next_cursor: str | None


def entries(
    *, q: str = "", level: Sequence[str] = (), until: datetime | None = None, limit: int = 100
) -> Call[EntryPage]:
    """Return the request for the system log.

    Args:
        q: words of the message or code
        level: info, warning, error; empty for all
        until: at or before this
        limit: at most so many

    Returns:
        The request, for `do`.
    """
    asked = {"q": q or None, "level": list(level) or None, "limit": limit,
             "until": None if until is None else until.isoformat()}  # fmt: skip
    return Call(EntryPage, "GET", f"{BASE}/system-log", asked)


def events(
    *,
    tenant: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    q: str = "",
    limit: int = 50,
    cursor: str | None = None,
) -> Call[EventPage]:
    """Return the request for a page of a tenant's stored events.

    Args:
        tenant: whose they are; None for the only tenant of a key that has one
        since: received at or after this
        until: received before this
        q: what the JSON of the event has, in whatever case
        limit: at most so many
        cursor: `next_cursor` of the page before

    Returns:
        The request, for `do`.
    """
    asked = {
        "tenant": tenant, "limit": limit, "cursor": cursor, "q": q or None,
        "since": since and since.isoformat(), "until": until and until.isoformat(),
    }  # fmt: skip
    return Call(EventPage, "GET", _EVENTS, asked)


def event(event_id: str, *, tenant: str | None = None) -> Call[Event]:
    """Return the request for one stored event."""
    return Call(Event, "GET", f"{_EVENTS}/{event_id}", {"tenant": tenant})
