"""SLOs over HTTP: made and changed with their rules, measured, and how they stand.

Each is one Prefect deployment with the owner `api`: `slo-` and the name of the SLO, and in other
tenants than `default` that of the tenant.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import ConfigDict

from sentinel.access import Permission, Principal
from sentinel.api.access import Acting
from sentinel.api.bodies import Body, Tenant, described_as, read_as
from sentinel.api.editing import ETAG, IfMatch, check_match
from sentinel.api.needs import needs
from sentinel.api.once import Once, OnceOnPrefect, OnceRoute
from sentinel.api.pending_changes import WAITS
from sentinel.api.problems import Problem, responses
from sentinel.api.schemas import NO_NUL
from sentinel.api.shown_rules import allow, made_rules, store_of
from sentinel.api.slo_bodies import (
    Measured,
    MeasuredBody,
    SloItem,
    SloList,
    SloListItem,
    SloViolations,
    item_of,
    violation_item,
)
from sentinel.api.slo_figures import SloId, slos_of, status_now
from sentinel.errors import Conflict
from sentinel.rollout.slo_rules import remove_slo, save_slo
from sentinel.slo.definition import NAME_PATTERN, SloDefinition
from sentinel.slo.report import as_html, as_markdown
from sentinel.store.slo.reports import MOST_REPORTED, reported
from sentinel.store.slo.slos import Measurement, SloKey, StoredSlo
from sentinel.tenant import TENANT_PATTERN

__all__ = ["router"]

router = APIRouter(prefix="/slo", tags=["SLOs"], route_class=OnceRoute)

Days = Annotated[int, Query(ge=1, le=366, description="How far back violations are sought.")]
Limit = Annotated[int, Query(ge=1, le=500, description="At most so many SLOs.")]
Cursor = Annotated[
    str | None,
    Query(
        pattern=f"^({TENANT_PATTERN})/({NAME_PATTERN})$",
        description="next_cursor of the previous page.",
    ),
]
Words = Annotated[
    str,
    Query(max_length=200, pattern=NO_NUL, description="Words, all of which the definition has."),
]
_EXAMPLE: dict[str, Any] = {
    "name": "checkout", "team": "shop", "objectives": [{"target": 99.9}],
    "indicator": {"kind": "ratio", "bad": {"metric": "http_requests", "match": ['code=~"5.."']},
                  "total": {"metric": "http_requests"}},
}  # fmt: skip


class SloBody(SloDefinition):
    """An SLO to save."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})


_SAVED = {**responses(400, 403, 404, 409, 412, 413), **WAITS}


@router.post(
    "",
    summary="Create an SLO",
    status_code=201,
    responses={
        **_SAVED, 201: {"headers": ETAG, "description": "The SLO; Location is its address"}
    },
    openapi_extra=described_as(SloBody),
    dependencies=[OnceOnPrefect],
)  # fmt: skip
@needs(Permission.EDIT, "slo", confined=True)
def create(request: Request, response: Response, body: Body, who: Acting) -> SloItem:
    """Create an SLO with the rule that alerts on its burn rate.

    Returns:
        The SLO.
    """
    definition = _definition(body)

    def check(there: StoredSlo | None) -> None:
        if there is not None:
            raise Conflict(
                f"there is an SLO {definition.name!r} in the tenant {definition.tenant} already",
                hint="Change it with PUT.",
            )

    made = _saved(request, who, definition, check)
    tenant = definition.tenant
    of = "" if tenant == "default" else f"?tenant={tenant}"
    response.headers["Location"] = f"{request.url.path.rstrip('/')}/{made.name}{of}"
    return _tagged(response, made)


@router.get("", summary="List SLOs", responses=responses())
@needs(Permission.READ, "slo", confined=True)
def list_slos(
    request: Request, who: Acting, tenant: Tenant | None = None, q: Words = "",
    limit: Limit = MOST_REPORTED, cursor: Cursor = None,
) -> SloList:  # fmt: skip
    """List the SLOs by page, by tenant and name, and how each stands now."""
    slos = slos_of(request, who)
    page = slos.page(limit=limit, after=_after(cursor), tenant=tenant, words=q)
    items = [
        SloListItem(**item_of(one).model_dump(), status=status_now(request, slos, one))
        for one in page.items
    ]
    return SloList(items=items, next_cursor=_cursor(page.next))


@router.get("/violations", summary="When SLOs were violated", responses=responses())
@needs(Permission.READ, "slo", confined=True)
def violations(
    request: Request, who: Acting, tenant: Tenant | None = None, days: Days = 30,
    limit: Limit = MOST_REPORTED, cursor: Cursor = None,
) -> SloViolations:  # fmt: skip
    """List the times during which objectives were violated, the newest first, to the hour.

    Of at most `limit` SLOs, by tenant and name; `next_cursor` leads to those of the others.

    Returns:
        The times.
    """
    store = store_of(request)
    since = store.now() - timedelta(days=days)
    found, more = reported(
        store, slos_of(request, who), since, tenant, limit=limit, after=_after(cursor)
    )
    items = [violation_item(one.definition.name, each) for one in found for each in one.violations]
    items.sort(key=lambda one: one.start, reverse=True)
    return SloViolations(items=items, next_cursor=_cursor(more))


@router.get(
    "/report",
    summary="Report of SLOs",
    responses={
        **responses(),
        200: {
            "content": {
                "text/plain": {"schema": {"type": "string"}},
                "text/html": {"schema": {"type": "string"}},
                "application/json": {
                    "schema": {
                        "type": "object",
                        "required": ["text", "next_cursor"],
                        "properties": {
                            "text": {"type": "string"},
                            "next_cursor": {"type": ["string", "null"]},
                        },
                    }
                },
            },
            "description": "The report",
        },
    },
)
@needs(Permission.READ, "slo", confined=True)
def report(
    request: Request,
    who: Acting,
    tenant: Tenant | None = None,
    days: Days = 30,
    form: Annotated[Literal["markdown", "html", "json"], Query(alias="format")] = "markdown",
    limit: Limit = MOST_REPORTED,
    cursor: Cursor = None,
) -> Response:
    """Return a report of SLOs: how they stand, and when they were violated.

    The HTML loads nothing, and prints as it is; json is the Markdown in one object. A report of
    more than `limit` SLOs ends with the cursor of the next page.

    Returns:
        The text.
    """
    store = store_of(request)
    now = store.now()
    since = now - timedelta(days=days)
    found, last = reported(
        store, slos_of(request, who), since, tenant, limit=limit, after=_after(cursor)
    )
    more = _cursor(last)
    if form == "html":
        # No script of a definition runs here: all text is escaped, and nothing may be loaded.
        policy = "default-src 'none'; style-src 'unsafe-inline'"
        return Response(as_html(found, since, now, more), media_type="text/html; charset=utf-8",
                        headers={"Content-Security-Policy": policy})  # fmt: skip
    text = as_markdown(found, since, now, more)
    return (
        JSONResponse({"text": text, "next_cursor": more})
        if form == "json"
        else PlainTextResponse(text)
    )


@router.get(
    "/{slo_id}",
    summary="One SLO",
    responses={**responses(404), 200: {"headers": ETAG, "description": "The SLO"}},
)
@needs(Permission.READ, "slo", confined=True)
def read(
    request: Request, response: Response, slo_id: SloId, who: Acting, tenant: Tenant = "default"
) -> SloItem:
    """Return the definition of an SLO."""
    return _tagged(response, slos_of(request, who).get(slo_id, tenant=tenant))


@router.put(
    "/{slo_id}",
    summary="Save an SLO",
    responses={**_SAVED, 200: {"headers": ETAG, "description": "The SLO"}},
    openapi_extra=described_as(SloBody),
)
@needs(Permission.EDIT, "slo", confined=True)
def save(
    request: Request, response: Response, slo_id: SloId, body: Body, who: Acting,
    if_match: IfMatch = None,
) -> SloItem:  # fmt: skip
    """Create an SLO, or replace the one of that name in the tenant of the body.

    Events of another indicator are deleted.

    Returns:
        The SLO.

    Raises:
        Problem: 422 where the body has another name
    """
    definition = _definition(body)
    if definition.name != slo_id:
        raise Problem(422, "invalid", f"name: must be {slo_id}, as in the address", field="name")

    def check(there: StoredSlo | None) -> None:
        check_match(if_match, '""' if there is None else _tag(there))
        if there is not None:
            allow(who, Permission.EDIT, there.definition.tenant, there.definition.team)

    return _tagged(response, _saved(request, who, definition, check))


@router.delete(
    "/{slo_id}",
    summary="Remove an SLO",
    responses={**responses(403, 404, 409, 412), **WAITS},
)
@needs(Permission.EDIT, "slo", confined=True)
def remove(
    request: Request, slo_id: SloId, who: Acting, tenant: Tenant = "default",
    if_match: IfMatch = None,
) -> SloItem:  # fmt: skip
    """Remove an SLO with its events and its rule, whose alerts close as "rule disabled".

    Returns:
        The SLO as it was, so that it can be saved again; its events are gone.
    """

    def check(there: StoredSlo) -> None:
        check_match(if_match, _tag(there))

    slos = slos_of(request, who, Permission.EDIT)
    check(slos.get(slo_id, tenant=tenant))
    with made_rules(request) as rules:
        gone = remove_slo(slos, rules, slo_id, actor=who.name, tenant=tenant, check=check)
    return item_of(gone)


@router.post(
    "/{slo_id}/measurements",
    summary="Record measurements",
    status_code=201,
    responses=responses(400, 403, 404, 409, 413),
    openapi_extra=described_as(MeasuredBody),
    dependencies=[Once],
)
@needs(Permission.RESPOND, "slo", confined=True)
def measure(
    request: Request, slo_id: SloId, body: Body, who: Acting, tenant: Tenant = "default"
) -> Measured:
    """Add good and total events to an SLO with the indicator `measurements`.

    Measurements add up: send each once, or with an `Idempotency-Key`. Late ones count where they
    belong, up to 400 days back.

    Returns:
        How many were added.
    """
    asked = read_as(MeasuredBody, body)
    given = [Measurement(one.good, one.total, one.at) for one in asked.measurements]
    slos = slos_of(request, who, Permission.RESPOND)
    return Measured(added=slos.measure(slo_id, given, tenant=tenant))


def _after(cursor: str | None) -> SloKey | None:
    if cursor is None:
        return None
    tenant, _, name = cursor.partition("/")
    return tenant, name


def _cursor(last: SloKey | None) -> str | None:
    return None if last is None else "/".join(last)


def _definition(body: bytes) -> SloDefinition:
    return SloDefinition.model_validate(read_as(SloBody, body).model_dump())


def _saved(
    request: Request, who: Principal, definition: SloDefinition,
    check: Callable[[StoredSlo | None], None],
) -> StoredSlo:  # fmt: skip
    allow(who, Permission.EDIT, definition.tenant, definition.team)
    store = store_of(request)
    with made_rules(request) as rules:
        return save_slo(
            store, slos_of(request, who, Permission.EDIT), rules, definition, actor=who.name,
            check=check,
        )  # fmt: skip


def _tag(one: StoredSlo) -> str:
    return f'"{one.version}"'


def _tagged(response: Response, one: StoredSlo) -> SloItem:
    response.headers["ETag"] = _tag(one)
    return item_of(one)
