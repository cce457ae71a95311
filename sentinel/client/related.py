"""Requests about alerts that are related to one another.

```python
from sentinel.client import Client, related

with Client() as sentinel:
    for one in sentinel.do(related.of_alert(alert_id)).items:
        print(one.title, one.evidence[0]["reason"])
```
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel

from sentinel.client.calls import BASE, Call

__all__ = [
    "AlertGroupPage", "CandidatePage", "RelatedAlert", "RelatedAlertPage", "candidates", "groups",
    "of_alert",
]  # fmt: skip


class RelatedAlert(BaseModel):
    """An alert that is related to another; each evidence has kind, reason and strength."""

    id: str
    title: str
    severity: str
    status: str
    rule: str
    service: str
    opened_at: datetime | None
    score: float
    seconds: float
    evidence: list[dict[str, Any]]


class RelatedAlertPage(BaseModel):
    """Related alerts, the closest first."""

    items: list[RelatedAlert]


class AlertGroup(BaseModel):
    """Open alerts that belong together, and the links between them."""

    id: str
    alert_count: int
    shown: list[str]
    alerts: list[dict[str, Any]]
    links: list[dict[str, Any]]


class AlertGroupPage(BaseModel):
    """Groups of related alerts, the largest first."""

    items: list[AlertGroup]


class Candidate(BaseModel):
    """A change that may be the cause of an alert."""

    kind: str
    title: str
    at: datetime
    by: str
    service: str
    rule: str
    reference: str
    score: float
    seconds_before: float
    reasons: list[str]


class CandidatePage(BaseModel):
    """Changes before an alert, the most likely cause first, and sources that were not read."""

    items: list[Candidate]
    left_out: dict[str, str]


def candidates(alert_id: str, *, limit: int = 10) -> Call[CandidatePage]:
    """Return the request for what may have caused an alert."""
    path = f"{BASE}/alerts/{alert_id}/candidates"
    return Call(CandidatePage, "GET", path, {"limit": limit})


def of_alert(alert_id: str, *, limit: int = 20) -> Call[RelatedAlertPage]:
    """Return the request for the alerts that are related to one."""
    return Call(RelatedAlertPage, "GET", f"{BASE}/alerts/{alert_id}/related", {"limit": limit})


def groups(*, tenant: str = "default", limit: int = 50) -> Call[AlertGroupPage]:
    """Return the request for the groups of open alerts."""
    params = {"tenant": tenant, "limit": limit}
    return Call(AlertGroupPage, "GET", f"{BASE}/correlation/groups", params)
