"""What happened to alerts and incidents, as CloudEvents over HTTP, and where they are sent."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field

from sentinel.access import Permission
from sentinel.api.access import Acting
from sentinel.api.bodies import Body, described_as, read_as
from sentinel.api.needs import needs
from sentinel.api.problems import responses
from sentinel.api.receivers import everywhere
from sentinel.api.schemas import ChangeNumber
from sentinel.api.scoped import WholeTenant
from sentinel.api.shown_rules import store_of
from sentinel.events.outgoing import cloud_event
from sentinel.notifications.breaker import Breaker, State
from sentinel.schema.lifecycle_events import EventDestination
from sentinel.store.events.destinations import Destinations
from sentinel.store.events.lifecycle import MOST_CHANGES, changes_after
from sentinel.tenant import TENANT_PATTERN

__all__ = ["destinations", "router"]

router = APIRouter(prefix="/lifecycle-events", tags=["events"])
destinations = APIRouter(prefix="/event-destinations", tags=["events"])

_MOST_SECONDS = 30.0
_LOOKS_EVERY = 0.5
"""Seconds between two looks of a request that waits; each is two short queries."""
_NUMBER = 2**53
"""The largest number of a change that a request can name: JSON has no exact ones above."""
_EXAMPLE = {
    "specversion": "1.0",
    "id": "0198f2c4a7e07cc0b2a1d3f4e5a69788",
    "source": "urn:sentinel-alerts:tenant:default",
    "type": "sentinel.alert.opened",
    "subject": "alert/0198f2c4a7e07cc0b2a1d3f4e5a69701",
    "time": "2026-01-31T12:00:00Z",
    "datacontenttype": "application/json",
    "sequence": "00000000000000001042",
    "data": {"rule": "disk-space", "status": "open", "severity": "critical"},
}
Name = Annotated[
    str,
    Path(
        pattern="^[a-z0-9][a-z0-9._-]{0,99}$", description="Name of the destination.",
        examples=["warehouse"],
    ),
]  # fmt: skip


class LifecycleEvents(BaseModel):
    """Changes of one tenant in their order, without gaps."""

    events: list[dict[str, Any]] = Field(
        description="CloudEvents 1.0; `sequence` is the number of the change.",
        examples=[[_EXAMPLE]],
    )
    cursor: int = Field(description="Number of the last of them: `after` of the next request.")
    last: int = Field(description="Number of the newest change.")


class DestinationBody(BaseModel):
    """A destination of outgoing events."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"channel": "sentinel-webhook/warehouse"}]},
    )

    channel: str = Field(
        pattern="^sentinel-webhook/[A-Za-z0-9][A-Za-z0-9_.-]*$",
        max_length=200,
        description="The webhook block that has its URL and secret.",
    )
    tenant: str = Field(
        "default", pattern=f"^({TENANT_PATTERN})$", description="Whose changes it is sent."
    )
    mode: Literal["structured", "batch"] = Field(
        "batch", description="structured: one event in each request; batch: up to 100."
    )
    after: ChangeNumber | None = Field(
        None,
        description="Number of the last change that it is not sent; by default the newest, or "
        "where it is.",
    )


class DestinationItem(BaseModel):
    """A destination, and how far it has come."""

    name: str
    tenant: str
    channel: str
    mode: Literal["structured", "batch"]
    cursor: int = Field(description="Number of the last change that it took.")
    state: State = Field(description="down: it is tried with one change at a time.")
    failures: int = Field(description="In a row.")
    error: str = Field(description="Of the last failure since it took something.")
    failed_at: datetime | None
    next_at: datetime | None = Field(description="When it is tried again, if it is down.")
    sent_at: datetime | None = Field(description="When it was sent something last.")


class DestinationList(BaseModel):
    """The destinations, by name."""

    items: list[DestinationItem]


class Replay(BaseModel):
    """From where on a destination is sent changes again."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"after": 1041}]})

    after: ChangeNumber = Field(description="Number of the last change that it is not sent.")


@router.get("", summary="Changes of alerts and incidents, as CloudEvents", responses=responses(409))
@needs(Permission.READ, "events", confined=True)
async def lifecycle_events(
    request: Request,
    tenant: WholeTenant,
    after: Annotated[
        int | None,
        Query(ge=0, le=_NUMBER, description="`cursor` of the previous answer; by default the "
              "newest change, 0 for all that are kept."),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_CHANGES, description="Events at most.")] = 100,
    wait: Annotated[
        float,
        Query(ge=0, le=_MOST_SECONDS, description="Seconds to wait for the first event."),
    ] = 0.0,
) -> LifecycleEvents:  # fmt: skip
    """Return what happened to alerts and incidents after a cursor, in order and without gaps.

    Keep `cursor` together with what you made of the events, and ask again from there: then none is
    missed and none counts twice. Changes are kept for 30 days. With `wait` the request stays open
    until something happens.

    Returns:
        The events.

    Raises:
        Conflict: what follows the cursor is not kept any more, or there is no such change
    """
    clock = asyncio.get_running_loop().time
    ends = clock() + wait
    while True:
        found = await run_in_threadpool(changes_after, tenant.store, tenant.name, after, limit)
        if found.items or clock() >= ends or await request.is_disconnected():
            return LifecycleEvents(
                events=[cloud_event(one) for one in found.items], cursor=found.cursor,
                last=found.last,
            )  # fmt: skip
        after = found.cursor
        await asyncio.sleep(_LOOKS_EVERY)


@destinations.get("", summary="List event destinations", responses=responses(403))
@needs(Permission.READ, "events")
def list_destinations(request: Request) -> DestinationList:
    """List the destinations of outgoing events, and how far each has come."""
    return DestinationList(items=[_item(one) for one in Destinations(store_of(request)).all()])


@destinations.get("/{name}", summary="One event destination", responses=responses(403, 404))
@needs(Permission.READ, "events")
def get_destination(request: Request, name: Name) -> DestinationItem:
    """Return one destination."""
    return _item(Destinations(store_of(request)).get(name))


@destinations.put(
    "/{name}",
    summary="Create or change an event destination",
    responses=responses(400, 403, 409, 413),
    openapi_extra=described_as(DestinationBody),
)
@needs(Permission.EDIT, "events")
def put_destination(request: Request, name: Name, body: Body, who: Acting) -> DestinationItem:
    """Send the changes of a tenant to the URL of a webhook block, signed with its secret.

    Returns:
        The destination.

    Raises:
        Conflict: the changes after `after` are not kept any more, or there are none yet
    """
    asked = read_as(DestinationBody, body)
    everywhere(who, Permission.EDIT)
    made = Destinations(store_of(request)).set(
        name, tenant=asked.tenant, channel=asked.channel, mode=asked.mode, after=asked.after,
        actor=who.name,
    )  # fmt: skip
    return _item(made)


@destinations.delete(
    "/{name}", summary="Remove an event destination", responses=responses(403, 404)
)
@needs(Permission.EDIT, "events")
def remove_destination(request: Request, name: Name, who: Acting) -> DestinationItem:
    """Send nothing more to a destination.

    Returns:
        The destination as it was.
    """
    everywhere(who, Permission.EDIT)
    return _item(Destinations(store_of(request)).remove(name, actor=who.name))


@destinations.post(
    "/{name}/replay",
    summary="Send changes again",
    responses=responses(400, 403, 404, 409, 413),
    openapi_extra=described_as(Replay),
)
@needs(Permission.EDIT, "events")
def replay(request: Request, name: Name, body: Body, who: Acting) -> DestinationItem:
    """Send a destination all changes after a number, or leave out those up to it.

    Returns:
        The destination, whose breaker is closed.

    Raises:
        Conflict: those changes are not kept any more, or there are none yet
    """
    asked = read_as(Replay, body)
    everywhere(who, Permission.EDIT)
    return _item(Destinations(store_of(request)).replay(name, asked.after, actor=who.name))


def _item(one: EventDestination) -> DestinationItem:
    breaker = Breaker(failures=one.failures, opened_at=one.opened_at, refusing=one.refusing)
    return DestinationItem(
        **one.model_dump(
            include={"name", "tenant", "channel", "mode", "cursor", "failures", "error",
                     "failed_at", "sent_at"}
        ),
        state=breaker.state, next_at=one.probe_at,
    )  # fmt: skip
