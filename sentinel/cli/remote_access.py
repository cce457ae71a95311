"""Access reviews, separation of duties and calendar feeds of a server on another machine."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from sentinel.access.review import AccessEntry
from sentinel.cli.remote import client_here

if TYPE_CHECKING:
    from sentinel.client.access_reviews import AccessItem, Review, ReviewItem, SeparatedItem
    from sentinel.client.oncall_feeds import Feed, MadeFeed

__all__ = [
    "calendar_there", "certify_there", "entries_of", "feeds_there", "make_feed_there",
    "present_there", "review_there", "reviews_there", "revoke_feed_there", "separation_there",
]  # fmt: skip


def separation_there(
    switch: bool | None, tenant: str | None, reason: str
) -> tuple[bool, list[SeparatedItem]]:
    """Switch separation of duties of the server, or read where it is on.

    Args:
        switch: on or off; None to read it
        tenant: where; None for all tenants
        reason: kept in the audit trail

    Returns:
        Whether that changed it, and where it is on now.
    """
    from sentinel.client import access_reviews

    with client_here() as client:
        before = client.do(access_reviews.separation()).items
        if switch is None:
            return False, before
        now = client.do(access_reviews.separate(on=switch, tenant=tenant, reason=reason)).items
    return (tenant in {one.tenant for one in before}) is not switch, now


def present_there() -> tuple[list[AccessEntry], datetime | None]:
    """Return who has which role on the server, and when the next review is due."""
    from sentinel.client import access_reviews

    with client_here() as client:
        found = client.do(access_reviews.present())
    return entries_of(found.items), found.due_at


def entries_of(items: Sequence[AccessItem]) -> list[AccessEntry]:
    """Return what the API says of roles as the store says it."""
    return [msgspec.convert(one.model_dump(), AccessEntry) for one in items]


def certify_there(comment: str) -> Review:
    """Certify a review of the server's roles, and return it."""
    from sentinel.client import access_reviews

    with client_here() as client:
        return client.do(access_reviews.certify(comment))


def reviews_there() -> list[ReviewItem]:
    """Return the certified reviews of the server, newest first."""
    from sentinel.client import access_reviews

    with client_here() as client:
        return client.do(access_reviews.reviews()).items


def review_there(wanted: str) -> Review:
    """Return the certified review of the server whose id is, or begins with, a text.

    Args:
        wanted: an id, or what it begins with

    Returns:
        The review with its entries.

    Raises:
        NotFound: there is none
        Conflict: several ids begin so
    """
    from sentinel.client import access_reviews
    from sentinel.errors import Conflict, NotFound

    with client_here() as client:
        listed = client.do(access_reviews.reviews()).items
        ids = [one.id for one in listed if one.id.startswith(wanted)]
        if not ids:
            raise NotFound(
                f"there is no access review {wanted}", hint="List them: sentinel access reviews"
            )
        if len(ids) > 1:
            raise Conflict(f"{len(ids)} access reviews begin with {wanted}")
        return client.do(access_reviews.review(ids[0]))


def make_feed_there(person: str, schedule: str) -> MadeFeed:
    """Make a calendar feed on the server, and return it with its address."""
    from sentinel.client import oncall_feeds

    with client_here() as client:
        return client.do(oncall_feeds.make(person=person, schedule=schedule))


def feeds_there() -> list[Feed]:
    """Return the calendar feeds of the server that were not revoked, the newest first."""
    from sentinel.client import oncall_feeds

    with client_here() as client:
        return client.do(oncall_feeds.feeds()).items


def revoke_feed_there(feed_id: str) -> Feed:
    """End a calendar feed of the server, and return it."""
    from sentinel.client import oncall_feeds

    with client_here() as client:
        return client.do(oncall_feeds.revoke(feed_id))


def calendar_there(schedule: str | None, person: str, days: int) -> bytes:
    """Return the shifts of the server's schedules as an iCalendar file.

    Args:
        schedule: its name; None for all
        person: whose shifts; empty for everybody's
        days: how many to look ahead

    Returns:
        The file.
    """
    from sentinel.client import exports

    asked = exports.oncall_calendar(schedule=schedule or "", person=person, days=days)
    with client_here() as client:
        return b"".join(client.download(asked))
