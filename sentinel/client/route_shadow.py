"""Requests about the draft of the routes that runs beside the active ones.

```python
from sentinel.client import Client, route_shadow

with Client() as sentinel:
    sentinel.do(route_shadow.start(text, note="the db team gets a pager"))
    print(sentinel.do(route_shadow.report(days=2)).receivers)
```
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel

from sentinel.client.calls import BASE, Call

__all__ = ["Report", "Shadow", "report", "start", "stop"]

_PATH = f"{BASE}/routes/shadow"


class Shadow(BaseModel):
    """A draft that runs beside the active routes, or ran."""

    id: str
    digest: str
    note: str
    started_by: str
    started_at: datetime
    stopped_by: str
    stopped_at: datetime | None


class Report(BaseModel):
    """What a draft would have done, by receiver."""

    id: str
    running: bool
    started_at: datetime
    started_by: str
    stopped_at: datetime | None
    note: str
    since: datetime
    until: datetime
    alerts: int
    receivers: list[dict[str, Any]]


def start(document: str, *, note: str = "") -> Call[Shadow]:
    """Return the request that runs a draft beside the active routes.

    Args:
        document: YAML with the routes
        note: the reason

    Returns:
        The request; `do` raises `Conflict` where another draft runs.
    """
    return Call(Shadow, "POST", _PATH, body={"document": document, "note": note})


def stop() -> Call[Shadow]:
    """Return the request that stops the draft."""
    return Call(Shadow, "DELETE", _PATH)


def report(*, days: float | None = None) -> Call[Report]:
    """Return the request for what the draft would have done with the alerts of the last days."""
    return Call(Report, "GET", _PATH, {"days": days})
