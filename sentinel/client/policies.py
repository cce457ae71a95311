"""Requests about event policies, made once for both kinds of client.

```python
from sentinel.client import Client, policies

with Client() as sentinel:
    body = {"name": "logins", "rules": [{"field": "action", "operator": "eq", "value": "login"}]}
    print(sentinel.do(policies.create(body)).id)
```
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from pydantic import ConfigDict, Field

from sentinel.client.calls import BASE, Call
from sentinel.client.models import Tagged

__all__ = ["Policy", "PolicyPage", "change", "create", "delete", "policies", "policy"]


class Policy(Tagged):
    """An event policy; the API's document names the fields that it was made of."""

    model_config = ConfigDict(extra="allow")

    id: str
    name: str
    tenant: str
    enabled: bool
    owner: str
    deployment_id: str
    notes: list[str] = Field(default_factory=list)


class PolicyPage(Tagged):
    """Policies by name, or a page of them."""

    items: list[Policy]
    next_cursor: str | None = None


def policies(
    *,
    tenant: str | None = None,
    enabled: bool | None = None,
    limit: int | None = None,
    cursor: str | None = None,
) -> Call[PolicyPage]:
    """Return the request for event policies.

    Args:
        tenant: whose; None for all that the token may see
        enabled: only those that are switched on, or off
        limit: most policies of the page; None for all
        cursor: `next_cursor` of the page before

    Returns:
        The request, for `do`.
    """
    on = None if enabled is None else str(enabled).lower()
    params = {"tenant": tenant, "enabled": on, "limit": limit, "cursor": cursor}
    return Call(PolicyPage, "GET", f"{BASE}/policies", params)


def policy(name: str, *, tenant: str = "default") -> Call[Policy]:
    """Return the request for one policy."""
    return Call(Policy, "GET", _of(name), {"tenant": tenant})


def create(body: Mapping[str, Any], *, idempotency_key: str = "") -> Call[Policy]:
    """Return the request that makes a policy.

    Args:
        body: its fields
        idempotency_key: lets the same request be sent again

    Returns:
        The request, for `do`.
    """
    headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
    return Call(Policy, "POST", f"{BASE}/policies", body=dict(body), headers=headers)


def change(
    name: str, fields: Mapping[str, Any], *, tenant: str = "default", version: str = ""
) -> Call[Policy]:
    """Return the request that changes the fields that are given; the others stay.

    Args:
        name: of the policy
        fields: that change
        tenant: whose it is
        version: of the policy that was read, where nobody may have changed it since

    Returns:
        The request; `do` raises `ChangeWaits` where a second person must approve it.
    """
    return Call(Policy, "PATCH", _of(name), {"tenant": tenant}, dict(fields), _only(version))


def delete(name: str, *, tenant: str = "default", version: str = "") -> Call[Policy]:
    """Return the request that deletes a policy, for `carry_out`.

    Args:
        name: of the policy
        tenant: whose it is
        version: of the policy that was read, where nobody may have changed it since

    Returns:
        The request.
    """
    return Call(None, "DELETE", _of(name), {"tenant": tenant}, headers=_only(version))


def _of(name: str) -> str:
    return f"{BASE}/policies/{quote(name, safe='')}"


def _only(version: str) -> dict[str, str]:
    return {"If-Match": version} if version else {}
