"""Requests about providers, whose secrets are stored as Prefect blocks and never returned.

```python
from sentinel.client import Client, providers

with Client() as sentinel:
    made = sentinel.do(providers.create("ops", "slack", {"webhook_url": "https://…"}))
    print(made.channel, sentinel.do(providers.provider(made.id)).receivers)
```
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel

from sentinel.client.calls import BASE, Call

__all__ = ["Provider", "ProviderPage", "change", "create", "delete", "provider", "providers"]


class Provider(BaseModel):
    """A provider; of its configuration, what is no secret."""

    id: str
    name: str
    provider_type: str
    config: dict[str, Any]
    channel: str
    receivers: list[str]
    notes: list[str] = []


class ProviderPage(BaseModel):
    """Providers by name, or a page of them."""

    items: list[Provider]
    next_cursor: str | None = None


def providers(*, limit: int | None = None, cursor: str | None = None) -> Call[ProviderPage]:
    """Return the request for all providers.

    Args:
        limit: most providers of the page; None for all
        cursor: `next_cursor` of the page before

    Returns:
        The request, for `do`.
    """
    return Call(ProviderPage, "GET", f"{BASE}/providers", {"limit": limit, "cursor": cursor})


def provider(provider_id: str) -> Call[Provider]:
    """Return the request for one provider."""
    return Call(Provider, "GET", _of(provider_id))


def create(
    name: str, provider_type: str, config: Mapping[str, Any], *, provider_id: str = "",
    idempotency_key: str = "",
) -> Call[Provider]:  # fmt: skip
    """Return the request that makes a provider.

    Args:
        name: a title
        provider_type: as `slack`, `pagerduty`, `webhook` or `email`
        config: of its kind, with its secrets
        provider_id: as `pagerduty-001`; by default made of the name
        idempotency_key: lets the same request be sent again

    Returns:
        The request, for `do`.
    """
    body: dict[str, Any] = {"name": name, "provider_type": provider_type, "config": dict(config)}
    if provider_id:
        body["id"] = provider_id
    headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
    return Call(Provider, "POST", f"{BASE}/providers", body=body, headers=headers)


def change(
    provider_id: str, *, name: str | None = None, config: Mapping[str, Any] | None = None
) -> Call[Provider]:
    """Return the request that changes what is given of a provider; the rest stays.

    Args:
        provider_id: of the provider
        name: another title
        config: fields of its configuration that change

    Returns:
        The request, for `do`.
    """
    given = {"name": name, "config": None if config is None else dict(config)}
    body = {key: value for key, value in given.items() if value is not None}
    return Call(Provider, "PATCH", _of(provider_id), body=body)


def delete(provider_id: str) -> Call[Provider]:
    """Return the request that deletes a provider, for `carry_out`."""
    return Call(None, "DELETE", _of(provider_id))


def _of(provider_id: str) -> str:
    return f"{BASE}/providers/{quote(provider_id, safe='')}"
