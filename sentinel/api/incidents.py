"""Incidents over HTTP: opened, listed, changed, assigned and resolved.

Each is at `/api/incidents`, as older callers know it, and at `/api/v1/incidents`. Who may respond
to alerts may work incidents; a runbook that runs deployments is written by editors.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response

from sentinel.access import Permission, Principal
from sentinel.api.access import Acting
from sentinel.api.bodies import Body, Moment, Tenant, described_as, read_as
from sentinel.api.editing import ETAG, IfMatch, check_match
from sentinel.api.incident_bodies import (
    AssignBody,
    IncidentBody,
    IncidentItem,
    IncidentList,
    IncidentPatch,
    IncidentStatistics,
    RootCauseBody,
    StatusBody,
    UpdateBody,
    incident_item,
)
from sentinel.api.needs import needs
from sentinel.api.once import Once, OnceRoute
from sentinel.api.problems import responses
from sentinel.api.schemas import NO_NUL
from sentinel.api.shown_rules import allow, store_of
from sentinel.incidents.figures import DEFINITIONS
from sentinel.incidents.runbook import steps_of
from sentinel.incidents.state import Incident, IncidentWord, Status, incident_severity
from sentinel.store.incidents.incidents import Incidents
from sentinel.store.incidents.listing import IncidentFilter
from sentinel.store.incidents.opening import NewIncident
from sentinel.store.incidents.statistics import figures_between

__all__ = ["IncidentId", "incidents_of", "matching", "router", "tagged"]

router = APIRouter(prefix="/incidents", tags=["incidents"], route_class=OnceRoute)

IncidentId = Annotated[
    str,
    Path(
        pattern="^[0-9a-f]{32}$",
        description="Id of the incident.",
        examples=["0198f2c4a7e07cc0b2a1d3f4e5a69788"],
    ),
]
Filter = Annotated[str | None, Query(max_length=300, pattern=NO_NUL)]
SHOWN: dict[str, Any] = {"headers": ETAG, "description": "The incident"}
CHANGED: dict[int | str, dict[str, Any]] = {
    **responses(400, 403, 404, 409, 412, 413), 200: SHOWN
}  # fmt: skip


@router.post(
    "",
    summary="Open an incident",
    status_code=201,
    responses={
        **responses(400, 403, 404, 409, 413),
        201: {"headers": ETAG, "description": "The incident; Location is its address"},
    },
    openapi_extra=described_as(IncidentBody),
    dependencies=[Once],
)
@needs(Permission.RESPOND, "incidents", confined=True)
def create(request: Request, response: Response, body: Body, who: Acting) -> IncidentItem:
    """Open an incident by hand, or from alerts. Whoever opens it has acknowledged it.

    Returns:
        The incident.
    """
    asked = read_as(IncidentBody, body)
    _allow_runbook(who, asked.runbook, asked.tenant, asked.team)
    new = NewIncident(
        title=asked.title, description=asked.description, service=asked.service_name,
        tenant=asked.tenant, team=asked.team, alerts=asked.alerts, gather_by=asked.gather_by,
        severity=None if asked.severity is None else int(incident_severity(asked.severity)),
        matchers=asked.matchers, gather_for=timedelta(minutes=asked.gather_minutes),
        assignee=asked.assignee, roles={str(role): one for role, one in asked.roles.items()},
        runbook=asked.runbook, war_room=asked.war_room, receivers=asked.receivers,
    )  # fmt: skip
    made = incidents_of(request, who, Permission.RESPOND).open(new, actor=who.name)
    response.headers["Location"] = f"{request.url.path.rstrip('/')}/{made.id}"
    return tagged(request, response, who, made)


@router.get("", summary="List incidents", responses=responses(400))
@needs(Permission.READ, "incidents", confined=True)
def list_incidents(
    request: Request,
    who: Acting,
    status: Annotated[list[Status] | None, Query(description="Any of these.")] = None,
    min_severity: Annotated[
        IncidentWord, Query(description="At least so severe, such as high or sev2.")
    ] = "info",
    tenant: Tenant | None = None,
    team: Filter = None,
    service: Filter = None,
    policy: Filter = None,
    assignee: Filter = None,
    q: Annotated[
        str, Query(max_length=300, pattern=NO_NUL, description="Words of title or description.")
    ] = "",
    alert: Annotated[
        str | None, Query(pattern="^[0-9a-f]{32}$", description="Id of one of its alerts.")
    ] = None,
    since: Annotated[Moment | None, Query(description="Opened then or later.")] = None,
    until: Annotated[Moment | None, Query(description="Opened before.")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: Annotated[
        str | None,
        Query(pattern="^[0-9a-f]{32}$", description="next_cursor of the previous page."),
    ] = None,
) -> IncidentList:
    """List incidents, newest first."""
    wanted = IncidentFilter(
        status=status or (), severity=int(incident_severity(min_severity)), tenant=tenant,
        team=team, service=service, policy=policy, assignee=assignee, words=q, alert=alert,
        since=since, until=until,
    )  # fmt: skip
    page = incidents_of(request, who).page(wanted, limit=limit, after=cursor)
    items = [incident_item(one, page.alerts.get(one.id, 0)) for one in page.items]
    return IncidentList(items=items, next_cursor=page.next)


@router.get("/active", summary="Incidents that are not resolved", responses=responses())
@needs(Permission.READ, "incidents", confined=True)
def active(
    request: Request, who: Acting, tenant: Tenant | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: Annotated[
        str | None,
        Query(pattern="^[1-5]-[0-9a-f]{32}$", description="next_cursor of the previous page."),
    ] = None,
) -> IncidentList:  # fmt: skip
    """List the incidents that are not resolved, the most severe first."""
    page = incidents_of(request, who).active(tenant, limit=limit, after=cursor)
    items = [incident_item(one, page.alerts.get(one.id, 0)) for one in page.items]
    return IncidentList(items=items, next_cursor=page.next)


@router.get("/statistics", summary="Figures of incidents", responses=responses(400))
@needs(Permission.READ, "incidents", confined=True)
def statistics(
    request: Request,
    who: Acting,
    since: Annotated[Moment | None, Query(description="Left out: 30 days before until.")] = None,
    until: Annotated[Moment | None, Query(description="Left out: now.")] = None,
    tenant: Tenant | None = None,
    team: Filter = None,
) -> IncidentStatistics:
    """Return how many incidents opened in a period, MTTA and MTTR, and what these mean."""
    store = store_of(request)
    end = until or store.now()
    begin = since or end - timedelta(days=30)
    scope = who.scope(Permission.READ)
    found = figures_between(store, begin, end, tenant=tenant, team=team, scope=scope)
    return IncidentStatistics(
        since=begin, until=end, opened=found.opened, open=found.open,
        acknowledged=found.acknowledged, resolved=found.resolved, by_severity=found.by_severity,
        mtta=found.mtta, mttr=found.mttr, definitions=DEFINITIONS,
    )  # fmt: skip


@router.get("/{incident_id}", summary="One incident", responses={**responses(404), 200: SHOWN})
@needs(Permission.READ, "incidents", confined=True)
def read(
    request: Request, response: Response, incident_id: IncidentId, who: Acting
) -> IncidentItem:
    """Return an incident."""
    return tagged(request, response, who, incidents_of(request, who).get(incident_id))


@router.patch(
    "/{incident_id}",
    summary="Change an incident",
    responses=CHANGED,
    openapi_extra=described_as(IncidentPatch),
)
@needs(Permission.RESPOND, "incidents", confined=True)
def edit(
    request: Request, response: Response, incident_id: IncidentId, body: Body, who: Acting,
    if_match: IfMatch = None,
) -> IncidentItem:  # fmt: skip
    """Change fields of an incident. Another runbook replaces its steps.

    Returns:
        The incident.
    """
    asked = read_as(IncidentPatch, body)
    fields = {name: getattr(asked, name) for name in asked.model_fields_set}
    if "severity" in fields:
        fields["severity"] = int(incident_severity(asked.severity))
    if "service_name" in fields:
        fields["service"] = fields.pop("service_name")
    if "gather_minutes" in fields:
        fields["gather_for"] = timedelta(minutes=fields.pop("gather_minutes"))

    def check(before: Incident) -> None:
        check_match(if_match, tag_of(before))
        if "runbook" in fields and fields["runbook"] != before.runbook:
            _allow_runbook(who, asked.runbook, before.tenant, before.team)

    changed = incidents_of(request, who, Permission.RESPOND).edit(
        incident_id, fields, actor=who.name, check=check
    )
    return tagged(request, response, who, changed)


@router.post(
    "/{incident_id}/status",
    summary="Change the status of an incident",
    responses=CHANGED,
    openapi_extra=described_as(StatusBody),
)
@needs(Permission.RESPOND, "incidents", confined=True)
def set_status(
    request: Request, response: Response, incident_id: IncidentId, body: Body, who: Acting,
    if_match: IfMatch = None,
) -> IncidentItem:  # fmt: skip
    """Change the status, and notify the incident's receivers. Any other status reopens a resolved.

    Returns:
        The incident.
    """
    asked = read_as(StatusBody, body)
    changed = incidents_of(request, who, Permission.RESPOND).set_status(
        incident_id, asked.status, actor=who.name, comment=asked.comment,
        check=matching(if_match),
    )  # fmt: skip
    return tagged(request, response, who, changed)


@router.post(
    "/{incident_id}/updates",
    summary="Post an update of an incident",
    status_code=201,
    responses={**responses(400, 403, 404, 409, 413), 201: SHOWN},
    openapi_extra=described_as(UpdateBody),
    dependencies=[Once],
)
@needs(Permission.RESPOND, "incidents", confined=True)
def post_update(
    request: Request, response: Response, incident_id: IncidentId, body: Body, who: Acting
) -> IncidentItem:
    """Add an update to the timeline, and send it to receivers, one message to each channel.

    Returns:
        The incident.
    """
    asked = read_as(UpdateBody, body)
    changed = incidents_of(request, who, Permission.RESPOND).update(
        incident_id, asked.message, actor=who.name, receivers=asked.receivers,
        public=asked.public, public_title=asked.public_title,
    )  # fmt: skip
    return tagged(request, response, who, changed)


@router.post(
    "/{incident_id}/assign",
    summary="Assign an incident, or a role in it",
    responses=CHANGED,
    openapi_extra=described_as(AssignBody),
)
@needs(Permission.RESPOND, "incidents", confined=True)
def assign(
    request: Request, response: Response, incident_id: IncidentId, body: Body, who: Acting,
    if_match: IfMatch = None,
) -> IncidentItem:  # fmt: skip
    """Say who works on an incident, or who has a role in it.

    Returns:
        The incident.
    """
    asked = read_as(AssignBody, body)
    changed = incidents_of(request, who, Permission.RESPOND).assign(
        incident_id, asked.assignee, actor=who.name, role=asked.role or "",
        check=matching(if_match),
    )  # fmt: skip
    return tagged(request, response, who, changed)


@router.post(
    "/{incident_id}/root-cause",
    summary="Write down the root cause of an incident",
    responses=CHANGED,
    openapi_extra=described_as(RootCauseBody),
)
@needs(Permission.RESPOND, "incidents", confined=True)
def set_root_cause(
    request: Request, response: Response, incident_id: IncidentId, body: Body, who: Acting,
    if_match: IfMatch = None,
) -> IncidentItem:  # fmt: skip
    """Write down the root cause; an empty text takes it back.

    Returns:
        The incident.
    """
    asked = read_as(RootCauseBody, body)
    changed = incidents_of(request, who, Permission.RESPOND).set_root_cause(
        incident_id, asked.root_cause, actor=who.name, check=matching(if_match)
    )
    return tagged(request, response, who, changed)


def incidents_of(
    request: Request, who: Principal, permission: Permission = Permission.READ
) -> Incidents:
    """Return the incidents for which somebody has a permission."""
    return Incidents(store_of(request), who.scope(permission))


def matching(if_match: str | None) -> Callable[[Incident], None]:
    """Return what refuses a change of another version than that of `If-Match`."""
    return lambda before: check_match(if_match, tag_of(before))


def tag_of(incident: Incident) -> str:
    """Return the tag of an incident's version."""
    return f'"{incident.version}"'


def tagged(
    request: Request, response: Response, who: Principal, incident: Incident
) -> IncidentItem:
    """Return an incident as the API shows it, with the tag of its version."""
    response.headers["ETag"] = tag_of(incident)
    counts = incidents_of(request, who).alert_counts([incident.id])
    return incident_item(incident, counts.get(incident.id, 0))


def _allow_runbook(who: Principal, runbook: str, tenant: str, team: str) -> None:
    """Refuse a runbook that runs deployments from whoever may not edit rules there.

    Raises:
        Problem: 403
    """
    if any(one.deployment for one in steps_of(runbook)):
        allow(who, Permission.EDIT, tenant, team)
