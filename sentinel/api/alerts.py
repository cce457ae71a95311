"""Alerts over HTTP: list them, read one with its timeline, and act on them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Annotated, Any, Literal, cast

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from sentinel.access import Permission
from sentinel.alerts.actions import Action, ActionResult, action_named
from sentinel.alerts.reasons import Reason, words
from sentinel.alerts.view import AlertView
from sentinel.api.access import acting
from sentinel.api.alert_query import (
    Assignee,
    Category,
    OfTenant,
    RuleNamed,
    Search,
    Severities,
    Since,
    Statuses,
    Team,
    Until,
)
from sentinel.api.answers import answers_of, json_response
from sentinel.api.batches import batches_of
from sentinel.api.needs import needs
from sentinel.api.problems import Problem, responses
from sentinel.api.prompt import IS_ID, Prompt, PromptRoute, prompt
from sentinel.api.schemas import (
    ActionFields,
    ActionRequest,
    ActionTaken,
    AlertDetail,
    AlertItem,
    AlertList,
    Links,
    Remediation,
)
from sentinel.api.scoped import refuse_if_seen, within
from sentinel.audit.origin import present
from sentinel.engine.snooze import offer, still_firing
from sentinel.errors import NotFound
from sentinel.links import Addresses, run_about
from sentinel.store import Store
from sentinel.store.access.within import Within
from sentinel.store.alerts.asked import Asked
from sentinel.store.alerts.filter import AlertFilter
from sentinel.store.alerts.queries import Order
from sentinel.store.alerts.search_syntax import searched

__all__ = ["AlertId", "KnownLists", "act", "action_of", "item_of", "list_alerts", "router"]

router = APIRouter(prefix="/alerts", tags=["alerts"], route_class=PromptRoute)

_LONGEST_KEPT, _MOST_KEPT = 500, 1_000
"""Bytes of a query that is kept, and how many are."""

AlertId = Annotated[
    str,
    Path(
        pattern="^[0-9a-f]{32}$",
        description="The whole id: 32 hex digits. A prefix is not enough.",
        examples=["0198f2c4a7e07cc0b2a1d3f4e5a69788"],
    ),
]


def item_of(request: Request, alert: AlertView) -> AlertItem:
    """Return an alert with the links to its pages."""
    links = Links.model_validate(_links(request, vars(alert)))
    return AlertItem.model_construct(None, **vars(alert), links=links)


def _links(request: Request, alert: Mapping[str, Any]) -> dict[str, str | None]:
    """Return the fields of `Links`."""
    addresses = _addresses(request)
    run = addresses.flow_run(alert["flow_run_id"]) if alert["flow_run_id"] else None
    about = run_about(alert["details"])
    return {
        "dashboard": addresses.alert(alert["id"]),
        "flow_run": run if about is None else about[0],
        "evaluation": run,
    }


def _addresses(request: Request) -> Addresses:
    return cast("Addresses", request.app.state.addresses)


def _asked_before(request: Request) -> Prompt | None:
    return request.app.state.known_lists.get(request.scope["query_string"])


@router.get("", summary="List alerts", responses=responses(), response_model=AlertList)
@prompt(_asked_before)
@needs(Permission.READ, "alerts", confined=True)
async def list_alerts(
    request: Request,
    status: Statuses = [],  # noqa: B006 - FastAPI copies it
    severity: Severities = [],  # noqa: B006 - FastAPI copies it
    rule: RuleNamed = "",
    category: Category = "",
    team: Team = "",
    assignee: Assignee = None,
    q: Search = "",
    since: Since = None,
    until: Until = None,
    tenant: OfTenant = "",
    order: Annotated[
        Literal["history", "live"],
        Query(description="history: newest first. live: most urgent first, and "
              "without a status only unresolved alerts."),
    ] = "history",
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: Annotated[
        str | None, Query(max_length=300, description="next_cursor of the previous page.")
    ] = None,
) -> Response:  # fmt: skip
    """List alerts by page. The cursor is stable: alerts that arrive meanwhile shift no page."""
    narrow = AlertFilter(
        status=tuple(status), severity=tuple(severity), rule=rule, category=category, team=team,
        assignee=assignee, since=since, until=until, tenant=tenant,
    )  # fmt: skip
    asked = _Listed(narrow, q, limit, cursor or None, order)
    response = await asked(request)
    # Another route that calls this one gives its own meaning to the same text.
    if request.scope["endpoint"] is list_alerts:
        # Valid, whoever asks it: the same text again needs no more validation.
        lists: KnownLists = request.app.state.known_lists
        lists.keep(request.scope["query_string"], asked)
    return response


class _Listed(msgspec.Struct, frozen=True):
    """What a valid query asks for; called, it answers a request for it."""

    narrow: AlertFilter
    q: str
    limit: int
    cursor: str | None
    order: Order

    async def __call__(self, request: Request) -> Response:
        chosen = searched(self.narrow, self.q, me=acting(request).me) if self.q else self.narrow
        answers = answers_of(request)
        store = within(request)
        asked = ("alerts", store.scope, chosen, self.limit, self.cursor, self.order)
        read = partial(_list, request, store, chosen, self.limit, self.cursor, self.order)
        return json_response(await answers.of(asked, await answers.version(), read))


class KnownLists:
    """The queries of lists that were found valid, by their text."""

    def __init__(self) -> None:
        self._known: dict[bytes, _Listed] = {}

    def get(self, query: bytes) -> _Listed | None:
        """Return what a query asks for, if it was found valid before."""
        return self._known.get(query)

    def keep(self, query: bytes, asked: _Listed) -> None:
        """Keep what a valid query asks for."""
        if len(query) > _LONGEST_KEPT:
            return
        if len(self._known) >= _MOST_KEPT:
            self._known.clear()
        self._known[query] = asked


def _list(
    request: Request,
    store: Within,
    chosen: AlertFilter,
    limit: int,
    after: str | None,
    order: Order,
) -> tuple[bytes, None]:
    page = store.alerts_page(chosen, limit=limit, after=after, order=order)
    for fields in page.items:
        fields["links"] = _links(request, fields)
    return msgspec.json.encode({"items": page.items, "next_cursor": page.next}), None


def _one_known(request: Request) -> Prompt | None:
    plain = not request.scope["query_string"] and IS_ID(request.path_params["alert_id"])
    return _answer_one if plain else None


@router.get(
    "/{alert_id}",
    summary="One alert with its timeline",
    responses=responses(404),
    response_model=AlertDetail,
)
@prompt(_one_known)
@needs(Permission.READ, "alerts", confined=True)
async def get_alert(request: Request, alert_id: AlertId) -> Response:
    """Return the present alert, and all its changes, oldest first."""
    return await _answer_one(request)


async def _answer_one(request: Request) -> Response:
    alert_id: str = request.path_params["alert_id"]
    answers = answers_of(request)
    store = within(request)
    asked = ("alert", store.scope, alert_id)
    version = await answers.version()
    body = answers.kept(asked, version)
    if body is None:
        found = store.admitted(alert_id, await batches_of(request).details.answer(alert_id))
        fields = found.alert | {
            "links": _links(request, found.alert),
            "timeline": found.timeline,
            "remedy": _remediation(request, found.remediation),
        }
        body = answers.keep(asked, version, msgspec.json.encode(fields))
    return json_response(body)


def _remediation(request: Request, row: dict[str, Any] | None) -> dict[str, Any] | None:
    if row is None:
        return None
    fields = {name: row.get(name) for name in Remediation.model_fields}
    run = row["flow_run_id"]
    fields["flow_run"] = _addresses(request).flow_run(run) if run else None
    return fields


@router.post(
    "/{alert_id}/actions",
    summary="Act on an alert",
    responses=responses(400, 404, 409, 413),
    response_model=ActionTaken,
)
@needs(Permission.RESPOND, "alerts", confined=True)
async def act(request: Request, alert_id: AlertId, asked: ActionRequest) -> Response:
    """Acknowledge, resolve, reopen, suppress, assign, comment on, escalate or mark as noise.

    Repeating an action changes nothing and is no error. 409 means that the alert's state forbids
    the action, or that somebody changed the alert since `expected_version`. A reopened alert has
    the status it had before it was resolved; receivers that were notified of the resolve are
    notified of the reopening. Escalate pages the next level of the escalation policy at once,
    withdraws an acknowledgement, and is refused where no level is left; once that level was paged,
    repeating it goes one further. Mark_noise keeps the note as the reason, which it needs, and
    changes no notification.

    Returns:
        The alert after the action, and the reason code of the outcome.

    Raises:
        Problem: 404 for an unknown alert, 409 if the action is refused
    """
    store, who = within(request), acting(request)
    action = action_of(store.store, asked, who.name)
    hold = asked.action == "resolve" and await run_in_threadpool(_holds, store, alert_id)
    acted = await batches_of(request).act(
        Asked(
            ids=[alert_id], action=action, expected_version=asked.expected_version,
            scope=store.scope, origin=present(store.store.origin),
        )
    )  # fmt: skip
    result, alert = acted.result, acted.alert
    if result.reason is Reason.NOT_FOUND:
        await run_in_threadpool(refuse_if_seen, store.store, who, alert_id)
    if alert is None:
        raise _gone(alert_id, asked) if result.ok else _refused(alert_id, asked, result)
    fields = vars(alert)
    taken = {
        "reason": result.reason,
        "reason_text": words(result.reason),
        "offer": offer(store.store) if hold else None,
        "alert": fields | {"links": _links(request, fields)},
    }
    return json_response(msgspec.json.encode(taken))


def _holds(store: Within, alert_id: str) -> bool:
    try:
        return bool(still_firing(store.store, [store.alert(alert_id)]))
    except NotFound:
        return False  # the action itself reports this


def action_of(store: Store, asked: ActionFields, actor: str) -> Action:
    """Return the action that a body asks for.

    Args:
        store: whose clock says until when to suppress
        asked: the body
        actor: who acts

    Returns:
        The action.
    """
    suppress = asked.action == "suppress"
    return action_named(
        asked.action,
        actor=actor,
        comment=(asked.reason or asked.note) if suppress else (asked.note or asked.reason),
        assignee=asked.assignee or "",
        until=store.now() + timedelta(minutes=asked.duration_minutes or 0) if suppress else None,
    )


def _gone(alert_id: str, asked: ActionRequest) -> NotFound:
    return NotFound(
        f"alert {alert_id!r} was deleted after {asked.action}",
        hint="The action was done, and is in the audit trail.",
    )


def _refused(alert_id: str, asked: ActionRequest, result: ActionResult) -> Problem:
    if result.reason is Reason.NOT_FOUND:
        return Problem(404, "not_found", f"there is no alert '{alert_id}'")
    if result.reason is Reason.CONFLICT:
        return Problem(
            409,
            "conflict",
            f"alert '{alert_id}' is at version {result.version}, not {asked.expected_version}",
            hint="Somebody changed it meanwhile; read it again, then decide.",
            field="expected_version",
        )
    return Problem(
        409,
        "refused",
        f"alert '{alert_id}' refused {asked.action}: {result.error}",
        hint=f"Its status is {result.status}.",
    )
