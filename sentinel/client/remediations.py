"""Requests about remediations that wait for an approval.

```python
from sentinel.client import Client, remediations

with Client() as sentinel:
    sentinel.do(remediations.approve(alert_id, comment="the disk is full indeed"))
```
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel

from sentinel.client.calls import BASE, Call

__all__ = ["Remediation", "approve", "reject"]


class Remediation(BaseModel):
    """What is to put an alert right: waits, wanted, started, ended or dropped."""

    deployment: str
    status: str
    state: str
    state_name: str
    error: str
    outcome: str
    flow_run_id: str | None
    flow_run_name: str
    flow_run: str | None
    wanted_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    approval: dict[str, Any]
    expires_at: datetime | None
    decided_by: str
    decided_at: datetime | None


def approve(alert_id: str, *, comment: str = "") -> Call[Remediation]:
    """Return the request that lets the remediation of an alert run."""
    return _decided(alert_id, "approve", comment)


def reject(alert_id: str, *, comment: str = "") -> Call[Remediation]:
    """Return the request that rejects the remediation of an alert."""
    return _decided(alert_id, "reject", comment)


def _decided(alert_id: str, verb: str, comment: str) -> Call[Remediation]:
    path = f"{BASE}/alerts/{quote(alert_id, safe='')}/remedy/{verb}"
    return Call(Remediation, "POST", path, body={"comment": comment})
