"""Feeds of alerts, incidents and silences: made, listed and revoked. They are public pages."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, cast

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from sentinel.access import Permission
from sentinel.api.access import Acting
from sentinel.api.bodies import Body, described_as, read_as
from sentinel.api.needs import needs
from sentinel.api.problems import Problem, responses
from sentinel.api.scoped import WholeTenant
from sentinel.links import feed_address
from sentinel.schema.web_feeds import WebFeed
from sentinel.store.web_feeds import FORMATS, FeedKind, WebFeeds

__all__ = ["router"]

router = APIRouter(prefix="/feeds", tags=["alerts"])


class WebFeedNew(BaseModel):
    """A feed to make."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"kind": "alerts"}]})

    kind: FeedKind = Field(description="alerts and incidents are Atom or RSS, silences iCalendar.")


class WebFeedItem(BaseModel):
    """A feed of one tenant."""

    id: str
    kind: FeedKind
    tenant: str
    created_by: str
    created_at: datetime
    used_at: datetime | None = Field(description="When a feed reader read it last.")


class WebFeedMade(WebFeedItem):
    """A feed with its addresses, which are shown only here."""

    urls: list[str] = Field(description="Secrets: whoever has one reads the feed.")


class WebFeedList(BaseModel):
    """The feeds of a tenant that were not revoked, the newest first."""

    items: list[WebFeedItem]


@router.get("", summary="Feeds of alerts, incidents and silences", responses=responses())
@needs(Permission.RESPOND, "alerts", confined=True)
def web_feeds(tenant: WholeTenant) -> WebFeedList:
    """List the feeds of a tenant that were not revoked, without their addresses."""
    return WebFeedList(items=[_item(one) for one in WebFeeds(tenant.store).rows(tenant.name)])


@router.post(
    "",
    summary="Make a feed",
    status_code=201,
    responses=responses(400, 409, 413),
    openapi_extra=described_as(WebFeedNew),
)
@needs(Permission.RESPOND, "alerts", confined=True)
def make_web_feed(tenant: WholeTenant, body: Body, who: Acting) -> WebFeedMade:
    """Make an address at which feed readers and calendar programs read what a tenant has.

    Returns:
        The feed with its addresses, which are shown once.

    Raises:
        Problem: 409 where SENTINEL_PUBLIC_URL is not set, below which feeds are
    """
    asked = read_as(WebFeedNew, body)
    public = tenant.store.options.public_url
    if not public:
        raise Problem(
            409, "conflict", "feeds are public pages, and this instance has none",
            hint="Set SENTINEL_PUBLIC_URL and run: sentinel public-pages",
        )  # fmt: skip
    made = WebFeeds(tenant.store).create(asked.kind, tenant=tenant.name, actor=who.name)
    urls = [feed_address(public, made.token, one) for one in FORMATS[asked.kind]]
    return WebFeedMade(**_item(made.feed).model_dump(), urls=urls)


@router.delete("/{feed_id}", summary="Revoke a feed", responses=responses(404))
@needs(Permission.RESPOND, "alerts", confined=True)
def revoke_web_feed(
    tenant: WholeTenant,
    feed_id: Annotated[
        str,
        Path(
            pattern="^[0-9a-f]{32}$",
            description="Id of the feed.",
            examples=["0198f2c4a7e07cc0b2a1d3f4e5a69788"],
        ),
    ],
    who: Acting,
) -> WebFeedItem:
    """End a feed: from now on its addresses show nothing.

    Returns:
        The feed.
    """
    return _item(WebFeeds(tenant.store).revoke(feed_id, tenant=tenant.name, actor=who.name))


def _item(feed: WebFeed) -> WebFeedItem:
    return WebFeedItem(
        id=feed.id, kind=cast("FeedKind", feed.kind), tenant=feed.tenant,
        created_by=feed.created_by, created_at=feed.created_at, used_at=feed.used_at,
    )  # fmt: skip
