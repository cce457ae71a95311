"""Events that were stored, for whoever makes policies of them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from sentinel.access import Permission
from sentinel.api.bodies import Moment
from sentinel.api.needs import needs
from sentinel.api.problems import responses
from sentinel.api.scoped import WholeTenant
from sentinel.store.events.stored import StoredEvent, stored_event, stored_events

__all__ = ["router"]

router = APIRouter(prefix="/events", tags=["events"])

_ID = "^[0-9]{1,18}-[0-9]{1,5}$"


class EventItem(BaseModel):
    """One event, as it was sent."""

    id: str = Field(description="Of the stored event, not the sender's.", examples=["1042-0"])
    received_at: datetime
    event: dict[str, Any] = Field(examples=[{"action": "user.login", "outcome": "failure"}])


class EventPage(BaseModel):
    """Events, newest first."""

    items: list[EventItem]
    next_cursor: str | None = Field(description="For the next page; null on the last.")


@router.get("", summary="List events", responses=responses())
@needs(Permission.EDIT, "events", confined=True)
def list_events(
    tenant: WholeTenant,
    limit: Annotated[int, Query(ge=1, le=500, description="Events of a page.")] = 50,
    cursor: Annotated[
        str | None, Query(pattern=_ID, description="next_cursor of the previous page.")
    ] = None,
    since: Annotated[Moment | None, Query(description="Received at or after this.")] = None,
    until: Annotated[Moment | None, Query(description="Received before this.")] = None,
    q: Annotated[
        str,
        Query(max_length=200, description="What the JSON of the event has, in whatever case."),
    ] = "",
) -> EventPage:
    """List the events of a tenant that are kept, newest first. The cursor is stable.

    With `q` a page may have few events, or none, although there are more: it ends after 20,000
    events that were looked at. Go on until `next_cursor` is null.

    Events may hold names and addresses of people, so this needs the permission to edit, as the
    page does that makes policies of them.

    Returns:
        The events.
    """
    before = None if cursor is None else _place(cursor)
    found = stored_events(
        tenant.store, tenant.name, limit, before, since=since, until=until, text=q
    )
    items = [_item(one) for one in found.items]
    return EventPage(items=items, next_cursor=found.next and "{}-{}".format(*found.next))


@router.get("/{event_id}", summary="One event", responses=responses(404))
@needs(Permission.EDIT, "events", confined=True)
def get_event(
    tenant: WholeTenant,
    event_id: Annotated[str, Path(pattern=_ID, description="`id` of an item of the list.")],
) -> EventItem:
    """Return one event.

    Returns:
        The event.

    Raises:
        NotFound: there is none, it is another tenant's, or it is no longer kept
    """
    return _item(stored_event(tenant.store, tenant.name, *_place(event_id)))


def _place(given: str) -> tuple[int, int]:
    seq, _, index = given.partition("-")
    return int(seq), int(index)


def _item(one: StoredEvent) -> EventItem:
    return EventItem(id=f"{one.seq}-{one.index}", received_at=one.received_at, event=one.event)
