"""The routes of alerts over HTTP: read, checked, tried, compared, applied and rolled back."""

from __future__ import annotations

from datetime import timedelta

import msgspec
from fastapi import APIRouter, Request

from sentinel.access import Permission
from sentinel.api.bodies import Body, described_as, read_as
from sentinel.api.document_versions import DocumentDoor, add_versions, of_document
from sentinel.api.needs import needs
from sentinel.api.problems import Problem, responses
from sentinel.api.route_bodies import (
    DiffBody,
    DraftBody,
    RouteDifference,
    RoutesBody,
    RoutesChecked,
    RoutesTried,
    TryBody,
)
from sentinel.api.shown_rules import store_of
from sentinel.notifications.route_document import read_routes
from sentinel.notifications.route_trial import checked, tried
from sentinel.notifications.routing import RouteTree
from sentinel.store.notifications.route_diff import route_diff
from sentinel.store.notifications.routes import Routes
from sentinel.store.oncall.documents import OnCallDocuments
from sentinel.store.oncall.trials import with_escalations

__all__ = ["router"]

router = APIRouter(prefix="/routes", tags=["routes"])

_YEARS = range(1970, 9000)
"""Of moments from which messages are counted: they can be moved by repeats and time zones."""


add_versions(
    router,
    DocumentDoor(
        documents=Routes,
        area="routes",
        noun="the routes",
        body=RoutesBody,
        about="Make a document the active routes, once the tests in it pass. Alerts that are open "
        "stay in their groups; what opens from now on goes by the new routes.",
        read=Permission.READ,
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
    store = store_of(request)
    known, policies = store.receivers.all(), OnCallDocuments(store).active().escalation_policies
    return RoutesChecked(
        routes=sum(1 for _ in document.route.below()), tests=len(document.tests),
        missing_receivers=sorted(document.receivers - set(known)),
        missing_policies=sorted(document.escalations - set(policies)),
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
    found = with_escalations(store, tried(tree, rule, asked.labels, at, asked.messages, facts))
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


def _draft(text: str) -> RouteTree | None:
    return of_document(lambda: RouteTree(read_routes(text))) if text.strip() else None
