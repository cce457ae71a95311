"""Requests about fire drills.

```python
from sentinel.client import Client, drills

with Client() as sentinel:
    begun = sentinel.do(drills.start("db"))
    print(sentinel.do(drills.report(begun.id)).reached)
```
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel

from sentinel.client.calls import BASE, Call

__all__ = ["Drill", "latest", "report", "start"]

_PATH = f"{BASE}/oncall/drills"


class Drill(BaseModel):
    """A drill so far: its pages, who was reached, and who did not acknowledge."""

    id: str
    team: str
    started_at: datetime
    status: str
    acknowledged_by: str
    acknowledged_seconds: float | None
    over: bool
    pages: list[dict[str, Any]]
    reached: list[str]
    silent: list[str]


def start(team: str, *, severity: str = "high") -> Call[Drill]:
    """Return the request that pages a team by a marked test alert.

    Args:
        team: of the on-call document
        severity: of the alert

    Returns:
        The request; `do` raises `Conflict` where a drill of the team is open.
    """
    return Call(Drill, "POST", _PATH, body={"team": team, "severity": severity})


def latest(team: str) -> Call[Drill]:
    """Return the request for what came of the last drill of a team."""
    return Call(Drill, "GET", f"{_PATH}/latest", {"team": team})


def report(drill_id: str) -> Call[Drill]:
    """Return the request for what came of a drill."""
    return Call(Drill, "GET", f"{_PATH}/{drill_id}")
