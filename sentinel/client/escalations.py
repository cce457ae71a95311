"""Requests about escalations: those that run, and statistics of those of the last hours.

```python
from sentinel.client import Client, escalations

with Client() as sentinel:
    for one in sentinel.do(escalations.running()).items:
        print(one.policy, one.level, one.due_at)
    print(sentinel.do(escalations.statistics(hours=168)).total.levels)
```
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from sentinel.client.calls import BASE, Call

__all__ = [
    "EscalationLevel", "EscalationStatistics", "PolicyEscalations", "RunningEscalation",
    "RunningEscalations", "running", "statistics",
]  # fmt: skip


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


class EscalationLevel(BaseModel):
    """How many escalations reached a level; `seconds` is the mean time to acknowledge there."""

    level: int
    reached: int
    acknowledged: int
    seconds: float | None


class PolicyEscalations(BaseModel):
    """Escalations of one policy and team, or all of them."""

    policy: str
    team: str
    escalations: int
    acknowledged: int
    seconds: float | None
    levels: list[EscalationLevel]


class EscalationStatistics(BaseModel):
    """Escalations of the last hours, without those of fire drills."""

    since: datetime
    until: datetime
    total: PolicyEscalations
    policies: list[PolicyEscalations]


def statistics(
    *, hours: float = 24, policy: str | None = None, team: str | None = None
) -> Call[EscalationStatistics]:
    """Return the request for statistics of escalations.

    Args:
        hours: length of the period
        policy: only of this policy; empty for those of rules' own, None for all
        team: only of this team; empty for those of no team, None for all

    Returns:
        The request.
    """
    asked = {"hours": hours, "policy": policy, "team": team}
    given = {name: value for name, value in asked.items() if value is not None}
    return Call(EscalationStatistics, "GET", f"{BASE}/oncall/escalations/statistics", given)
