"""Requests about incidents.

```python
from sentinel.client import Client, incidents

with Client() as sentinel:
    one = sentinel.do(incidents.create(title="Checkout is slow", severity="sev2"))
    sentinel.do(incidents.post_update(one.id, "Half of the orders take a minute."))
    sentinel.do(incidents.set_status(one.id, "resolved"))
```
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from pydantic import BaseModel

from sentinel.alerts.view import AlertView
from sentinel.client.calls import Call

__all__ = [
    "Incident", "IncidentActionItem", "IncidentActionItems", "IncidentAlerts", "IncidentFigures",
    "IncidentPage", "IncidentPolicies", "IncidentPolicyApplied", "IncidentPolicyVersions",
    "IncidentTimeline", "PostMortem", "PostMortems", "Runbook", "act_on_step", "action_items",
    "active", "add_action_item", "add_alerts", "alerts", "apply_policies", "assign", "create",
    "edit", "edit_action_item", "listed", "policies", "policy_version", "policy_versions",
    "post_mortem", "post_mortem_versions", "post_update", "read", "remove_alert",
    "rollback_policies", "runbook", "save_post_mortem", "set_root_cause", "set_status",
    "statistics", "timeline",
]  # fmt: skip

_PATH = "/api/incidents"


class Incident(BaseModel):
    """An incident; `severity` is our word, `sev` sev1 to sev4."""

    id: str
    title: str
    description: str
    service_name: str
    tenant: str
    team: str
    status: str
    severity: str
    sev: str
    policy: str
    labels: dict[str, str]
    matchers: list[str]
    gather_minutes: float
    assignee: str
    roles: dict[str, str]
    root_cause: str
    runbook: str
    war_room: str
    receivers: list[str]
    opened_at: datetime
    opened_by: str
    acknowledged_at: datetime | None
    acknowledged_by: str
    resolved_at: datetime | None
    resolved_by: str
    reopened: int
    alerts: int
    version: int
    updated_at: datetime


class IncidentPage(BaseModel):
    """A page of incidents; `next_cursor` is None at the end."""

    items: list[Incident]
    next_cursor: str | None


class IncidentAlerts(BaseModel):
    """A page of the alerts of an incident; `next_cursor` is None at the end."""

    items: list[AlertView]
    next_cursor: str | None


class IncidentTimeline(BaseModel):
    """The timeline, oldest first; each entry has at, source, kind, actor, text and comment."""

    items: list[dict[str, Any]]
    truncated: bool


class IncidentFigures(BaseModel):
    """Figures of the incidents that opened in a period; times in seconds."""

    since: datetime
    until: datetime
    opened: int
    open: int
    acknowledged: int
    resolved: int
    by_severity: dict[str, int]
    mtta: float | None
    mttr: float | None
    definitions: dict[str, str]


class Runbook(BaseModel):
    """The runbook of an incident, and how each of its steps stands."""

    runbook: str
    steps: list[dict[str, Any]]


class IncidentActionItem(BaseModel):
    """An action item."""

    id: str
    title: str
    owner: str
    due: date | None
    done_at: datetime | None
    done_by: str
    created_at: datetime
    created_by: str


class IncidentActionItems(BaseModel):
    """The action items of an incident."""

    items: list[IncidentActionItem]


class PostMortem(BaseModel):
    """A post-mortem; version 0 was generated and not saved."""

    document: str
    version: int
    saved_at: datetime | None
    saved_by: str


class PostMortems(BaseModel):
    """Versions of a post-mortem that were saved, newest first."""

    items: list[PostMortem]


class IncidentPolicies(BaseModel):
    """A version of the incident policies; number 0 for none."""

    number: int
    note: str
    applied_by: str
    applied_at: datetime | None
    digest: str
    document: str


class IncidentPolicyVersions(BaseModel):
    """Versions of the incident policies, without their documents."""

    items: list[dict[str, Any]]
    next_cursor: int | None


class IncidentPolicyApplied(BaseModel):
    """The active version, and whether it is a new one."""

    number: int
    changed: bool


def _matched(version: int | None) -> dict[str, str]:
    return {} if version is None else {"If-Match": f'"{version}"'}


def listed(
    *, status: Sequence[str] = (), limit: int = 50, cursor: str | None = None, **chosen: Any
) -> Call[IncidentPage]:
    """Return the request for a page of incidents.

    Args:
        status: any of these; none for all
        limit: at most so many
        cursor: `next_cursor` of the page before
        **chosen: min_severity, tenant, team, service, policy, assignee, q, alert, since, until

    Returns:
        The request.
    """
    params = {"status": list(status) or None, "limit": limit, "cursor": cursor, **chosen}
    return Call(IncidentPage, "GET", _PATH, params)


def active(
    *, tenant: str | None = None, limit: int = 50, cursor: str | None = None
) -> Call[IncidentPage]:
    """Return the request for the incidents that are not resolved, the most severe first."""
    params = {"tenant": tenant, "limit": limit, "cursor": cursor}
    return Call(IncidentPage, "GET", f"{_PATH}/active", params)


def create(*, idempotency_key: str = "", **fields: Any) -> Call[Incident]:
    """Return the request that opens an incident.

    Args:
        idempotency_key: makes a second request with it return the first incident
        **fields: title, description, severity, service_name, alerts and others, as the API names
            them

    Returns:
        The request.
    """
    headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
    return Call(Incident, "POST", _PATH, body=fields, headers=headers)


def read(incident_id: str) -> Call[Incident]:
    """Return the request for one incident."""
    return Call(Incident, "GET", f"{_PATH}/{incident_id}")


def edit(
    incident_id: str, fields: Mapping[str, Any], *, version: int | None = None
) -> Call[Incident]:
    """Return the request that changes fields of an incident.

    Args:
        incident_id: of the incident
        fields: those that change
        version: `Incident.version` of what was read; another one is refused. None for any

    Returns:
        The request.
    """
    place = f"{_PATH}/{incident_id}"
    return Call(Incident, "PATCH", place, body=dict(fields), headers=_matched(version))


def set_status(incident_id: str, status: str, *, comment: str = "") -> Call[Incident]:
    """Return the request that changes the status of an incident."""
    body = {"status": status, "comment": comment}
    return Call(Incident, "POST", f"{_PATH}/{incident_id}/status", body=body)


def post_update(
    incident_id: str, message: str, *, receivers: Sequence[str] | None = None, public: bool = False,
    public_title: str = "",
) -> Call[Incident]:  # fmt: skip
    """Return the request that posts an update; see `Incidents.update` for its arguments."""
    to, title = receivers and [*receivers], {"public_title": public_title} if public_title else {}
    body = {"message": message, "receivers": to, "public": public, **title}
    return Call(Incident, "POST", f"{_PATH}/{incident_id}/updates", body=body)


def assign(incident_id: str, assignee: str, *, role: str | None = None) -> Call[Incident]:
    """Return the request that assigns an incident, or a role in it."""
    body = {"assignee": assignee, "role": role}
    return Call(Incident, "POST", f"{_PATH}/{incident_id}/assign", body=body)


def set_root_cause(incident_id: str, root_cause: str) -> Call[Incident]:
    """Return the request that writes down the root cause."""
    body = {"root_cause": root_cause}
    return Call(Incident, "POST", f"{_PATH}/{incident_id}/root-cause", body=body)


def alerts(incident_id: str, *, limit: int = 50, cursor: str | None = None) -> Call[IncidentAlerts]:
    """Return the request for a page of an incident's alerts."""
    params = {"limit": limit, "cursor": cursor}
    return Call(IncidentAlerts, "GET", f"{_PATH}/{incident_id}/alerts", params)


def add_alerts(incident_id: str, ids: Sequence[str]) -> Call[Incident]:
    """Return the request that adds alerts to an incident."""
    return Call(Incident, "POST", f"{_PATH}/{incident_id}/alerts", body={"alerts": list(ids)})


def remove_alert(incident_id: str, alert_id: str) -> Call[Incident]:
    """Return the request that takes an alert out of an incident."""
    return Call(Incident, "DELETE", f"{_PATH}/{incident_id}/alerts/{alert_id}")


def timeline(incident_id: str) -> Call[IncidentTimeline]:
    """Return the request for the timeline of an incident."""
    return Call(IncidentTimeline, "GET", f"{_PATH}/{incident_id}/timeline")


def runbook(incident_id: str) -> Call[Runbook]:
    """Return the request for the runbook of an incident."""
    return Call(Runbook, "GET", f"{_PATH}/{incident_id}/runbook")


def act_on_step(
    incident_id: str, number: int, act: str, *, comment: str = "", idempotency_key: str = ""
) -> Call[Runbook]:
    """Return the request that runs a step, or marks it as done, skipped or open.

    Args:
        incident_id: of the incident
        number: of the step
        act: run, done, skip or reopen
        comment: kept in the timeline
        idempotency_key: lets the same request be sent again, and run once

    Returns:
        The request.
    """
    place = f"{_PATH}/{incident_id}/runbook/steps/{number}"
    headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
    body = {"act": act, "comment": comment}
    return Call(Runbook, "POST", place, body=body, headers=headers)


def action_items(incident_id: str) -> Call[IncidentActionItems]:
    """Return the request for the action items of an incident."""
    return Call(IncidentActionItems, "GET", f"{_PATH}/{incident_id}/action-items")


def add_action_item(
    incident_id: str, title: str, *, owner: str = "", due: date | None = None
) -> Call[IncidentActionItem]:
    """Return the request that adds an action item."""
    body = {"title": title, "owner": owner, "due": due.isoformat() if due else None}
    return Call(IncidentActionItem, "POST", f"{_PATH}/{incident_id}/action-items", body=body)


def edit_action_item(
    incident_id: str, item_id: str, fields: Mapping[str, Any]
) -> Call[IncidentActionItem]:
    """Return the request that changes title, owner, due or done of an action item."""
    place = f"{_PATH}/{incident_id}/action-items/{item_id}"
    return Call(IncidentActionItem, "PATCH", place, body=dict(fields))


def post_mortem(incident_id: str, *, generated: bool | None = None) -> Call[PostMortem]:
    """Return the request for the post-mortem; `generated` for a new one in place of a saved one."""
    params = {"generated": generated}
    return Call(PostMortem, "GET", f"{_PATH}/{incident_id}/post-mortem", params)


def save_post_mortem(
    incident_id: str, document: str, *, version: int | None = None
) -> Call[PostMortem]:
    """Return the request that saves a post-mortem over a version; None for whichever there is."""
    place = f"{_PATH}/{incident_id}/post-mortem"
    return Call(PostMortem, "PUT", place, body={"document": document}, headers=_matched(version))


def post_mortem_versions(incident_id: str) -> Call[PostMortems]:
    """Return the request for the saved versions of the post-mortem."""
    return Call(PostMortems, "GET", f"{_PATH}/{incident_id}/post-mortem/versions")


def statistics(
    *, since: datetime | None = None, until: datetime | None = None, tenant: str | None = None
) -> Call[IncidentFigures]:
    """Return the request for the figures of a period, by default the last 30 days."""
    given = {"since": since, "until": until}
    params = {key: None if one is None else one.isoformat() for key, one in given.items()}
    return Call(IncidentFigures, "GET", f"{_PATH}/statistics", {**params, "tenant": tenant})


def policies() -> Call[IncidentPolicies]:
    """Return the request for the active incident policies."""
    return Call(IncidentPolicies, "GET", f"{_PATH}/policies")


def apply_policies(
    document: str, *, note: str = "", expected: int | None = None
) -> Call[IncidentPolicyApplied]:
    """Return the request that makes a document of incident policies the active one.

    Args:
        document: YAML
        note: why
        expected: number of the version that must be active, 0 for none; None for any

    Returns:
        The request.
    """
    place, body = f"{_PATH}/policies", {"document": document, "note": note}
    return Call(IncidentPolicyApplied, "PUT", place, body=body, headers=_matched(expected))


def policy_versions(*, limit: int = 50) -> Call[IncidentPolicyVersions]:
    """Return the request for the versions of the incident policies, the active one first."""
    return Call(IncidentPolicyVersions, "GET", f"{_PATH}/policies/versions", {"limit": limit})


def policy_version(number: int) -> Call[IncidentPolicies]:
    """Return the request for one version of the incident policies."""
    return Call(IncidentPolicies, "GET", f"{_PATH}/policies/versions/{number}")


def rollback_policies(number: int, *, note: str = "") -> Call[IncidentPolicyApplied]:
    """Return the request that makes an earlier version active again; 0 for none."""
    place, body = f"{_PATH}/policies/rollback", {"version": number, "note": note}
    return Call(IncidentPolicyApplied, "POST", place, body=body)
