"""PagerDuty's Events API, version 2: senders change its address to `…/pagerduty`, and the key."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, cast
from uuid import uuid4

from fastapi import APIRouter, Depends, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from sentinel.access import Permission, Principal
from sentinel.alerts.actions import Acknowledge, Action, Resolve
from sentinel.api.access import acting, by_key
from sentinel.api.bodies import json_of
from sentinel.api.doors.foreign import route_class
from sentinel.api.needs import needs
from sentinel.api.problems import Problem
from sentinel.api.scoped import WholeTenant, within
from sentinel.errors import DatabaseError, SampleError
from sentinel.ingest.pagerduty import (
    PAGERDUTY,
    Event,
    change_of,
    event_of,
    labels_of_event,
    routing_key_of,
)
from sentinel.ingest.posted_alert import post_alert
from sentinel.ingest.posted_before import end_post, newest_posted
from sentinel.store.access.within import OfTenant

__all__ = ["Routed", "router"]


def _refusal(_request: Request, problem: Problem) -> Response:
    """Return the answer of a problem as PagerDuty gives it."""
    status = problem.status
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.UNPROCESSABLE_ENTITY):
        status = 400
    said = "throttle exceeded" if status == HTTPStatus.TOO_MANY_REQUESTS else "invalid event"
    errors = [f"{problem.message}. {problem.hint}" if problem.hint else problem.message]
    body = {"status": said, "message": "Event object is invalid", "errors": errors}
    if status != HTTPStatus.BAD_REQUEST:
        body["message"] = problem.message
    return JSONResponse(body, status, dict(problem.headers or {}))


router = APIRouter(
    prefix="/pagerduty/v2",
    tags=["webhooks"],
    route_class=route_class(_refusal),
    # Described by PagerDuty, and not in our document.
    include_in_schema=False,
)


async def _routed(request: Request) -> None:
    """Authenticate a request by the routing key in its body.

    Raises:
        Problem: 400 where it is no JSON or has no key; 401 and 403 as of any other request
    """
    given = json_of(await request.body())
    request.state.event = given
    try:
        key = routing_key_of(given)
    except SampleError as error:
        raise Problem(400, "bad_request", error.message, field=error.field) from None
    try:
        await by_key(request, key)
    except Problem as problem:
        if problem.status != HTTPStatus.UNAUTHORIZED:
            raise
        raise Problem(
            401, "unauthorized", "'routing_key' is no API key of this instance",
            hint="Make one for each service: sentinel key create NAME --role responder",
        ) from None  # fmt: skip


Routed = Depends(_routed)
"""The dependency of the router, whose callers have their key in the body."""


@router.post("/enqueue")
@needs(Permission.RESPOND, "webhooks", confined=True)
async def enqueue(request: Request, tenant: WholeTenant) -> Response:
    """Take an alert event: trigger, acknowledge or resolve."""
    event = event_of(request.state.event)
    who = acting(request)
    dedup_key = event.dedup_key or uuid4().hex
    try:
        await run_in_threadpool(_take, request, tenant, event, dedup_key, who)
    except DatabaseError as error:
        raise Problem(
            429, "busy", error.message, hint=error.hint, headers={"Retry-After": "5"}
        ) from None
    body = {"status": "success", "message": "Event processed", "dedup_key": dedup_key}
    return JSONResponse(body, 202)


@router.post("/change/enqueue")
@needs(Permission.RESPOND, "webhooks", confined=True)
async def change(request: Request, tenant: WholeTenant) -> Response:
    """Take a change event, which is kept in the log of events."""
    event = change_of(request.state.event, _service(acting(request)))
    kept = await run_in_threadpool(tenant.add_events, [event])
    if kept.refused:
        first = kept.refused[0]
        raise Problem(400, "invalid", f"{first.field or 'event'}: {first.message}")
    return JSONResponse({"status": "success", "message": "Change event processed"}, 202)


def _service(who: Principal) -> str:
    """Return the service that a key stands for; the instance's own token stands for none."""
    return who.own_name if who.kind == "key" else ""


def _take(request: Request, tenant: OfTenant, event: Event, dedup_key: str, who: Principal) -> None:
    labels = labels_of_event(_service(who), dedup_key)
    if event.alert is not None:
        details: dict[str, Any] = {**event.alert.details, "dedup_key": dedup_key}
        post_alert(
            tenant.store, actor=who.name, labels=labels, title=event.alert.title,
            severity=event.alert.severity, annotations=event.alert.annotations, details=details,
            tenant=tenant.name, rule="pagerduty",
        )  # fmt: skip
        return
    known = (tenant.store, tenant.name, PAGERDUTY, labels)
    if event.kind == "resolve" and end_post(*known, actor=who.name):
        return
    alert = newest_posted(*known)
    if alert is None or not alert.live:
        return  # dropped, as PagerDuty does
    kind: type[Any] = Acknowledge if event.kind == "acknowledge" else Resolve
    within(request).act([alert.id], cast("Action", kind(actor=who.name)))
