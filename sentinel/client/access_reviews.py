"""Requests about who has which role, its reviews, and separation of duties.

```python
from sentinel.client import Client, access_reviews

with Client() as sentinel:
    for one in sentinel.do(access_reviews.present()).items:
        print(one.kind, one.name, one.role, one.used_at)
    sentinel.do(access_reviews.certify("removed two leavers; the rest is needed"))
```
"""

from __future__ import annotations

from datetime import datetime
from urllib.parse import quote

from pydantic import BaseModel

from sentinel.client.calls import BASE, Call

__all__ = [
    "AccessItem", "AccessNow", "Review", "ReviewItem", "ReviewList", "SeparatedItem",
    "SeparatedList", "certify", "present", "review", "reviews", "separate", "separation",
]  # fmt: skip

_PATH = f"{BASE}/access"


class AccessItem(BaseModel):
    """One role of a person or a key; `tenant` and `team` are None for all, `used_at` for never."""

    kind: str
    id: str
    name: str
    role: str
    tenant: str | None
    team: str | None
    since: datetime
    granted_by: str
    used_at: datetime | None
    state: str
    scopes: list[str]


class AccessNow(BaseModel):
    """Who has which role now; `due_at` is when the next review is due, None without any role."""

    items: list[AccessItem]
    due_at: datetime | None


class ReviewItem(BaseModel):
    """A review that somebody certified; the audit trail has its `digest` too."""

    id: str
    at: datetime
    certified_by: str
    comment: str
    count: int
    digest: str


class Review(ReviewItem):
    """A review with its entries; `problem` is how they differ from what was certified, or empty."""

    entries: list[AccessItem]
    problem: str


class ReviewList(BaseModel):
    """Reviews, newest first; at most 500."""

    items: list[ReviewItem]


class SeparatedItem(BaseModel):
    """A tenant in which separation of duties is on; None for all tenants."""

    tenant: str | None
    switched_at: datetime
    switched_by: str


class SeparatedList(BaseModel):
    """Where separation of duties is on."""

    items: list[SeparatedItem]


def present() -> Call[AccessNow]:
    """Return the request for who has which role now."""
    return Call(AccessNow, "GET", _PATH)


def certify(comment: str) -> Call[Review]:
    """Return the request that certifies that you reviewed who has which role.

    Args:
        comment: what was looked at, and what follows

    Returns:
        The request; the token of the instance is no person, and refused.
    """
    return Call(Review, "POST", f"{_PATH}/reviews", body={"comment": comment})


def reviews() -> Call[ReviewList]:
    """Return the request for the reviews that were certified, newest first."""
    return Call(ReviewList, "GET", f"{_PATH}/reviews")


def review(review_id: str) -> Call[Review]:
    """Return the request for one review; its id is 32 hex digits."""
    return Call(Review, "GET", f"{_PATH}/reviews/{quote(review_id, safe='')}")


def separation() -> Call[SeparatedList]:
    """Return the request for where separation of duties is on."""
    return Call(SeparatedList, "GET", f"{_PATH}/separation")


def separate(*, on: bool, tenant: str | None = None, reason: str = "") -> Call[SeparatedList]:
    """Return the request that switches separation of duties.

    Args:
        on: whether a second person has to approve changes to critical rules
        tenant: where; None for all tenants
        reason: kept in the audit trail

    Returns:
        The request, whose answer says where it is on now.
    """
    body = {"tenant": tenant, "on": on, "reason": reason}
    return Call(SeparatedList, "PUT", f"{_PATH}/separation", body=body)
