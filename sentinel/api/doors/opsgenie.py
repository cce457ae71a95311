"""Opsgenie's alert API: senders and tools change its address to `…/opsgenie`, and the key.

After https://docs.opsgenie.com/docs/alert-api (read on 2026-11-30). Changes are answered with 202
and an id, and are durable by then; `GET /v2/alerts/requests/{id}` says for a day what came of it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, cast
from uuid import uuid4

import msgspec
import orjson
from fastapi import APIRouter, Path, Query, Request, Response

from sentinel.access import Permission, Principal
from sentinel.alerts.actions import (
    Acknowledge,
    Action,
    ActionResult,
    Assign,
    Comment,
    Escalate,
    Resolve,
    Suppress,
    Unacknowledge,
)
from sentinel.alerts.reasons import Reason
from sentinel.alerts.view import AlertView
from sentinel.api.access import Acting, acting
from sentinel.api.bodies import Body, json_of
from sentinel.api.doors.foreign import began, route_class
from sentinel.api.needs import needs
from sentinel.api.problems import Problem
from sentinel.api.scoped import WholeTenant, within
from sentinel.errors import NotFound
from sentinel.ingest.opsgenie.alert import OPSGENIE, created, id_of_tiny, labels_of_alias, shown
from sentinel.ingest.opsgenie.bodies import AlertStep, Assignment, NewAlert, Note, Snooze, body_as
from sentinel.ingest.opsgenie.found import MOST_FOUND, Order, Sort, find
from sentinel.ingest.posted_alert import post_alert
from sentinel.ingest.posted_before import end_post, newest_posted
from sentinel.schema.columns import new_id
from sentinel.store import Store
from sentinel.store.access.within import Within
from sentinel.store.alerts.of_fingerprint import newest_of
from sentinel.store.answered_requests import Claim, answered, claim_for_good, keep_answer

__all__ = ["router"]

_UNKNOWN = "Alert does not exist"
_MOST_USER = 100
_MOST_COMMENT = 4000


def _refusal(request: Request, problem: Problem) -> Response:
    """Return the answer of a problem as Opsgenie gives it."""
    body: dict[str, Any] = {"message": problem.message}
    if problem.status == 422 and problem.field:
        body["message"] = "Request body is not processable. Please check the errors."
        body["errors"] = {problem.field: problem.message.removeprefix(f"{problem.field}: ")}
    elif problem.hint:
        body["message"] = f"{problem.message}. {problem.hint}"
    return _answer(request, body, problem.status, problem.headers)


router = APIRouter(
    prefix="/opsgenie/v2/alerts",
    tags=["alerts"],
    route_class=route_class(_refusal),
    # Described by Opsgenie, and not in our document.
    include_in_schema=False,
)
Identifier = Annotated[str, Path(description="Of an alert: its id, tiny id or alias.")]
IdentifierType = Annotated[Literal["id", "tiny", "alias"], Query(alias="identifierType")]


def _answer(
    request: Request,
    body: dict[str, Any],
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    took = round(time.monotonic() - began(request), 3)
    whole = {"requestId": str(uuid4()), **body, "took": took}
    content = msgspec.json.encode(whole)
    return Response(content, status, dict(headers or {}), media_type="application/json")


@router.post("")
@needs(Permission.RESPOND, "alerts", confined=True)
def create(request: Request, body: Body, tenant: WholeTenant, who: Acting) -> Response:
    """Open an alert, or count one occurrence more of the open alert with its alias."""
    new = body_as(NewAlert, json_of(body))
    alias = new.alias or new_id()
    whole = created(new, alias, key=who.own_name)
    actor = _named(who, new)
    posted = post_alert(
        tenant.store, actor=actor, labels=whole.labels, title=whole.title,
        severity=whole.severity, annotations=whole.annotations, details=whole.details,
        team=whole.team, tenant=tenant.name, rule="opsgenie",
    )  # fmt: skip
    if new.note and posted.opened:
        within(request).act([posted.alert_id], Comment(actor=actor, comment=_comment(new)))
    status = "Created alert" if posted.opened else posted.kept or "Alert count increased"
    good = True if posted.kept else None
    return _accepted(request, "Create", status, alert_id=posted.alert_id, alias=alias, success=good)


@router.get("")
@needs(Permission.READ, "alerts", confined=True)
def listed(
    request: Request,
    query: str = "",
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    sort: Sort = "createdAt",
    order: Order = "desc",
) -> Response:
    """List alerts that match a query, by page."""
    if offset + limit > MOST_FOUND:
        text = f"offset and limit together may be at most {MOST_FOUND:,}"
        raise Problem(422, "invalid", text, field="offset")
    found = find(within(request), query, need=offset + limit + 1, sort=sort, order=order)
    data = [shown(one) for one in found[offset : offset + limit]]
    asked = {**request.query_params, "limit": str(limit)}
    pages = {"first": 0}
    if len(found) > offset + limit:
        pages["next"] = offset + limit
    if offset:
        pages["prev"] = max(0, offset - limit)
    paging = {
        name: str(request.url.replace_query_params(**{**asked, "offset": str(at)}))
        for name, at in pages.items()
    }
    return _answer(request, {"data": data, "paging": paging})


@router.get("/count")
@needs(Permission.READ, "alerts", confined=True)
def count(request: Request, query: str = "") -> Response:
    """Count the alerts that match a query, at most 20,000."""
    found = find(within(request), query, need=MOST_FOUND, sort="createdAt", order="desc")
    return _answer(request, {"data": {"count": len(found)}})


@router.get("/requests/{request_id}")
@needs(Permission.READ, "alerts", confined=True)
def request_status(
    request: Request, request_id: Annotated[str, Path(max_length=200)], who: Acting
) -> Response:
    """Return what came of a request of the same key within the last day."""
    found = answered(_store(request), _claim(who, request_id))
    if found is None:
        text = "Request not found. It might not be processed yet, or is older than a day."
        raise Problem(404, "not_found", text)
    return _answer(request, {"data": orjson.loads(found.answer)})


@router.get("/{identifier:path}/notes")
@needs(Permission.READ, "alerts", confined=True)
def notes(request: Request, identifier: Identifier, kind: IdentifierType = "id") -> Response:
    """List the comments on an alert, the newest first."""
    detail = within(request).detail(_found(request, identifier, kind).id)
    rows = [
        {
            "note": one["comment"], "owner": one["actor"], "createdAt": one["at"],
            "offset": one["id"],
        }
        for one in reversed(detail.timeline)
        if one["comment"] and one["kind"] != "assigned"  # whose comment is the assignee
    ]  # fmt: skip
    return _answer(request, {"data": rows})


@router.post("/{identifier:path}/close")
@needs(Permission.RESPOND, "alerts", confined=True)
def close(
    request: Request, identifier: Identifier, body: Body, kind: IdentifierType = "id"
) -> Response:
    """Resolve an alert."""
    step = _step(AlertStep, body)
    action = Resolve(actor=_named(acting(request), step), comment=_comment(step))
    return _acted(request, identifier, kind, "Close", "Alert closed", action)


@router.post("/{identifier:path}/acknowledge")
@needs(Permission.RESPOND, "alerts", confined=True)
def acknowledge(
    request: Request, identifier: Identifier, body: Body, kind: IdentifierType = "id"
) -> Response:
    """Acknowledge an alert."""
    step = _step(AlertStep, body)
    action = Acknowledge(actor=_named(acting(request), step), comment=_comment(step))
    return _acted(request, identifier, kind, "Acknowledge", "Alert acknowledged", action)


@router.post("/{identifier:path}/unacknowledge")
@needs(Permission.RESPOND, "alerts", confined=True)
def unacknowledge(
    request: Request, identifier: Identifier, body: Body, kind: IdentifierType = "id"
) -> Response:
    """Withdraw the acknowledgement of an alert."""
    step = _step(AlertStep, body)
    action = Unacknowledge(actor=_named(acting(request), step), comment=_comment(step))
    return _acted(request, identifier, kind, "UnAcknowledge", "Alert unacknowledged", action)


@router.post("/{identifier:path}/snooze")
@needs(Permission.RESPOND, "alerts", confined=True)
def snooze(
    request: Request, identifier: Identifier, body: Body, kind: IdentifierType = "id"
) -> Response:
    """Send no notifications about an alert until a moment."""
    step = _step(Snooze, body)
    if step.until <= _store(request).now():
        text = "endTime: must be in the future"
        raise Problem(422, "invalid", text, field="endTime")
    action = Suppress(actor=_named(acting(request), step), until=step.until, comment=_comment(step))
    return _acted(request, identifier, kind, "Snooze", "Alert snoozed", action)


@router.post("/{identifier:path}/notes")
@needs(Permission.RESPOND, "alerts", confined=True)
def add_note(
    request: Request, identifier: Identifier, body: Body, kind: IdentifierType = "id"
) -> Response:
    """Add a comment to an alert."""
    step = _step(Note, body)
    action = Comment(actor=_named(acting(request), step), comment=_comment(step))
    return _acted(request, identifier, kind, "AddNote", "Added note", action)


@router.post("/{identifier:path}/assign")
@needs(Permission.RESPOND, "alerts", confined=True)
def assign(
    request: Request, identifier: Identifier, body: Body, kind: IdentifierType = "id"
) -> Response:
    """Assign an alert to a person, by name or address."""
    step = _step(Assignment, body)
    if not step.owner.named:
        raise Problem(422, "invalid", "owner: may not be empty", field="owner")
    action = Assign(
        actor=_named(acting(request), step), assignee=step.owner.named, comment=_comment(step)
    )
    return _acted(request, identifier, kind, "Assign", "Alert assigned", action)


@router.post("/{identifier:path}/escalate")
@needs(Permission.RESPOND, "alerts", confined=True)
def escalate(
    request: Request, identifier: Identifier, body: Body, kind: IdentifierType = "id"
) -> Response:
    """Page the next level of the alert's escalation policy, whichever escalation is named."""
    step = _step(AlertStep, body)
    action = Escalate(actor=_named(acting(request), step), comment=_comment(step))
    return _acted(request, identifier, kind, "Escalate", "Alert escalated", action)


@router.delete("/{identifier:path}")
@needs(Permission.RESPOND, "alerts", confined=True)
def delete(
    request: Request, identifier: Identifier, kind: IdentifierType = "id", source: str = "",
    user: str = "",
) -> Response:  # fmt: skip
    """Refuse to delete an alert, whatever a sender says of it.

    Raises:
        Problem: 422 always: alerts are kept for as long as the retention says
    """
    text = f"alert {identifier!r} is kept, as Sentinel deletes no alerts; close it instead"
    raise Problem(422, "invalid", text)


@router.get("/{identifier:path}")
@needs(Permission.READ, "alerts", confined=True)
def get(request: Request, identifier: Identifier, kind: IdentifierType = "id") -> Response:
    """Return one alert."""
    found = _found(request, identifier, kind)
    return _answer(request, {"data": shown(vars(found), whole=True)})


def _store(request: Request) -> Store:
    return cast("Store", request.app.state.store)


def _step(model: type[Any], body: bytes) -> Any:
    return body_as(model, json_of(body) if body.strip() else None)


def _named(who: Principal, step: AlertStep) -> str:
    """Return who acts: the person whom the sender names, and by which key."""
    user = " ".join(step.user.split())[:_MOST_USER]
    return f"{user} via {who.own_name}" if user and user.isprintable() else who.name


def _comment(step: AlertStep) -> str:
    return step.note[:_MOST_COMMENT]


def _found(request: Request, identifier: str, kind: str) -> AlertView:
    """Return the alert that an identifier means.

    Args:
        request: says within which scope
        identifier: as it is in the path
        kind: id, tiny or alias

    Returns:
        The alert; of an alias, the one that is live, else the newest.

    Raises:
        Problem: 404 where there is none in scope
    """
    confined = within(request)
    try:
        for alert_id in _ids(confined, identifier, kind):
            return confined.alert(alert_id)
    except NotFound:
        pass
    raise Problem(404, "not_found", _UNKNOWN)


def _ids(confined: Within, identifier: str, kind: str) -> Sequence[str]:
    if kind == "id":
        return [identifier.lower()]
    if kind == "tiny":
        found = id_of_tiny(identifier)
        return [] if found is None else [found]
    tenant = confined.tenant(None).name
    own = newest_posted(confined.store, tenant, OPSGENIE, labels_of_alias(identifier))
    # Alerts of other rules have their fingerprint for an alias.
    newest = own or newest_of(confined.store, identifier)
    return [] if newest is None else [newest.id]


def _acted(
    request: Request, identifier: str, kind: str, name: str, done: str, action: Action
) -> Response:
    """Act on an alert; that there is none is said by the status of the request, as there."""
    if kind == "alias" and isinstance(action, Resolve):
        confined, labels = within(request), labels_of_alias(identifier)
        known = (confined.store, confined.tenant(None).name, OPSGENIE, labels)
        if end_post(*known, actor=action.actor):
            return _accepted(request, name, done, alias=identifier, success=True)
    try:
        alert = _found(request, identifier, kind)
    except Problem as problem:
        if problem.status != 404:
            raise
        return _accepted(request, name, _UNKNOWN, alias=identifier if kind == "alias" else "")
    (result,) = within(request).act([alert.id], action)
    status = done if result.ok else _why_not(result)
    alias = shown(vars(alert))["alias"]
    return _accepted(request, name, status, alert_id=alert.id, alias=alias, success=result.ok)


def _why_not(result: ActionResult) -> str:
    return _UNKNOWN if result.reason is Reason.NOT_FOUND else result.error


def _accepted(
    request: Request, action: str, status: str, *, alert_id: str = "", alias: str = "",
    success: bool | None = None,
) -> Response:  # fmt: skip
    """Keep for a day what came of a request, and return that it was taken."""
    who, store, request_id = acting(request), _store(request), str(uuid4())
    ok = bool(alert_id) if success is None else success
    kept = {
        "success": ok,
        "isSuccess": ok,
        "action": action,
        "processedAt": _text_of(store.now()),
        "integrationId": who.id,
        "status": status,
        "alertId": alert_id,
        "alias": alias,
    }
    claim = _claim(who, request_id)

    def keep(connection: Any) -> None:
        claim_for_good(store, connection, claim)
        keep_answer(store, connection, claim, orjson.dumps(kept).decode())

    store.in_transaction(keep)
    body = {"result": "Request will be processed", "requestId": request_id}
    return _answer(request, body, 202)


def _claim(who: Principal, request_id: str) -> Claim:
    caller = f"{who.kind}:{who.id or who.own_name}"[:200]
    return Claim(caller=caller, path="/opsgenie/v2/alerts", key=request_id, digest="")


def _text_of(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
