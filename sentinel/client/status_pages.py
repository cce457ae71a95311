"""Requests about status pages: their definitions, and the tokens of private ones.

```python
from sentinel.client import Client, status_pages

with Client() as sentinel:
    for one in sentinel.do(status_pages.listed()).items:
        print(one.url, one.written_at)
```
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel

from sentinel.client.calls import Call

__all__ = [
    "StatusPage", "StatusPageList", "StatusPageToken", "Subscriber", "SubscriberList", "listed",
    "new_token", "read", "remove", "remove_subscriber", "save", "subscribers",
]  # fmt: skip

_PATH = "/api/v1/status-pages"


class StatusPage(BaseModel):
    """A status page; `written_at` is when the flow wrote it last, None for never."""

    definition: dict[str, Any]
    version: int
    saved_at: datetime
    saved_by: str
    url: str
    written_at: datetime | None
    has_token: bool
    subscribers: int = 0


class StatusPageList(BaseModel):
    """The status pages that the caller sees, by name."""

    items: list[StatusPage]


class StatusPageToken(BaseModel):
    """The token of a private page, which is shown this once."""

    token: str
    url: str


class Subscriber(BaseModel):
    """A subscriber, masked; `confirmed_at` is None while nobody opened the link."""

    id: str
    kind: str
    who: str
    services: list[str]
    asked_at: datetime
    confirmed_at: datetime | None
    refused: int


class SubscriberList(BaseModel):
    """The subscribers of a status page, the newest first."""

    items: list[Subscriber]


def listed(*, tenant: str | None = None) -> Call[StatusPageList]:
    """Return the request for the status pages that the caller sees."""
    return Call(StatusPageList, "GET", _PATH, {"tenant": tenant})


def read(page: str) -> Call[StatusPage]:
    """Return the request for one status page."""
    return Call(StatusPage, "GET", _place(page))


def save(page: str, definition: Mapping[str, Any]) -> Call[StatusPage]:
    """Return the request that saves a status page, or replaces the one of that name."""
    return Call(StatusPage, "PUT", _place(page), body=dict(definition))


def remove(page: str) -> Call[StatusPage]:
    """Return the request that removes a status page with its history."""
    return Call(StatusPage, "DELETE", _place(page))


def new_token(page: str) -> Call[StatusPageToken]:
    """Return the request that makes the token of a private page."""
    return Call(StatusPageToken, "POST", f"{_place(page)}/token")


def subscribers(page: str) -> Call[SubscriberList]:
    """Return the request for the subscribers of a status page."""
    return Call(SubscriberList, "GET", f"{_place(page)}/subscribers")


def remove_subscriber(page: str, subscriber: str) -> Call[Subscriber]:
    """Return the request that ends the subscription of somebody."""
    return Call(Subscriber, "DELETE", f"{_place(page)}/subscribers/{quote(subscriber, safe='')}")


def _place(name: str) -> str:
    return f"{_PATH}/{quote(name, safe='')}"
