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

__all__ = ["AlertGroupPage", "RelatedAlert", "RelatedAlertPage", "groups", "of_alert"]


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


def of_alert(alert_id: str, *, limit: int = 20) -> Call[RelatedAlertPage]:
    """Return the request for the alerts that are related to one."""
    return Call(RelatedAlertPage, "GET", f"{BASE}/alerts/{alert_id}/related", {"limit": limit})


def groups(*, tenant: str = "default", limit: int = 50) -> Call[AlertGroupPage]:
    """Return the request for the groups of open alerts."""
    params = {"tenant": tenant, "limit": limit}
    return Call(AlertGroupPage, "GET", f"{BASE}/correlation/groups", params)
