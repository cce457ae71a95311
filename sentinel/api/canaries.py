"""Canaries over HTTP: how each path stands, and send canaries now."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from sentinel.access import Permission
from sentinel.api.access import Acting
from sentinel.api.bodies import Body, described_as, read_as
from sentinel.api.needs import needs
from sentinel.api.problems import responses
from sentinel.api.receivers import everywhere
from sentinel.api.shown_rules import store_of
from sentinel.ingest.canary import send_canaries_now
from sentinel.ingest.door_canary import prove_doors_of
from sentinel.notifications.canary import PathState
from sentinel.notifications.door_canary import Door, DoorCanaryState
from sentinel.store import Store
from sentinel.store.notifications.canaries import canary_paths
from sentinel.store.notifications.door_canaries import door_paths

__all__ = ["router"]

router = APIRouter(prefix="/canaries", tags=["notifications"])


class CanaryNew(BaseModel):
    """Canaries to send."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"receivers": ["ops"]}]}
    )

    receivers: list[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,99}$")]] = Field(
        default_factory=list,
        max_length=20,
        description="Names of receivers, beside those of the last run.",
    )
    once: bool = Field(
        False,
        description="Only these receivers, or all where none is named, and no run is expected "
        "afterwards.",
    )


class CanaryPathItem(BaseModel):
    """The path to one channel of one receiver."""

    receiver: str
    channel: str
    state: PathState = Field(
        description="Of the newest canary: delivered, waiting, held in the summary of a storm, "
        "late or lost."
    )
    sent_at: datetime | None = Field(description="When the newest canary opened.")
    arrived_at: datetime | None = Field(description="When the channel last took a canary.")
    took: float | None = Field(description="Seconds until the channel took the newest.")
    error: str = Field(description="What the channel said, or why the canary was held back.")
    alert_id: str = Field(description="Of the newest canary; empty for none.")


class CanaryDoorItem(BaseModel):
    """The path through one of the doors by which other systems post alerts."""

    door: Door
    state: DoorCanaryState = Field(
        description="Of the newest canary: arrived, waiting, late or lost."
    )
    sent_at: datetime = Field(description="When the newest canary was posted.")
    arrived_at: datetime | None = Field(description="When a canary last arrived.")
    took: float | None = Field(description="Seconds until the newest arrived.")
    error: str = Field(description="What the door answered, or that the next is overdue.")


class CanaryStatus(BaseModel):
    """All paths of the newest run of canaries."""

    every: float = Field(description="Seconds between two runs; 0 where none is expected.")
    within: float = Field(description="Seconds that a canary may take.")
    items: list[CanaryPathItem]
    doors: list[CanaryDoorItem] = Field(
        description="None where SENTINEL_CANARY_KEY was not set when canaries were sent."
    )


@router.get("", summary="How the paths of canaries stand", responses=responses(403))
@needs(Permission.READ, "receivers")
def status(request: Request, who: Acting) -> CanaryStatus:
    """Return each path of the newest run, and when a canary last arrived on it."""
    everywhere(who, Permission.READ)
    return _status(store_of(request))


@router.post(
    "",
    summary="Send canaries now",
    status_code=201,
    responses=responses(400, 403, 409, 413),
    openapi_extra=described_as(CanaryNew),
)
@needs(Permission.EDIT, "receivers")
def send(request: Request, body: Body, who: Acting) -> CanaryStatus:
    """Resolve the canaries that are open, open one for each receiver, and post one at each door.

    Returns:
        The paths, which wait.
    """
    asked = read_as(CanaryNew, body)
    everywhere(who, Permission.EDIT)
    store = store_of(request)
    plan = send_canaries_now(store, asked.receivers, actor=who.name, once=asked.once)
    prove_doors_of(store, request.app.state.settings, plan, forget=asked.once)
    return _status(store)


def _status(store: Store) -> CanaryStatus:
    plan, paths = canary_paths(store)
    return CanaryStatus(
        every=plan.every if plan else 0, within=plan.within if plan else 0,
        items=[CanaryPathItem.model_validate(msgspec.to_builtins(one)) for one in paths],
        doors=[
            CanaryDoorItem.model_validate(msgspec.to_builtins(one)) for one in door_paths(store)
        ],
    )  # fmt: skip
