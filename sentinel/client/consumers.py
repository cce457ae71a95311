"""Requests about accounts of consumers, as editors and admins see them.

```python
from sentinel.client import Client, consumers

with Client() as sentinel:
    sentinel.do(consumers.save_rules({"enabled": True, "plans": ["free"]}))
    for one in sentinel.do(consumers.listed(status="waiting")).items:
        sentinel.do(consumers.approve(one.id))
```
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from sentinel.client.calls import Call

__all__ = [
    "Consumer", "ConsumerPage", "ConsumerRules", "approve", "disable", "listed", "read", "remove",
    "rules", "save_rules",
]  # fmt: skip

_PATH = "/api/v1/consumers"


class Consumer(BaseModel):
    """An account; `status` is waiting, active or disabled."""

    id: str
    tenant: str
    name: str
    plan: str
    status: str
    created_at: datetime
    login_at: datetime | None
    decided_by: str


class ConsumerPage(BaseModel):
    """A page of accounts, the oldest first."""

    items: list[Consumer]
    next_cursor: str | None = None


class ConsumerRules(BaseModel):
    """What the consumers of a tenant may do for themselves."""

    enabled: bool
    approval: bool
    plans: list[str]
    permissions: list[str]
    most_keys: int
    longest_days: int | None


def listed(
    *, tenant: str | None = None, status: str | None = None, limit: int = 100,
    cursor: str | None = None,
) -> Call[ConsumerPage]:  # fmt: skip
    """Return the request for the accounts that the caller sees."""
    given = {"tenant": tenant, "status": status, "limit": limit, "cursor": cursor}
    return Call(ConsumerPage, "GET", _PATH, given)


def read(account: str) -> Call[Consumer]:
    """Return the request for one account."""
    return Call(Consumer, "GET", f"{_PATH}/{account}")


def approve(account: str) -> Call[Consumer]:
    """Return the request that lets an account make keys."""
    return Call(Consumer, "POST", f"{_PATH}/{account}/approve")


def disable(account: str) -> Call[Consumer]:
    """Return the request that ends an account's sessions and revokes its keys."""
    return Call(Consumer, "POST", f"{_PATH}/{account}/disable")


def remove(account: str) -> Call[Consumer]:
    """Return the request that removes an account and revokes its keys."""
    return Call(Consumer, "DELETE", f"{_PATH}/{account}")


def rules(*, tenant: str | None = None) -> Call[ConsumerRules]:
    """Return the request for the rules of registration."""
    return Call(ConsumerRules, "GET", f"{_PATH}/rules", {"tenant": tenant})


def save_rules(given: Mapping[str, Any], *, tenant: str | None = None) -> Call[ConsumerRules]:
    """Return the request that saves the rules; what is left out is as by default."""
    return Call(ConsumerRules, "PUT", f"{_PATH}/rules", {"tenant": tenant}, body=dict(given))
