"""What belongs to an incident over HTTP: alerts, timeline, runbook, action items, post-mortem."""

from __future__ import annotations

from typing import Annotated, cast

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response

from sentinel.access import Permission
from sentinel.alerts.view import AlertView
from sentinel.api.access import Acting
from sentinel.api.bodies import Body, described_as, read_as
from sentinel.api.document_versions import DocumentDoor, add_versions
from sentinel.api.editing import ETAG, IfMatch, check_match
from sentinel.api.incident_bodies import (
    ActionItemBody,
    ActionItemItem,
    ActionItemList,
    ActionItemPatch,
    AlertsBody,
    IncidentAlerts,
    IncidentItem,
    IncidentPoliciesBody,
    IncidentTimelineList,
    PostMortemBody,
    PostMortemItem,
    PostMortemList,
    RunbookSteps,
    StepBody,
    TimelineItem,
    action_item,
    post_mortem_item,
    step_item,
)
from sentinel.api.incidents import CHANGED, IncidentId, incidents_of, matching, tagged
from sentinel.api.incidents import router as of_incidents
from sentinel.api.needs import needs
from sentinel.api.once import Once, OnceRoute
from sentinel.api.problems import responses
from sentinel.api.shown_rules import store_of
from sentinel.engine.incident_steps import start_steps
from sentinel.errors import PrefectUnreachable
from sentinel.prefect_client.client import PrefectApi
from sentinel.settings import Settings
from sentinel.store.alerts.detail import read_details
from sentinel.store.incidents.action_items import ActionItems
from sentinel.store.incidents.policies import IncidentPolicyDocuments
from sentinel.store.incidents.post_mortems import PostMortem, PostMortems
from sentinel.store.incidents.step_approvals import StepDecider
from sentinel.store.incidents.steps import Steps
from sentinel.store.incidents.timeline import timeline_of

__all__ = ["routers"]

router = APIRouter(prefix="/incidents/{incident_id}", tags=["incidents"], route_class=OnceRoute)
policies = APIRouter(prefix="/incidents/policies", tags=["incidents"])
routers = (policies, of_incidents, router)
"""All routes about incidents; those of policies come before those of one incident."""
add_versions(
    policies,
    DocumentDoor(
        documents=IncidentPolicyDocuments,
        area="incidents",
        noun="the incident policies",
        body=IncidentPoliciesBody,
        about="Make a document of incident policies the active one.",
        read=Permission.READ,
    ),
)

_EXAMPLE_ID = "0198f2c4a7e07cc0b2a1d3f4e5a69788"
AlertId = Annotated[
    str, Path(pattern="^[0-9a-f]{32}$", description="Id of the alert.", examples=[_EXAMPLE_ID])
]
ItemId = Annotated[
    str, Path(pattern="^[0-9a-f]{32}$", description="Id of the item.", examples=[_EXAMPLE_ID])
]
Number = Annotated[int, Path(ge=1, le=1000, description="Number of the step.")]
_SAVED = {"headers": ETAG, "description": "The post-mortem"}


@router.get("/alerts", summary="Alerts of an incident", responses=responses(404))
@needs(Permission.READ, "incidents", confined=True)
def list_alerts(
    request: Request,
    incident_id: IncidentId,
    who: Acting,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: Annotated[
        str | None,
        Query(pattern="^[0-9a-f]{32}$", description="next_cursor of the previous page."),
    ] = None,
) -> IncidentAlerts:
    """List the alerts of an incident that the caller may read, oldest first."""
    incidents = incidents_of(request, who)
    ids = incidents.alerts(incident_id, limit=limit + 1, after=cursor or "")
    found = read_details(store_of(request), ids[:limit])
    items = [AlertView.model_construct(None, **found[one].alert) for one in ids[:limit]
             if one in found]  # fmt: skip
    return IncidentAlerts(items=items, next_cursor=ids[limit - 1] if len(ids) > limit else None)


@router.post(
    "/alerts",
    summary="Add alerts to an incident",
    responses=CHANGED,
    openapi_extra=described_as(AlertsBody),
)
@needs(Permission.RESPOND, "incidents", confined=True)
def add_alerts(
    request: Request, response: Response, incident_id: IncidentId, body: Body, who: Acting,
    if_match: IfMatch = None,
) -> IncidentItem:  # fmt: skip
    """Add alerts, also those that were taken out; those that it has stay.

    Returns:
        The incident.
    """
    asked = read_as(AlertsBody, body)
    changed = incidents_of(request, who, Permission.RESPOND).add_alerts(
        incident_id, asked.alerts, actor=who.name, check=matching(if_match)
    )
    return tagged(request, response, who, changed)


@router.delete("/alerts/{alert_id}", summary="Take an alert out of an incident", responses=CHANGED)
@needs(Permission.RESPOND, "incidents", confined=True)
def remove_alert(
    request: Request, response: Response, incident_id: IncidentId, alert_id: AlertId, who: Acting,
    if_match: IfMatch = None,
) -> IncidentItem:  # fmt: skip
    """Take an alert out, which the incident does not gather again.

    Returns:
        The incident.
    """
    changed = incidents_of(request, who, Permission.RESPOND).remove_alert(
        incident_id, alert_id, actor=who.name, check=matching(if_match)
    )
    return tagged(request, response, who, changed)


@router.get("/timeline", summary="Timeline of an incident", responses=responses(404))
@needs(Permission.READ, "incidents", confined=True)
def timeline(request: Request, incident_id: IncidentId, who: Acting) -> IncidentTimelineList:
    """Return what happened to an incident, its alerts and around it, oldest first.

    Of each source there are at most the first 2,000 entries: the incident itself, its alerts with
    acknowledgements, comments and runs, messages about them, and changes of their rules.

    Returns:
        The entries that the caller may read.
    """
    found = timeline_of(store_of(request), incident_id, who.scope(Permission.READ))
    items = [TimelineItem(**msgspec.structs.asdict(one)) for one in found.entries]
    return IncidentTimelineList(items=items, truncated=found.truncated)


@router.get("/runbook", summary="Runbook of an incident", responses=responses(404))
@needs(Permission.READ, "incidents", confined=True)
def runbook(request: Request, incident_id: IncidentId, who: Acting) -> RunbookSteps:
    """Return the runbook of an incident, and how each of its steps stands."""
    incident = incidents_of(request, who).get(incident_id)
    steps = Steps(store_of(request), who.scope(Permission.READ)).of(incident_id)
    return RunbookSteps(runbook=incident.runbook, steps=[step_item(one) for one in steps])


@router.post(
    "/runbook/steps/{number}",
    summary="Run a step, or mark it as done",
    responses=responses(400, 403, 404, 409, 413),
    openapi_extra=described_as(StepBody),
    dependencies=[Once],
)
@needs(Permission.RESPOND, "incidents", confined=True)
def act_on_step(
    request: Request, incident_id: IncidentId, number: Number, body: Body, who: Acting
) -> RunbookSteps:
    """Run the deployment of a step, mark the step as done, skip it, or reopen it.

    Where the policy of the incident asks for an approval, the run waits for `approve` or `reject`
    by those who may. 409 also where the policy allows no more runs within the hour.

    A run is started at once where Prefect answers, else within ten minutes by the sweep, and once
    however often that is tried. The timeline says how it ends.

    Returns:
        The runbook.
    """
    asked = read_as(StepBody, body)
    store = store_of(request)
    person = who.name if who.kind == "person" else ""
    Steps(store, who.scope(Permission.RESPOND)).act(
        incident_id, number, asked.act, actor=who.name, comment=asked.comment,
        decider=StepDecider(person=person, holds=who.allows),
    )  # fmt: skip
    if asked.act in ("run", "approve"):
        try:
            with PrefectApi.of(cast("Settings", request.app.state.settings)) as prefect:
                start_steps(store, prefect, (incident_id, number))
        except PrefectUnreachable as error:
            # The row stays, and the sweep starts it.
            store.log.write("warning", "incident.step_waits", f"a step waits: {error}", {})
    return runbook(request, incident_id, who)


@router.get("/action-items", summary="Action items of an incident", responses=responses(404))
@needs(Permission.READ, "incidents", confined=True)
def list_action_items(request: Request, incident_id: IncidentId, who: Acting) -> ActionItemList:
    """List what is to be done so that it does not happen again, oldest first."""
    found = ActionItems(store_of(request), who.scope(Permission.READ)).of(incident_id)
    return ActionItemList(items=[action_item(one) for one in found])


@router.post(
    "/action-items",
    summary="Add an action item",
    status_code=201,
    responses=responses(400, 403, 404, 409, 413),
    openapi_extra=described_as(ActionItemBody),
    dependencies=[Once],
)
@needs(Permission.RESPOND, "incidents", confined=True)
def add_action_item(
    request: Request, incident_id: IncidentId, body: Body, who: Acting
) -> ActionItemItem:
    """Add an action item, with who does it and by when.

    Returns:
        The item.
    """
    asked = read_as(ActionItemBody, body)
    made = ActionItems(store_of(request), who.scope(Permission.RESPOND)).add(
        incident_id, asked.title, actor=who.name, owner=asked.owner, due=asked.due
    )
    return action_item(made)


@router.patch(
    "/action-items/{item_id}",
    summary="Change an action item",
    responses=responses(400, 403, 404, 409, 413),
    openapi_extra=described_as(ActionItemPatch),
)
@needs(Permission.RESPOND, "incidents", confined=True)
def edit_action_item(
    request: Request, incident_id: IncidentId, item_id: ItemId, body: Body, who: Acting
) -> ActionItemItem:
    """Change an action item, or say that it is done.

    Returns:
        The item.
    """
    asked = read_as(ActionItemPatch, body)
    fields = {name: getattr(asked, name) for name in asked.model_fields_set}
    made = ActionItems(store_of(request), who.scope(Permission.RESPOND)).edit(
        incident_id, item_id, fields, actor=who.name
    )
    return action_item(made)


@router.get(
    "/post-mortem",
    summary="Post-mortem of an incident",
    responses={**responses(404), 200: _SAVED},
)
@needs(Permission.READ, "incidents", confined=True)
def read_post_mortem(
    request: Request,
    response: Response,
    incident_id: IncidentId,
    who: Acting,
    generated: Annotated[
        bool, Query(description="Generate it anew, also where somebody saved one.")
    ] = False,
) -> PostMortemItem:
    """Return the post-mortem that was saved last, else one generated from the timeline now."""
    post_mortems = PostMortems(store_of(request), who.scope(Permission.READ))
    found = (post_mortems.generate if generated else post_mortems.get)(incident_id)
    return _tagged_post_mortem(response, found)


@router.put(
    "/post-mortem",
    summary="Save the post-mortem of an incident",
    responses={**responses(400, 403, 404, 409, 412, 413), 200: _SAVED},
    openapi_extra=described_as(PostMortemBody),
)
@needs(Permission.RESPOND, "incidents", confined=True)
def save_post_mortem(
    request: Request, response: Response, incident_id: IncidentId, body: Body, who: Acting,
    if_match: IfMatch = None,
) -> PostMortemItem:  # fmt: skip
    """Save a version of the post-mortem; earlier ones are kept.

    Returns:
        The version.
    """
    asked = read_as(PostMortemBody, body)
    saved = PostMortems(store_of(request), who.scope(Permission.RESPOND)).save(
        incident_id, asked.document, actor=who.name,
        check=lambda number: check_match(if_match, f'"{number}"'),
    )  # fmt: skip
    return _tagged_post_mortem(response, saved)


@router.get(
    "/post-mortem/versions", summary="Saved versions of a post-mortem", responses=responses(404)
)
@needs(Permission.READ, "incidents", confined=True)
def list_post_mortems(request: Request, incident_id: IncidentId, who: Acting) -> PostMortemList:
    """List the newest 20 versions that people saved, newest first."""
    found = PostMortems(store_of(request), who.scope(Permission.READ)).versions(incident_id)
    return PostMortemList(items=[post_mortem_item(one) for one in found])


def _tagged_post_mortem(response: Response, one: PostMortem) -> PostMortemItem:
    response.headers["ETag"] = f'"{one.version}"'
    return post_mortem_item(one)
