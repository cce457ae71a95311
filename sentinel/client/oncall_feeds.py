"""Requests about calendar feeds: addresses at which calendar programs read shifts.

```python
from sentinel.client import Client, oncall_feeds

with Client() as sentinel:
    print(sentinel.do(oncall_feeds.make(person="ann")).url)
```
"""

from __future__ import annotations

from datetime import datetime
from urllib.parse import quote

from pydantic import BaseModel

from sentinel.client.calls import BASE, Call

__all__ = ["Feed", "FeedList", "MadeFeed", "feeds", "make", "revoke"]

_PATH = f"{BASE}/oncall/feeds"


class Feed(BaseModel):
    """A calendar feed; `used_at` is when a calendar program read it last, None for never."""

    id: str
    person: str
    schedule: str
    created_by: str
    created_at: datetime
    used_at: datetime | None


class MadeFeed(Feed):
    """A feed with its address, which is shown this once: whoever has it reads the shifts."""

    url: str


class FeedList(BaseModel):
    """The feeds that were not revoked, the newest first."""

    items: list[Feed]


def feeds() -> Call[FeedList]:
    """Return the request for the feeds that were not revoked."""
    return Call(FeedList, "GET", _PATH)


def make(*, person: str = "", schedule: str = "") -> Call[MadeFeed]:
    """Return the request that makes a feed.

    Args:
        person: whose shifts; empty for everybody's
        schedule: by which schedule; empty for all

    Returns:
        The request.
    """
    return Call(MadeFeed, "POST", _PATH, body={"person": person, "schedule": schedule})


def revoke(feed_id: str) -> Call[Feed]:
    """Return the request that ends a feed; its id is 32 hex digits."""
    return Call(Feed, "DELETE", f"{_PATH}/{quote(feed_id, safe='')}")
