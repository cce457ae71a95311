"""Alerts in the addresses of other systems: create, acknowledge, resolve, silence.

They go the one way: what is created is a reading of the rule `api`, and each step is one of the
actions of `sentinel.api.alerts`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from sentinel.access import Permission
from sentinel.alerts.actions import ActionName
from sentinel.api.access import Acting
from sentinel.api.alerts import AlertId, act, item_of, list_alerts
from sentinel.api.bodies import Tenant
from sentinel.api.needs import needs
from sentinel.api.once import Once, OnceRoute
from sentinel.api.problems import Problem, responses
from sentinel.api.prompt import IS_ID, Prompt, PromptRoute, prompt
from sentinel.api.schemas import (
    MOST_MINUTES,
    NO_NUL,
    ActionRequest,
    ActionTaken,
    AlertItem,
    AlertList,
    Version,
    Words,
)
from sentinel.api.scoped import WholeTenant
from sentinel.ingest.posted_alert import post_alert
from sentinel.labels.text import MAX_LABELS, MAX_NAME
from sentinel.severity import WORDS, SeverityWord

__all__ = ["router", "steps"]

router = APIRouter(tags=["alerts"], route_class=OnceRoute)
steps = APIRouter(tags=["alerts"], route_class=PromptRoute)
"""The steps, which are also beside each alert of the list."""

MOST_OWN_LABELS = MAX_LABELS - 2
"""Two more identify: the service and the name of the alert."""
SILENCE_MINUTES = 60.0

_Label = Annotated[
    str, Field(min_length=1, max_length=MAX_NAME, json_schema_extra={"pattern": NO_NUL})
]


def _key(given: str) -> str:
    if "\0" in given:
        raise ValueError("must not hold a NUL character")
    return given


_Key = Annotated[str, AfterValidator(_key), Field(min_length=1, max_length=MAX_NAME)]
_KEYS: dict[str, Any] = {
    # A pattern of the keys themselves would let every value through where it does not hold.
    "propertyNames": {"minLength": 1, "maxLength": MAX_NAME, "pattern": NO_NUL}
}


def _named(given: str) -> str:
    if not given:
        raise ValueError("must not be empty")
    return given


Name = Annotated[
    Words,
    AfterValidator(_named),
    Field(
        max_length=MAX_NAME, json_schema_extra={"pattern": "^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$"}
    ),
]


class AlertPosted(BaseModel):
    """An alert that a program creates."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "examples": [
                {
                    "service_name": "my-service",
                    "alert_name": "high_latency",
                    "alert_type": "threshold",
                    "severity": "high",
                    "title": "High latency detected",
                    "description": "P95 latency exceeded 1000ms",
                    "current_value": 1250.0,
                    "threshold_value": 1000.0,
                }
            ]
        },
    )

    alert_name: Name = Field(
        description="What is wrong; with the service and labels it identifies."
    )
    service_name: Words = Field(
        "", max_length=MAX_NAME, description="The service that it is about."
    )
    alert_type: Words = Field(
        "", max_length=100, description="For example threshold; informs only."
    )
    severity: SeverityWord = Field("medium", description="Severity; the word is given back.")
    title: Words = Field("", max_length=2000, description="By default the alert's name.")
    description: Words = Field("", max_length=10_000)
    current_value: FiniteFloat | None = Field(None, description="The value that is wrong.")
    threshold_value: FiniteFloat | None = Field(None, description="The value that was passed.")
    labels: dict[_Key, _Label] = Field(
        default_factory=dict[str, str],
        max_length=MOST_OWN_LABELS,
        json_schema_extra=_KEYS,
        description="These identify too.",
    )
    annotations: dict[_Key, Words] = Field(
        default_factory=dict[str, str],
        max_length=50,
        description="Texts for people, by name.",
        json_schema_extra=_KEYS,
    )
    team: Words = Field("", max_length=100, description="The team that owns the service.")


class AlertKept(BaseModel):
    """Orchestration let no alert open of what was posted."""

    outcome: Literal["held", "dropped"]
    rule: str = Field(description="The rule of orchestration that decided so.")
    until: datetime | None = Field(
        description="When it opens unless it is resolved before; null where it was dropped."
    )


class Step(BaseModel):
    """What a person says to a step."""

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"examples": [{"note": "looking into it"}]}
    )

    note: Words = Field("", max_length=4000, description="A comment, kept in the timeline.")
    expected_version: Version | None = Field(
        None, description="Refuse (409) if the alert's version is another one."
    )


class Silence(Step):
    """How long no notifications are sent about an alert, and why."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"examples": [{"duration_minutes": 240, "reason": "planned work"}]},
    )

    duration_minutes: float = Field(
        SILENCE_MINUTES, gt=0, le=MOST_MINUTES, description="Duration in minutes."
    )
    reason: Words = Field("", max_length=4000, description="The reason.")


@router.post(
    "",
    summary="Create an alert",
    status_code=201,
    response_model=AlertItem,
    dependencies=[Once],
    responses={
        **responses(400, 409, 413),
        200: {"model": AlertItem, "description": "The alert was live; it counts one more"},
        202: {"model": AlertKept, "description": "Orchestration holds it back, or dropped it"},
    },
)
@needs(Permission.RESPOND, "alerts", confined=True)
def create(
    request: Request, response: Response, posted: AlertPosted, tenant: WholeTenant, who: Acting
) -> AlertItem | Response:
    """Open an alert of the rule `api`. It is durable when the response arrives.

    Its name, service and labels identify it: while it is live, the same again counts one occurrence
    more and is answered with 200. It stays open until somebody resolves it. Where orchestration
    drops it or holds it back, no alert opens, which is answered with 202.

    Returns:
        The alert, or what orchestration did.

    Raises:
        Problem: 422 if a label contradicts the name or the service
    """
    labels = dict(posted.labels)
    for name, text in (("alertname", posted.alert_name), ("service", posted.service_name)):
        if text and labels.setdefault(name, text) != text:
            raise Problem(
                422,
                "invalid",
                f"labels.{name}: is {labels[name]!r}, but the alert names {text!r}",
                hint="Leave the label out.",
                field=f"labels.{name}",
            )
    details: dict[str, Any] = {
        name: value
        for name, value in (
            ("alert_type", posted.alert_type), ("threshold_value", posted.threshold_value)
        )
        if value not in ("", None)
    }  # fmt: skip
    texts = dict(posted.annotations)
    if posted.description:
        texts.setdefault("description", posted.description)
    done = post_alert(
        tenant.store,
        actor=who.name,
        labels=labels,
        title=posted.title or posted.alert_name,
        severity=posted.severity,
        value=posted.current_value,
        annotations=texts,
        details=details,
        team=posted.team,
        tenant=tenant.name,
    )
    if done.kept:
        kept = AlertKept(outcome=done.kept, rule=done.by, until=done.due)
        return JSONResponse(kept.model_dump(mode="json"), 202)
    if not done.opened:
        response.status_code = 200
    return item_of(request, tenant.store.alerts.get(done.alert_id))


@router.get("/active", summary="List live alerts", responses=responses(), response_model=AlertList)
@needs(Permission.READ, "alerts", confined=True)
async def active(
    request: Request,
    severity: Annotated[
        list[Literal["critical", "high", "medium", "low", "info", "emergency", "warning"]],
        Query(description="Severities, several allowed.", max_length=len(WORDS)),
    ] = [],  # noqa: B006 - FastAPI copies it
    tenant: Tenant | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: Annotated[
        str | None, Query(max_length=300, description="next_cursor of the previous page.")
    ] = None,
) -> Response:
    """List the alerts that are not resolved by page, the most urgent first."""
    return await list_alerts(
        request, severity=[*severity], tenant=tenant or "", order="live", limit=limit,
        cursor=cursor,
    )  # fmt: skip


_ROUTE: dict[str, Any] = {
    "responses": responses(400, 404, 409, 413),
    "response_model": ActionTaken,
}


def _plain_step(request: Request) -> Prompt | None:
    plain = not request.scope["query_string"] and IS_ID(request.path_params["alert_id"])
    return _acknowledge if plain else None


async def _acknowledge(request: Request) -> Response | None:
    body = await request.body()
    if body and request.headers.get("content-type") != "application/json":
        return None
    try:
        step = Step.model_validate_json(body) if body else None
    except ValidationError:
        return None  # FastAPI says what is wrong
    return await _take(request, request.path_params["alert_id"], "acknowledge", step)


@steps.put("/{alert_id}/acknowledge", summary="Acknowledge an alert (PUT)", **_ROUTE)
@steps.post("/{alert_id}/acknowledge", summary="Acknowledge an alert", **_ROUTE)
@prompt(_plain_step)
@needs(Permission.RESPOND, "alerts", confined=True)
async def acknowledge(request: Request, alert_id: AlertId, step: Step | None = None) -> Response:
    """Take the alert on; a repetition changes nothing. The body may be left out."""
    return await _take(request, alert_id, "acknowledge", step)


@steps.put("/{alert_id}/resolve", summary="Resolve an alert (PUT)", **_ROUTE)
@steps.post("/{alert_id}/resolve", summary="Resolve an alert", **_ROUTE)
@needs(Permission.RESPOND, "alerts", confined=True)
async def resolve(request: Request, alert_id: AlertId, step: Step | None = None) -> Response:
    """Resolve the alert by hand; a repetition changes nothing. The body may be left out."""
    return await _take(request, alert_id, "resolve", step)


@steps.post("/{alert_id}/silence", summary="Silence an alert", **_ROUTE)
@needs(Permission.RESPOND, "alerts", confined=True)
async def silence(request: Request, alert_id: AlertId, step: Silence | None = None) -> Response:
    """Send no notifications about the alert for some time, an hour unless the body says how long.

    The alert stays as it is, and so does the silence if it fires again. The action `unsuppress`
    ends it.

    Returns:
        The alert after the action, and the reason code of the outcome.
    """
    given = step or Silence.model_validate({})
    asked = {
        "action": "suppress",
        "duration_minutes": given.duration_minutes,
        "reason": given.reason or given.note,
        "expected_version": given.expected_version,
    }
    return await act(request, alert_id, ActionRequest.model_validate(asked))


async def _take(request: Request, alert_id: str, name: ActionName, step: Step | None) -> Response:
    given = step or Step.model_validate({})
    asked = {"action": name, "note": given.note, "expected_version": given.expected_version}
    return await act(request, alert_id, ActionRequest.model_validate(asked))
