"""Events over HTTP: any JSON objects, one or many at a time."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from sentinel.api.bodies import Body, Tenant, described
from sentinel.api.problems import ItemError, Problem, responses
from sentinel.events import MOST_AT_ONCE, Kept, NoEvents, read_events
from sentinel.store import Store

__all__ = ["EventsAccepted", "batches", "router"]

router = APIRouter(tags=["events"])
batches = APIRouter(tags=["events"])

_ONE = {"type": "object", "description": "Any JSON object."}
_EXAMPLE = {
    "id": "7b1f6a",
    "timestamp": "2026-01-31T12:00:00Z",
    "action": "user.login",
    "outcome": "failure",
    "actor": {"name": "ada", "ip": "192.0.2.7"},
}
_MANY = {
    "anyOf": [
        {"type": "array", "items": _ONE},
        {
            "type": "object",
            "required": ["events"],
            "additionalProperties": False,
            "properties": {"events": {"type": "array", "items": _ONE}},
        },
        _ONE,
    ]
}


class EventsAccepted(BaseModel):
    """What became of the events that were sent."""

    accepted: int = Field(description="Kept, durably.")
    duplicates: int = Field(description="Had an id that was there already; they count once.")


@router.post(
    "/process-event",
    summary="Send an event",
    responses=responses(400, 413),
    openapi_extra=described(_ONE, _EXAMPLE),
)
def process_event(
    request: Request,
    body: Body,
    tenant_id: Annotated[
        str,
        Query(pattern="^[a-z0-9][a-z0-9._-]{0,99}$", description="Whose it is."),
    ] = "default",
) -> EventsAccepted:
    """Keep one JSON object; it is durable when the answer comes, and matched right after.

    One whose `id` (or `event_id`) has come before counts once.
    """
    events = _read(body)
    if len(events) != 1:
        raise Problem(
            422,
            "invalid",
            f"{len(events):,} events were sent, and this address takes one",
            hint="Send many to /api/v1/events.",
        )
    return _keep(request, events, tenant_id)


@batches.post(
    "/events",
    summary="Send many events",
    responses=responses(400, 413),
    openapi_extra=described(_MANY, [_EXAMPLE]),
)
def send_events(request: Request, body: Body, tenant: Tenant = "default") -> EventsAccepted:
    """Keep at most 10,000 JSON objects: a list, `{"events": […]}`, or one a line (NDJSON).

    They are durable when the answer comes. One whose `id` (or `event_id`) has come before counts
    once, so sending again is safe. Where some cannot be kept, the answer is 422: `errors` names
    the index of each, and the others are kept.
    """
    events = _read(body)
    if len(events) > MOST_AT_ONCE:
        raise Problem(
            413,
            "too_large",
            f"{len(events):,} events at once are too many",
            hint=f"Send at most {MOST_AT_ONCE:,} at a time.",
        )
    return _keep(request, events, tenant)


def _read(body: bytes) -> list[object]:
    try:
        return read_events(body)
    except NoEvents as error:
        told = f"the body cannot be used: {error.message}"
        raise Problem(400, "bad_request", told, hint=error.hint) from None


def _keep(request: Request, events: list[object], tenant: str) -> EventsAccepted:
    kept = cast("Store", request.app.state.store).events.add(events, tenant=tenant)
    if kept.refused:
        raise _refused(kept, len(events))
    return EventsAccepted(accepted=kept.accepted, duplicates=kept.duplicates)


def _refused(kept: Kept, sent: int) -> Problem:
    first = kept.refused[0]
    place = f"{first.index}.{first.field}".rstrip(".") if sent > 1 else first.field
    if sent == 1:
        said = "the event cannot be kept"
    else:
        rest = sent - len(kept.refused)
        others = f"; the other {rest:,} are" if rest else ""
        said = f"{len(kept.refused):,} of {sent:,} events cannot be kept{others}. The first"
    return Problem(
        422,
        "invalid",
        f"{said}: {place}: {first.message}" if place else f"{said}: {first.message}",
        hint="Mend those in `errors` and send them again; the others need not come twice.",
        field=place or None,
        errors=[
            ItemError(index=one.index, field=one.field or "event", message=one.message)
            for one in kept.refused
        ],
    )
