"""Requests about feeds of alerts, incidents and silences, for feed readers and calendars.

```python
from sentinel.client import Client, web_feeds

with Client() as sentinel:
    print(sentinel.do(web_feeds.make("alerts")).urls)
```
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from urllib.parse import quote

from pydantic import BaseModel

from sentinel.client.calls import Call

__all__ = ["MadeWebFeed", "WebFeed", "WebFeedList", "feeds", "make", "revoke"]

_PATH = "/api/v1/feeds"


class WebFeed(BaseModel):
    """A feed; `used_at` is when it was read last, None for never."""

    id: str
    kind: str
    tenant: str
    created_by: str
    created_at: datetime
    used_at: datetime | None


class MadeWebFeed(WebFeed):
    """A feed with its addresses, which are shown this once: whoever has one reads it."""

    urls: list[str]


class WebFeedList(BaseModel):
    """The feeds of a tenant that were not revoked, the newest first."""

    items: list[WebFeed]


def feeds(*, tenant: str | None = None) -> Call[WebFeedList]:
    """Return the request for the feeds of a tenant.

    Args:
        tenant: whose; None for the only one of the token, or `default`

    Returns:
        The request.
    """
    return Call(WebFeedList, "GET", _PATH, {"tenant": tenant})


def make(
    kind: Literal["alerts", "incidents", "silences"], *, tenant: str | None = None
) -> Call[MadeWebFeed]:
    """Return the request that makes a feed of a kind; `tenant` as in `feeds`."""
    return Call(MadeWebFeed, "POST", _PATH, {"tenant": tenant}, body={"kind": kind})


def revoke(feed_id: str, *, tenant: str | None = None) -> Call[WebFeed]:
    """Return the request that ends a feed; its id is 32 hex digits, `tenant` as in `feeds`."""
    return Call(WebFeed, "DELETE", f"{_PATH}/{quote(feed_id, safe='')}", {"tenant": tenant})
