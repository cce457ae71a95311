"""Requests about changes that wait for a second person, made once for both kinds of client.

```python
from sentinel.client import Client, pending_changes

with Client() as sentinel:
    for one in sentinel.do(pending_changes.pending()).items:
        sentinel.do(pending_changes.approve(one.id, comment="seen with Ada"))
```
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel

from sentinel.client.calls import BASE, Call

__all__ = [
    "FieldDifference",
    "PendingChange",
    "PendingChanges",
    "approve",
    "change",
    "pending",
    "reject",
    "withdraw",
]


class FieldDifference(BaseModel):
    """A field that a change concerns, as it is and as it is to be."""

    field: str
    before: Any
    after: Any


class PendingChange(BaseModel):
    """A change to a critical rule that somebody asked for."""

    id: str
    tenant: str
    rule: str
    kind: str
    status: str
    asked_by: str
    asked_at: datetime
    expires_at: datetime
    reason: str
    decided_by: str
    decided_at: datetime | None
    comment: str
    differences: list[FieldDifference]


class PendingChanges(BaseModel):
    """Pending changes, newest first."""

    items: list[PendingChange]


def pending(*, status: str | None = None, rule: str | None = None) -> Call[PendingChanges]:
    """Return the request for changes that wait, or have another status.

    Args:
        status: as `approved`; None for those that the API lists by default
        rule: of this rule alone

    Returns:
        The request, for `do`.
    """
    return Call(PendingChanges, "GET", f"{BASE}/pending-changes", {"status": status, "rule": rule})


def change(change_id: str) -> Call[PendingChange]:
    """Return the request for one change."""
    return Call(PendingChange, "GET", _of(change_id))


def approve(change_id: str, *, comment: str = "") -> Call[PendingChange]:
    """Return the request that approves a change, as a second person."""
    return _decided(change_id, "approve", comment)


def reject(change_id: str, *, comment: str = "") -> Call[PendingChange]:
    """Return the request that rejects a change."""
    return _decided(change_id, "reject", comment)


def withdraw(change_id: str, *, comment: str = "") -> Call[PendingChange]:
    """Return the request by which whoever asked for a change takes it back."""
    return _decided(change_id, "withdraw", comment)


def _decided(change_id: str, how: str, comment: str) -> Call[PendingChange]:
    body = {"comment": comment} if comment else None
    return Call(PendingChange, "POST", f"{_of(change_id)}/{how}", body=body)


def _of(change_id: str) -> str:
    return f"{BASE}/pending-changes/{quote(change_id, safe='')}"
