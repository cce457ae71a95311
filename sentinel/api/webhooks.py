"""Webhooks of other systems, in their own formats; `sentinel.ingest.webhooks` parses them."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial
from typing import Annotated, Any, Literal, cast

from fastapi import APIRouter, Depends, Query, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, BeforeValidator, Field, WithJsonSchema

from sentinel.access import Permission
from sentinel.api.bodies import Body, described, json_of
from sentinel.api.metrics import refused
from sentinel.api.needs import needs
from sentinel.api.problems import MOST_ERRORS, ItemError, Problem, responses
from sentinel.api.schemas import NO_NUL
from sentinel.api.scoped import WholeTenant
from sentinel.duration import parse_duration
from sentinel.errors import SampleError
from sentinel.ingest.arrivals import Arrivals, Message
from sentinel.ingest.truncated import LEFT_OUT
from sentinel.ingest.webhooks import Arrived, grafana, prometheus
from sentinel.labels.text import MAX_LABELS, MAX_NAME
from sentinel.rules.not_repeated import REPEAT_INTERVAL, NotRepeated
from sentinel.store.access.within import OfTenant

__all__ = ["Taken", "Waiting", "older", "router", "take"]

router = APIRouter(prefix="/webhooks", tags=["webhooks"])
older = APIRouter(prefix="/webhook")
"""The paths as older senders have them."""


def _interval(given: object) -> timedelta:
    length = parse_duration(given)
    if not timedelta(seconds=1) <= length <= timedelta(days=366):
        raise ValueError("must be from 1s to 366d")
    return length


async def _waiting(request: Request) -> Arrivals:
    return cast("Arrivals", request.app.state.arrivals)


Waiting = Annotated[Arrivals, Depends(_waiting)]
RepeatInterval = Annotated[
    Annotated[timedelta, WithJsonSchema({"type": "string", "examples": ["4h"]})] | None,
    Query(
        description="The sender's repeat_interval, for example 12h; by default 4h; from 1s to "
        "366d. An alert that is not sent again for a quarter longer is not repeated.",
    ),
    BeforeValidator(lambda given: None if given is None else _interval(given)),
]
Then = Annotated[
    Literal["resolve", "keep"] | None,
    Query(description="What becomes of an alert that is not repeated; by default it is resolved."),
]
_ALERT = {
    "status": "firing",
    "labels": {"alertname": "ProbeFailure", "instance": "a", "severity": "critical"},
    "annotations": {"summary": "a does not answer"},
    "startsAt": "2026-01-31T12:00:00Z",
    "endsAt": "0001-01-01T00:00:00Z",
    "generatorURL": "",
    "fingerprint": "1a30ba71cca2921f",
}
_SAMPLE: dict[str, Any] = {
    "type": "object",
    "required": ["metric", "value"],
    "properties": {
        "metric": {"type": "string", "minLength": 1, "maxLength": MAX_NAME, "pattern": NO_NUL},
        "value": {"type": "number"},
        "tags": {"type": ["object", "null"], "maxProperties": MAX_LABELS},
    },
}
_ALERTS: dict[str, Any] = {
    "type": "object",
    "required": ["alerts"],
    "properties": {
        "alerts": {
            "type": ["array", "null"],
            "items": {
                "anyOf": [
                    {
                        "type": "object",
                        "required": ["labels"],
                        "properties": {
                            "labels": {
                                "type": "object",
                                "minProperties": 1,
                                "propertyNames": {"pattern": "^[a-zA-Z_][a-zA-Z0-9_]*$"},
                                "additionalProperties": {"type": "string", "minLength": 1},
                            },
                        },
                    },
                    _SAMPLE,
                ]
            },
        }
    },
}
_GRAFANA: dict[str, Any] = {
    "anyOf": [
        _ALERTS,
        {
            "type": "object",
            "required": ["evalMatches"],
            "properties": {"evalMatches": {"type": ["array", "null"], "items": _SAMPLE}},
        },
        _SAMPLE,
        {"type": "array", "items": _SAMPLE},
    ]
}


class Taken(BaseModel):
    """The outcome of a webhook message."""

    alerts: int = Field(description="Number of alerts in the message.")
    changed: int = Field(
        description="Number of Sentinel's alerts that opened, changed or resolved."
    )
    late: int = Field(
        0,
        description="Number of alerts that were ignored, since they are about an episode before "
        "the present one, or one whose end was taken already.",
    )
    samples: int = Field(description="Number of samples stored.")
    truncated: int = Field(
        0,
        description="Number of alerts that the sender left out of the message; one alert stands "
        "for them.",
    )
    note: str = Field("", description="The reason, if nothing was done.")
    notes: list[ItemError] = Field(
        default_factory=list[ItemError],
        description="What was left out or cut, at most 100. The alerts that they name are kept "
        "without it.",
    )


@older.post("/prometheus", include_in_schema=False)
@router.post(
    "/prometheus",
    summary="Receive alerts of Prometheus' Alertmanager",
    responses=responses(400, 413),
    openapi_extra=described(_ALERTS, {"version": "4", "status": "firing", "alerts": [_ALERT]}),
)
@needs(Permission.RESPOND, "webhooks", confined=True)
async def from_prometheus(
    body: Body,
    tenant: WholeTenant,
    arrivals: Waiting,
    repeat_interval: RepeatInterval = None,
    not_repeated: Then = None,
) -> Taken:
    """Accept a message of an Alertmanager's `webhook_config` (version 4).

    Every alert in it is a reading of the rule `prometheus`: a firing one opens or updates
    Sentinel's alert with the same labels, a resolved one resolves it. A null is absent, a number is
    its text, and what is too much is cut; `notes` says so. If an item is no alert at all, the
    response is 422: `errors` names it, and the others are taken.

    Returns:
        The counts of alerts and changes.
    """
    terms = _terms(repeat_interval, not_repeated)
    arrived = await run_in_threadpool(lambda: prometheus(json_of(body)))
    return await take("prometheus", arrived, tenant, terms, arrivals)


@older.post("/grafana", include_in_schema=False)
@router.post(
    "/grafana",
    summary="Receive alerts and samples of Grafana",
    responses=responses(400, 413),
    openapi_extra=described(
        _GRAFANA, {"metric": "temperature", "value": 21.5, "tags": {"room": "north"}}
    ),
)
@needs(Permission.RESPOND, "webhooks", confined=True)
async def from_grafana(
    body: Body,
    tenant: WholeTenant,
    arrivals: Waiting,
    repeat_interval: RepeatInterval = None,
    not_repeated: Then = None,
) -> Taken:
    """Accept a message of a Grafana webhook, of its alerting or of legacy alerting.

    Alerts are readings of the rule `grafana`. `evalMatches` of legacy alerting, and bodies with
    `metric`, `value` and `tags` (one or a list), are stored as samples of that metric. Odd items
    are treated as those of `webhooks/prometheus` are.

    Returns:
        The counts of alerts, changes and samples.
    """
    terms = _terms(repeat_interval, not_repeated)
    arrived = await run_in_threadpool(lambda: grafana(json_of(body)))
    return await take("grafana", arrived, tenant, terms, arrivals)


def _terms(
    repeat_interval: timedelta | None, then: Literal["resolve", "keep"] | None
) -> NotRepeated | None:
    """Return what a webhook's address says of alerts that are not repeated; None for nothing."""
    if repeat_interval is None and then is None:
        return None
    return NotRepeated.of(repeat_interval or REPEAT_INTERVAL, then or "resolve")


async def take(
    sender: str, arrived: Arrived, tenant: OfTenant, terms: NotRepeated | None,
    arrivals: Arrivals,
) -> Taken:  # fmt: skip
    """Apply what arrived as an evaluation of its sender's rule, once those before it are applied.

    Args:
        sender: whose rule it is
        arrived: the readings and samples of a message
        tenant: whose they are
        terms: of alerts that are not repeated; None for those of the rule
        arrivals: the messages that wait

    Returns:
        The counts.

    Raises:
        Problem: 503 if the rule is disabled, 422 if some items were refused; the others are taken
    """
    store = tenant.store
    changed, late, note = 0, 0, ""
    if arrived.readings or arrived.gone:
        message = Message(
            sender=sender, tenant=tenant.name, readings=arrived.readings, gone=arrived.gone,
            not_repeated=terms,
        )  # fmt: skip
        # It is applied although its sender goes away.
        applied = await asyncio.shield(asyncio.wrap_future(arrivals.submit(message)))
        changed, late = applied.changed, applied.late
        if applied.outcome == "disabled":
            # Not 200: the sender would believe that it delivered the alerts.
            raise Problem(
                503,
                "disabled",
                f"the rule {sender!r} is disabled, so nothing was stored",
                hint=f"Enable it with: sentinel rule enable {sender}. The sender tries again.",
            )
        if applied.outcome == "error":
            note = applied.error
    errors: list[SampleError] = []
    if arrived.samples:
        add = partial(store.metrics.add_good, arrived.samples, tenant=tenant.name)
        errors = await run_in_threadpool(add)
    kept = len(arrived.samples) - len(errors)
    for error in errors:
        error.index = arrived.places[error.index or 0]
    errors += [
        SampleError(one.message, field=one.field, index=one.index) for one in arrived.refused
    ]
    if errors:
        problem = refused(errors, kept + len(arrived.readings), "items")
        raise problem
    return Taken(
        alerts=sum(LEFT_OUT not in one.labels for one in arrived.readings), changed=changed,
        late=late, samples=kept, truncated=arrived.truncated, note=note,
        notes=[
            ItemError(index=one.index, field=one.field, message=one.message)
            for one in arrived.notes[:MOST_ERRORS]
        ],
    )  # fmt: skip
