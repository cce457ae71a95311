"""The request for the escalations that run.

```python
from sentinel.client import Client, escalations

with Client() as sentinel:
    for one in sentinel.do(escalations.running()).items:
        print(one.policy, one.level, one.due_at)
```
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from sentinel.client.calls import BASE, Call

__all__ = ["RunningEscalation", "RunningEscalations", "running"]


class RunningEscalation(BaseModel):
    """An escalation that is not over; every field of the API's answer is in a dump of it."""

    model_config = ConfigDict(extra="allow")

    group_id: str
    title: str
    severity: str
    policy: str
    state: str
    level: int
    levels: int
    due_at: datetime | None
    paged: list[str]
    following: list[dict[str, Any]]


class RunningEscalations(BaseModel):
    """Escalations that run, those with the earliest next step first."""

    items: list[RunningEscalation]


def running() -> Call[RunningEscalations]:
    """Return the request that lists the escalations that run."""
    return Call(RunningEscalations, "GET", f"{BASE}/oncall/escalations")
