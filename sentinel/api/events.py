"""Events over HTTP: any JSON objects, one or many at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field

from sentinel.access import Permission
from sentinel.api.answers import json_response
from sentinel.api.batches import Sent, batches_of
from sentinel.api.bodies import Body, described
from sentinel.api.limits import allow
from sentinel.api.needs import needs
from sentinel.api.problems import ItemError, Problem, responses, the_others
from sentinel.api.prompt import Prompt, PromptRoute, prompt
from sentinel.api.scoped import EventTenant, WholeTenant, within
from sentinel.events import MOST_AT_ONCE, Kept, NoEvents, read_events
from sentinel.store.access.within import OfTenant

__all__ = ["EventsAccepted", "batches", "router"]

_LARGE = 65_536
"""Bytes of a body from which on it is parsed in a thread, so that nobody waits for that."""

router = APIRouter(tags=["events"], route_class=PromptRoute)
batches = APIRouter(tags=["events"])

_ID = {
    "anyOf": [
        {"type": "string", "minLength": 1, "maxLength": 200},
        {"type": "integer", "minimum": -(2**63), "maximum": 2**64 - 1},
    ],
}
_NONE = {"enum": [None, ""]}
_ONE: dict[str, Any] = {
    "type": "object",
    "description": "Any JSON object of at most 256 KiB, with whole numbers of at most 64 bits. "
    "Of several with the same `id`, else the same `event_id`, the first is kept; of CloudEvents, "
    "which have a `specversion`, of several with the same `source` and `id`.",
    "anyOf": [
        {"required": ["id"], "properties": {"id": _ID}},
        {"properties": {"id": _NONE, "event_id": {"anyOf": [_ID, _NONE]}}},
    ],
}
_EXAMPLE = {
    "id": "7b1f6a",
    "timestamp": "2026-01-31T12:00:00Z",
    "action": "user.login",
    "outcome": "failure",
    "actor": {"name": "ada", "ip": "192.0.2.7"},
}
_MANY = {
    "anyOf": [
        {"type": "array", "maxItems": MOST_AT_ONCE, "items": _ONE},
        {
            "type": "object",
            "required": ["events"],
            "additionalProperties": False,
            "properties": {"events": {"type": "array", "maxItems": MOST_AT_ONCE, "items": _ONE}},
        },
        _ONE,
    ]
}


class EventsAccepted(BaseModel):
    """The outcome of sending events."""

    accepted: int = Field(description="Number of events stored durably.")
    duplicates: int = Field(description="Number of events whose id was stored already.")


def _of_the_usual_tenant(request: Request) -> Prompt | None:
    return None if request.scope["query_string"] else _process


async def _process(request: Request) -> Response:
    allow(request)
    return await _take(request, await request.body(), within(request).tenant(None))


@router.post(
    "/process-event",
    summary="Send an event",
    response_model=EventsAccepted,
    responses=responses(400, 413),
    openapi_extra=described(_ONE, _EXAMPLE),
)
@prompt(_of_the_usual_tenant)
@needs(Permission.RESPOND, "events", confined=True)
async def process_event(request: Request, body: Body, tenant_id: EventTenant) -> Response:
    """Store one event, any JSON object. It is durable when the response arrives, then matched.

    Events are deduplicated by `id` (or `event_id`).

    Returns:
        The counts of stored and duplicate events.

    Raises:
        Problem: 422 if the event is invalid, or the body has several
    """
    return await _take(request, body, tenant_id)


async def _take(request: Request, body: bytes, tenant: OfTenant) -> Response:
    tenant.check_events()
    large = len(body) > _LARGE
    events = await run_in_threadpool(_read, body) if large else _read(body)
    if len(events) != 1 or _is_list(body):
        raise Problem(
            422,
            "invalid",
            f"{_count(events)} sent, but this path accepts one, as a JSON object",
            hint="Send several to /api/v1/events.",
        )
    kept = await batches_of(request).events.answer(Sent(tenant.name, events))
    return json_response(msgspec.json.encode(_accepted(kept, sent=1).model_dump()))


@batches.post(
    "/events",
    summary="Send several events",
    responses=responses(400, 413),
    openapi_extra=described(_MANY, [_EXAMPLE]),
)
@needs(Permission.RESPOND, "events", confined=True)
def send_events(body: Body, tenant: WholeTenant) -> EventsAccepted:
    """Store at most 10,000 events: a list, `{"events": […]}`, or one object per line (NDJSON).

    They are durable when the response arrives. Events are deduplicated by `id` (or `event_id`), so
    a retry is safe. If some are invalid, the response is 422: `errors` names their indexes, and
    the others are stored.

    Returns:
        The counts of stored and duplicate events.

    Raises:
        Problem: 413 for more than 10,000 events, 422 if some are invalid
    """
    events = _read(body)
    if len(events) > MOST_AT_ONCE:
        raise Problem(
            413,
            "too_large",
            f"{len(events):,} events in one request are too many",
            hint=f"Send at most {MOST_AT_ONCE:,} per request.",
        )
    return _accepted(tenant.add_events(events), len(events))


def _read(body: bytes) -> list[object]:
    try:
        return read_events(body)
    except NoEvents as error:
        message = f"the body is invalid: {error.message}"
        raise Problem(400, "bad_request", message, hint=error.hint) from None


def _is_list(body: bytes) -> bool:
    return body.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"["


def _count(events: Sequence[object]) -> str:
    return "a list was" if len(events) == 1 else f"{len(events):,} events were"


def _accepted(kept: Kept, sent: int) -> EventsAccepted:
    if kept.refused:
        raise _refused(kept, sent)
    return EventsAccepted(accepted=kept.accepted, duplicates=kept.duplicates)


def _refused(kept: Kept, sent: int) -> Problem:
    first = kept.refused[0]
    place = f"{first.index}.{first.field}".rstrip(".") if sent > 1 else first.field
    if sent == 1:
        summary = "the event is invalid"
    else:
        rest = sent - len(kept.refused)
        others = f"; {the_others(rest)}" if rest else ""
        summary = f"{len(kept.refused):,} of {sent:,} events are invalid{others}. The first"
    return Problem(
        422,
        "invalid",
        f"{summary}: {place}: {first.message}" if place else f"{summary}: {first.message}",
        hint="Fix those in `errors` and send them again; do not repeat the others.",
        field=place or None,
        errors=[
            ItemError(index=one.index, field=one.field or "event", message=one.message)
            for one in kept.refused
        ],
    )
