"""Calendar feeds over HTTP: made, listed and revoked. The feeds themselves are public pages."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, Field

from sentinel.access import Permission
from sentinel.api.access import Acting
from sentinel.api.bodies import Body, described_as, read_as
from sentinel.api.needs import needs
from sentinel.api.problems import Problem, responses
from sentinel.api.receivers import everywhere
from sentinel.api.schemas import Words
from sentinel.api.shown_rules import store_of
from sentinel.links import calendar_address
from sentinel.schema.calendar_feeds import CalendarFeed
from sentinel.store.oncall.calendar_feeds import CalendarFeeds

__all__ = ["router"]

router = APIRouter(prefix="/oncall/feeds", tags=["on-call"])
Name = Annotated[Words, Field(max_length=100)]


class FeedNew(BaseModel):
    """A calendar feed to make: of a person, of a schedule, or of a person's shifts by one."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"person": "ann"}]})

    person: Name = Field("", description="Whose shifts; empty for everybody's.")
    schedule: Name = Field("", description="Of which schedule; empty for all.")


class FeedItem(BaseModel):
    """A calendar feed."""

    id: str
    person: str
    schedule: str
    created_by: str
    created_at: datetime
    used_at: datetime | None = Field(description="When a calendar program read it last.")


class FeedMade(FeedItem):
    """A calendar feed with its address, which is shown only here."""

    url: str = Field(description="A secret: whoever has it reads the shifts.")


class FeedList(BaseModel):
    """The feeds that were not revoked, the newest first."""

    items: list[FeedItem]


@router.get("", summary="Calendar feeds", responses=responses(403))
@needs(Permission.RESPOND, "oncall")
def feeds(request: Request) -> FeedList:
    """List the feeds that were not revoked, without their addresses."""
    return FeedList(items=[_item(one) for one in CalendarFeeds(store_of(request)).rows()])


@router.post(
    "",
    summary="Make a calendar feed",
    status_code=201,
    responses=responses(400, 403, 404, 409, 413),
    openapi_extra=described_as(FeedNew),
)
@needs(Permission.RESPOND, "oncall")
def create(request: Request, body: Body, who: Acting) -> FeedMade:
    """Make an address at which calendar programs read the shifts of a person or a schedule.

    Returns:
        The feed with its address, which is shown once.

    Raises:
        Problem: 409 where SENTINEL_PUBLIC_URL is not set, below which feeds are
    """
    asked = read_as(FeedNew, body)
    everywhere(who, Permission.RESPOND)
    store = store_of(request)
    public = store.options.public_url
    if not public:
        raise Problem(
            409, "conflict", "feeds are public pages, and this instance has none",
            hint="Set SENTINEL_PUBLIC_URL and run: sentinel public-pages",
        )  # fmt: skip
    made = CalendarFeeds(store).create(actor=who.name, person=asked.person, schedule=asked.schedule)
    return FeedMade(**_item(made.feed).model_dump(), url=calendar_address(public, made.token))


@router.delete("/{feed_id}", summary="Revoke a calendar feed", responses=responses(403, 404))
@needs(Permission.RESPOND, "oncall")
def revoke(
    request: Request,
    feed_id: Annotated[
        str,
        Path(
            pattern="^[0-9a-f]{32}$",
            description="Id of the feed.",
            examples=["0198f2c4a7e07cc0b2a1d3f4e5a69788"],
        ),
    ],
    who: Acting,
) -> FeedItem:
    """End a feed: from now on its address shows nothing.

    Returns:
        The feed.
    """
    everywhere(who, Permission.RESPOND)
    return _item(CalendarFeeds(store_of(request)).revoke(feed_id, actor=who.name))


def _item(feed: CalendarFeed) -> FeedItem:
    return FeedItem.model_validate(feed.model_dump())
