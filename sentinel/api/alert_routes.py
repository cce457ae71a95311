"""The routes of alerts over HTTP: read, checked, tried, compared, applied and rolled back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, TypeVar

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response

from sentinel.access import Permission
from sentinel.api.access import Acting
from sentinel.api.bodies import Body, described_as, read_as
from sentinel.api.editing import ETAG, IfMatch, check_match
from sentinel.api.needs import needs
from sentinel.api.problems import Problem, responses
from sentinel.api.receivers import everywhere
from sentinel.api.route_bodies import (
    MOST_NUMBER,
    DiffBody,
    DraftBody,
    RollbackBody,
    RouteDifference,
    RoutesApplied,
    RoutesBody,
    RoutesChecked,
    RoutesTried,
    RouteVersionDetail,
    RouteVersionItem,
    RouteVersionList,
    TryBody,
)
from sentinel.api.shown_rules import store_of
from sentinel.errors import ConfigurationError, NotFound
from sentinel.notifications.route_document import read_routes
from sentinel.notifications.route_trial import checked, tried
from sentinel.notifications.routing import RouteTree
from sentinel.schema.routes import RouteVersion
from sentinel.store.notifications.route_diff import route_diff
from sentinel.store.notifications.routes import Applied, Routes

__all__ = ["of_document", "router"]

router = APIRouter(prefix="/routes", tags=["routes"])

_YEARS = range(1970, 9000)
"""Of moments from which messages are counted: they can be moved by repeats and time zones."""
Number = Annotated[int, Path(ge=1, le=MOST_NUMBER, description="Number of the version.")]


@router.get(
    "",
    summary="The active routes",
    responses={**responses(403), 200: {"headers": ETAG, "description": "The routes"}},
)
@needs(Permission.READ, "routes")
def read(request: Request, response: Response) -> RouteVersionDetail:
    """Return the active routes; without any, alerts notify the receivers of their rules."""
    try:
        found = _detail(Routes(store_of(request)).version())
    except NotFound:
        found = RouteVersionDetail(
            number=0, note="", applied_by="", applied_at=None, rolled_back_to=None, digest="",
            document="",
        )  # fmt: skip
    response.headers["ETag"] = _tag(found.number)
    return found


@router.put(
    "",
    summary="Apply routes",
    responses={**responses(400, 403, 412, 413), 200: {"headers": ETAG, "description": "Applied"}},
    openapi_extra=described_as(RoutesBody),
)
@needs(Permission.EDIT, "routes")
def apply(
    request: Request, response: Response, body: Body, who: Acting, if_match: IfMatch = None
) -> RoutesApplied:
    """Make a document the active routes, once the tests in it pass.

    Alerts that are open stay in their groups; what opens from now on goes by the new routes. The
    same document again changes nothing.

    Returns:
        The active version.
    """
    asked = read_as(RoutesBody, body)
    everywhere(who, Permission.EDIT)
    routes = Routes(store_of(request))
    return _applied(
        response,
        of_document(
            lambda: routes.apply(
                asked.document, actor=who.name, note=asked.note, check=_matches(if_match)
            )
        ),
    )


@router.get("/versions", summary="Every version of the routes", responses=responses(403))
@needs(Permission.READ, "routes")
def history(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: Annotated[
        int | None,
        Query(ge=1, le=MOST_NUMBER, description="next_cursor of the previous page."),
    ] = None,
) -> RouteVersionList:
    """List the versions that were applied, the active one first."""
    found = Routes(store_of(request)).history(limit + 1, cursor)
    items = [RouteVersionItem.model_validate(one.model_dump()) for one in found[:limit]]
    return RouteVersionList(
        items=items, next_cursor=items[-1].number if len(found) > limit else None
    )


@router.get(
    "/versions/{number}", summary="One version of the routes", responses=responses(403, 404)
)
@needs(Permission.READ, "routes")
def version(request: Request, number: Number) -> RouteVersionDetail:
    """Return one version with its document."""
    return _detail(Routes(store_of(request)).version(number))


@router.post(
    "/rollback",
    summary="Roll the routes back",
    responses={
        **responses(400, 403, 404, 412, 413),
        200: {"headers": ETAG, "description": "Rolled back"},
    },
    openapi_extra=described_as(RollbackBody),
)
@needs(Permission.EDIT, "routes")
def rollback(
    request: Request, response: Response, body: Body, who: Acting, if_match: IfMatch = None
) -> RoutesApplied:
    """Make an earlier version active again, as a new version.

    Returns:
        The active version.
    """
    asked = read_as(RollbackBody, body)
    everywhere(who, Permission.EDIT)
    return _applied(
        response,
        Routes(store_of(request)).rollback(
            asked.version, actor=who.name, note=asked.note, check=_matches(if_match)
        ),
    )


@router.post(
    "/check",
    summary="Check routes and run their tests",
    responses=responses(400, 403, 413),
    openapi_extra=described_as(DraftBody),
)
@needs(Permission.READ, "routes")
def check(request: Request, body: Body) -> RoutesChecked:
    """Check a document and run the tests in it. Nothing is stored.

    Returns:
        What it holds.
    """
    asked = read_as(DraftBody, body)
    document = of_document(lambda: checked(asked.document))
    known = store_of(request).receivers.all()
    return RoutesChecked(
        routes=sum(1 for _ in document.route.below()), tests=len(document.tests),
        missing_receivers=sorted(document.receivers - set(known)),
    )  # fmt: skip


@router.post(
    "/test",
    summary="Where an alert would go",
    responses=responses(400, 403, 413),
    openapi_extra=described_as(TryBody),
)
@needs(Permission.READ, "routes")
def test(request: Request, body: Body) -> RoutesTried:
    """Return the way of an alert with some labels, whether it is muted, and when it is notified.

    The alert goes on firing and nobody acknowledges it. Where `rule` names a rule that exists, its
    receivers, times and limits count. Nothing is stored or sent.

    Returns:
        The routes that were looked at, and each group that the alert would join.

    Raises:
        Problem: 422 for a moment too far from today to count from
    """
    asked = read_as(TryBody, body)
    store = store_of(request)
    routes = Routes(store)
    tree = routes.tree() if asked.document is None else _draft(asked.document)
    at = asked.at or store.now()
    if at.year not in _YEARS:
        raise Problem(422, "invalid", "at: must lie between 1970 and 8999", field="at")
    rule, facts = routes.rule_named(asked.labels)
    found = tried(tree, rule, asked.labels, at, asked.messages, facts)
    return RoutesTried.model_validate(msgspec.to_builtins(found))


@router.post(
    "/diff",
    summary="What a draft of the routes would have changed",
    responses=responses(400, 403, 413),
    openapi_extra=described_as(DiffBody),
)
@needs(Permission.READ, "routes")
def diff(request: Request, body: Body) -> RouteDifference:
    """Compare a document with the active routes over the alerts of the last days.

    Returns:
        The alerts that would have gone another way, by receivers, most alerts first.
    """
    asked = read_as(DiffBody, body)
    draft = _draft(asked.document)
    found = route_diff(store_of(request), draft, timedelta(days=asked.days), asked.most)
    return RouteDifference.model_validate(msgspec.to_builtins(found))


T = TypeVar("T")


def of_document(work: Callable[[], T]) -> T:
    """Return what work on a document returns.

    Args:
        work: that may raise `ConfigurationError`

    Returns:
        What it returns.

    Raises:
        Problem: 422, of the field `document`
    """
    try:
        return work()
    except ConfigurationError as error:
        raise Problem(422, "invalid", error.message, hint=error.hint, field="document") from None


def _draft(text: str) -> RouteTree | None:
    return of_document(lambda: RouteTree(read_routes(text))) if text.strip() else None


def _detail(found: RouteVersion) -> RouteVersionDetail:
    return RouteVersionDetail.model_validate(found.model_dump())


def _applied(response: Response, done: Applied) -> RoutesApplied:
    response.headers["ETag"] = _tag(done.number)
    return RoutesApplied(number=done.number, changed=done.changed)


def _matches(if_match: str | None) -> Callable[[int], None]:
    return lambda active: check_match(if_match, _tag(active))


def _tag(number: int) -> str:
    return f'"{number}"'
