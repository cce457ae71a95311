"""Whether a receiver is notified of every silence that mutes it, over HTTP."""

from __future__ import annotations

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, StrictBool

from sentinel.access import Permission
from sentinel.api.access import Acting
from sentinel.api.bodies import Body, described_as, read_as
from sentinel.api.needs import needs
from sentinel.api.problems import responses
from sentinel.api.receivers import ReceiverName, everywhere
from sentinel.api.shown_rules import store_of
from sentinel.store.notifications.announced_receivers import set_announced

__all__ = ["router"]

router = APIRouter(prefix="/receivers/{name}", tags=["receivers"])


class AnnouncementsBody(BaseModel):
    """Of which silences a receiver is notified."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"announce_silences": True}]}
    )

    announce_silences: StrictBool = Field(
        description="True for every silence that mutes it; false for those that say `announce`."
    )


class AnnouncementsItem(AnnouncementsBody):
    """Of which silences a receiver is notified now."""

    name: str


@router.put(
    "/announcements",
    summary="Announce every silence to a receiver",
    responses=responses(400, 403, 404, 413),
    openapi_extra=described_as(AnnouncementsBody),
)
@needs(Permission.EDIT, "receivers")
def announce(request: Request, name: ReceiverName, body: Body, who: Acting) -> AnnouncementsItem:
    """Set whether the receiver is notified of every silence that mutes it.

    It is said that a silence has begun, that it ends soon, and that it is over.

    Returns:
        What holds now.

    Raises:
        NotFound: there is no such receiver
    """
    asked = read_as(AnnouncementsBody, body)
    everywhere(who, Permission.EDIT)
    set_announced(store_of(request), name, asked.announce_silences, actor=who.name)
    return AnnouncementsItem(name=name, announce_silences=asked.announce_silences)
