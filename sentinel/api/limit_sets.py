"""Limits of an API over HTTP: saved under a name, checked, and decided for gateways."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request, Response

from sentinel.access import Permission
from sentinel.api.access import Acting
from sentinel.api.bodies import Tenant
from sentinel.api.editing import ETAG, IfMatch, check_match
from sentinel.api.limit_bodies import (
    CallerBody,
    LimitCheck,
    LimitDecision,
    LimitFault,
    LimitRemaining,
    LimitSetBody,
    LimitSetItem,
    LimitSetList,
    LimitSetName,
    LimitSetSaved,
    LimitSetVersions,
    LimitSimulation,
    LimitText,
    LimitTrialBody,
    LimitVerdict,
    limit_item,
    set_item,
)
from sentinel.api.needs import needs
from sentinel.api.problems import Problem, responses
from sentinel.api.shown_rules import store_of
from sentinel.api.telemetry_asked import asked_of, reader_of
from sentinel.api.whole_tenant import whole_tenant
from sentinel.api_usage.decision import Ask
from sentinel.api_usage.described import verdict_fields
from sentinel.api_usage.http_fields import response_fields
from sentinel.api_usage.limit import Limit
from sentinel.api_usage.matching import Caller, LimitSet
from sentinel.api_usage.simulation import most_requests, simulated
from sentinel.api_usage.text import read_limits
from sentinel.store.api_usage.limit_sets import LimitSets, StoredLimitSet
from sentinel.store.api_usage.redis_states import CountedLimits, limit_states
from sentinel.store.telemetry.past_requests import past_requests
from sentinel.store.telemetry.reading import Period
from sentinel.telemetry.asked import moment_of
from sentinel.telemetry.query import REQUEST_FIELDS

__all__ = ["decisions", "router"]

router = APIRouter(prefix="/limit-sets", tags=["Limits"])
decisions = APIRouter(prefix="/limits", tags=["Limits"])
_SHOWN = {200: {"headers": ETAG, "description": "The limit set"}}


@router.get("", summary="List limit sets", responses=responses())
@needs(Permission.READ, "usage", confined=True)
def list_limit_sets(
    request: Request,
    who: Acting,
    tenant: Tenant | None = None,
    limit: Annotated[int, Query(ge=1, le=500, description="Sets of a page.")] = 100,
    cursor: Annotated[
        str | None,
        Query(
            max_length=200, pattern="^[^\\u0000/]{1,100}/[^\\u0000/]{1,80}$",
            description="next_cursor of the previous page.",
        ),
    ] = None,
) -> LimitSetList:  # fmt: skip
    """List the limit sets by tenant and name."""
    after = None
    if cursor is not None:
        of, name = cursor.split("/")
        after = (of, name)
    sets = LimitSets(store_of(request), who.scope(Permission.READ))
    found = sets.list(tenant=tenant, limit=limit + 1, after=after)
    page = found[:limit]
    more = f"{page[-1].tenant}/{page[-1].name}" if len(found) > limit else None
    return LimitSetList(items=[set_item(one) for one in page], next_cursor=more)


@router.post("/check", summary="Check limits", responses=responses(400, 413))
@needs(Permission.READ, "usage", confined=True)
def check_limits(asked: LimitText) -> LimitCheck:
    """Say what a text of limits means, and each of its faults with line and column."""
    found = read_limits(asked.text)
    return LimitCheck(
        valid=not found.faults,
        limits=[limit_item(one) for one in found.limits],
        faults=[
            LimitFault(line=one.line, column=one.column, message=one.message, hint=one.hint)
            for one in found.faults
        ],
    )


@router.post("/simulate", summary="Try limits over the request log", responses=responses(400, 413))
@needs(Permission.READ, "usage", confined=True)
def simulate_limits(request: Request, asked: LimitTrialBody, who: Acting) -> LimitSimulation:
    """Say which requests of the past limits would have refused; nothing is saved or counted.

    At most 100,000 requests, fewer for many limits and for logs; each costs one unit.

    Returns:
        The outcome.
    """
    of = whole_tenant(who, Permission.READ, asked.tenant)
    limits = LimitSet(_read(asked.text), of)
    found = asked_of(request, asked.query, REQUEST_FIELDS, asked.since, "", ())
    period = Period(found.since, found.until)
    reader, most = reader_of(request), most_requests(limits)
    outcome = simulated(limits, past_requests(reader, of, found.where, period, most))
    times = {"since": moment_of(found.since), "until": moment_of(found.until)}
    return LimitSimulation.model_validate({**times, **msgspec.to_builtins(outcome)})


@router.get("/{limit_set}", summary="One limit set", responses={**responses(403, 404), **_SHOWN})
@needs(Permission.READ, "usage", confined=True)
def get_limit_set(
    request: Request, response: Response, limit_set: LimitSetName, who: Acting,
    tenant: Tenant | None = None,
) -> LimitSetItem:  # fmt: skip
    """Return the active version of a limit set."""
    of = whole_tenant(who, Permission.READ, tenant)
    found = LimitSets(store_of(request)).get(of, limit_set)
    response.headers["ETag"] = found.tag
    return set_item(found)


@router.get(
    "/{limit_set}/versions", summary="Every version of a limit set", responses=responses(403, 404)
)
@needs(Permission.READ, "usage", confined=True)
def list_limit_set_versions(
    request: Request, limit_set: LimitSetName, who: Acting, tenant: Tenant | None = None
) -> LimitSetVersions:
    """List what a limit set was, the newest version first. Save an earlier text to go back."""
    of = whole_tenant(who, Permission.READ, tenant)
    found = LimitSets(store_of(request)).versions(of, limit_set)
    return LimitSetVersions(items=[set_item(one) for one in found])


@router.put(
    "/{limit_set}",
    summary="Save a limit set",
    responses={**responses(400, 403, 412, 413), **_SHOWN},
)
@needs(Permission.EDIT, "usage", confined=True)
def save_limit_set(
    request: Request,
    response: Response,
    limit_set: LimitSetName,
    asked: LimitSetBody,
    who: Acting,
    tenant: Tenant | None = None,
    dry_run: Annotated[bool, Query(description="Check everything, and change nothing.")] = False,
    if_match: IfMatch = None,
) -> LimitSetSaved:
    """Save a limit set, or replace the one of that name. What uses it follows within seconds.

    A limit whose text changes counts from nothing; one that stays the same goes on counting.

    Returns:
        The set as it is now, or as it would be.

    Raises:
        Problem: 422 of the field `text`, which says line and column of the first fault
    """
    of = whole_tenant(who, Permission.EDIT, tenant)
    _read(asked.text)
    there: list[StoredLimitSet | None] = []

    def check(before: StoredLimitSet | None) -> None:
        there[:] = [before]
        check_match(if_match, '""' if before is None else before.tag)

    saved = LimitSets(store_of(request), who.scope(Permission.EDIT)).save(
        limit_set, asked.text, tenant=of, actor=who.name, note=asked.note, check=check,
        dry_run=dry_run,
    )  # fmt: skip
    response.headers["ETag"] = saved.tag
    return LimitSetSaved(
        **set_item(saved).model_dump(), limits=[limit_item(one) for one in saved.limits],
        changed=saved not in there,
    )  # fmt: skip


@router.delete("/{limit_set}", summary="Remove a limit set", responses=responses(403, 404, 412))
@needs(Permission.EDIT, "usage", confined=True)
def remove_limit_set(
    request: Request, limit_set: LimitSetName, who: Acting, tenant: Tenant | None = None,
    if_match: IfMatch = None,
) -> LimitSetItem:  # fmt: skip
    """Remove a limit set with its versions. Whatever uses it limits nothing from then on.

    Returns:
        The set as it was, so that it can be saved again.
    """
    of = whole_tenant(who, Permission.EDIT, tenant)
    gone = LimitSets(store_of(request), who.scope(Permission.EDIT)).remove(
        of, limit_set, actor=who.name, check=lambda there: check_match(if_match, there.tag)
    )
    return set_item(gone)


@decisions.post(
    "/decide", summary="Decide on a request to an API", responses=responses(400, 403, 404, 413)
)
@needs(Permission.RESPOND, "usage", confined=True)
def decide(request: Request, asked: CallerBody, who: Acting) -> LimitDecision:
    """Decide by a limit set whether a request to an API passes, and use its units where it does.

    For gateways. All limits that apply are charged, or none. 200 also for a refusal.

    Returns:
        The decision, with the fields for the response to the client.
    """
    asks = _asks(request, asked, whole_tenant(who, Permission.RESPOND, asked.tenant))
    made = _states(request).decide(asks)
    return LimitDecision(
        allowed=made.allowed,
        status=200 if made.allowed else 429,
        refused_by=list(made.refused_by),
        would_refuse=list(made.would_refuse),
        retry_after=made.retry_after,
        limits=[LimitVerdict(**verdict_fields(one)) for one in made.verdicts],
        fields=dict(response_fields(made)),
    )  # fmt: skip


@decisions.post(
    "/state", summary="What is left for a caller", responses=responses(400, 403, 404, 413)
)
@needs(Permission.READ, "usage", confined=True)
def limit_state(request: Request, asked: CallerBody, who: Acting) -> LimitRemaining:
    """Say what a limit set has left for a caller, and use nothing of it.

    Units that a process holds as a lease are not left.

    Returns:
        What each limit that applies would say of a request of that cost.
    """
    asks = _asks(request, asked, whole_tenant(who, Permission.READ, asked.tenant))
    found = _states(request).peek(asks)
    return LimitRemaining(limits=[LimitVerdict(**verdict_fields(one)) for one in found])


def _read(text: str) -> tuple[Limit, ...]:
    found = read_limits(text)
    if found.faults:
        first = found.faults[0]
        where = f"text: line {first.line}, column {first.column}"
        raise Problem(422, "invalid", f"{where}: {first.message}", hint=first.hint, field="text")
    return found.limits


def _states(request: Request) -> CountedLimits:
    url = request.app.state.settings.limits_redis_url.get_secret_value()
    return limit_states(store_of(request), url)


def _asks(request: Request, asked: CallerBody, tenant: str) -> list[Ask]:
    limits = request.app.state.limit_sets.get(tenant, asked.limit_set)
    caller = Caller(
        key=asked.key, user=asked.user, address=asked.address, plan=asked.plan,
        method=asked.method.upper(), path=asked.path, endpoint=asked.endpoint,
    )  # fmt: skip
    return limits.asks(caller, asked.cost)
