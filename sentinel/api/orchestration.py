"""Orchestration of what comes in over HTTP: checked, tried, replayed, applied and rolled back."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Query, Response

from sentinel.access import Permission
from sentinel.api.access import Acting
from sentinel.api.bodies import Body, described_as, read_as
from sentinel.api.document_bodies import (
    MOST_NUMBER,
    DocumentApplied,
    DocumentRollback,
    DocumentVersionDetail,
    DocumentVersionItem,
    DocumentVersionList,
)
from sentinel.api.document_versions import Number, of_document
from sentinel.api.editing import ETAG, IfMatch, check_match
from sentinel.api.needs import needs
from sentinel.api.orchestration_bodies import (
    IncomingItem,
    IncomingList,
    OrchestrationBody,
    OrchestrationChecked,
    OrchestrationDraft,
    OrchestrationTried,
    ReplayBody,
    ReplayDetail,
    ShadowDetail,
    TryOrchestration,
)
from sentinel.api.paging import NEXT
from sentinel.api.problems import responses
from sentinel.api.scoped import WholeTenant
from sentinel.errors import NotFound
from sentinel.orchestration.incoming import Incoming, Outcome
from sentinel.schema.orchestration import OrchestrationVersion
from sentinel.store.access.within import OfTenant
from sentinel.store.documents.versioned import Applied, Check
from sentinel.store.orchestration.documents import Orchestrations
from sentinel.store.orchestration.listing import CURSOR_PATTERN, checked_draft, incoming_page
from sentinel.store.orchestration.shadow import (
    ShadowReport,
    shadow_report,
    start_shadow,
    stop_shadow,
)
from sentinel.store.orchestration.trials import replayed, tried

__all__ = ["applied", "matches", "router", "tag"]

router = APIRouter(prefix="/orchestration", tags=["orchestration"])
_TAGGED = {"headers": ETAG, "description": "The version"}


def tag(number: int) -> str:
    """Return the tag of a version."""
    return f'"{number}"'


def matches(if_match: str | None) -> Check:
    """Return what refuses a change unless a version is active."""
    return lambda active: check_match(if_match, tag(active))


def applied(response: Response, done: Applied) -> DocumentApplied:
    """Return what came of applying a version, with its tag."""
    response.headers["ETag"] = tag(done.number)
    return DocumentApplied(number=done.number, changed=done.changed)


def _versions(tenant: OfTenant) -> Orchestrations:
    return Orchestrations(tenant.store, tenant.name)


@router.get(
    "", summary="The active orchestration of a tenant", responses={**responses(403), 200: _TAGGED}
)
@needs(Permission.READ, "orchestration", confined=True)
def read(response: Response, tenant: WholeTenant) -> DocumentVersionDetail:
    """Return the active rules; number 0 where there is no version."""
    try:
        found: OrchestrationVersion | None = _versions(tenant).version()
    except NotFound:
        found = None
    shown = {"number": 0, "note": "", "applied_by": "", "applied_at": None, "digest": "",
             "rolled_back_to": None, "document": ""}  # fmt: skip
    detail = DocumentVersionDetail.model_validate(shown if found is None else found.model_dump())
    response.headers["ETag"] = tag(detail.number)
    return detail


@router.put(
    "",
    summary="Apply orchestration",
    responses={**responses(400, 403, 412, 413), 200: _TAGGED},
    openapi_extra=described_as(OrchestrationBody),
)
@needs(Permission.EDIT, "orchestration", confined=True)
def apply(
    response: Response, body: Body, tenant: WholeTenant, who: Acting, if_match: IfMatch = None
) -> DocumentApplied:
    """Make a document the active rules of a tenant, once the tests in it pass.

    An alert that is live keeps its identity until it is resolved. The same document again changes
    nothing.

    Returns:
        The active version.
    """
    asked = read_as(OrchestrationBody, body)
    return applied(
        response,
        of_document(
            lambda: _versions(tenant).apply(
                asked.document, actor=who.name, note=asked.note, check=matches(if_match)
            )
        ),
    )


@router.get("/versions", summary="Every version of the orchestration", responses=responses(403))
@needs(Permission.READ, "orchestration", confined=True)
def history(
    tenant: WholeTenant,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: Annotated[int | None, Query(ge=1, le=MOST_NUMBER, description=NEXT)] = None,
) -> DocumentVersionList:
    """List the versions that were applied, the active one first."""
    found = _versions(tenant).history(limit + 1, cursor)
    items = [DocumentVersionItem.model_validate(one.model_dump()) for one in found[:limit]]
    more = len(found) > limit
    return DocumentVersionList(items=items, next_cursor=items[-1].number if more else None)


@router.get(
    "/versions/{number}", summary="One version of the orchestration", responses=responses(403, 404)
)
@needs(Permission.READ, "orchestration", confined=True)
def version(tenant: WholeTenant, number: Number) -> DocumentVersionDetail:
    """Return one version with its document."""
    return DocumentVersionDetail.model_validate(_versions(tenant).version(number).model_dump())


@router.post(
    "/rollback",
    summary="Roll the orchestration back",
    responses={**responses(400, 403, 404, 409, 412, 413), 200: _TAGGED},
    openapi_extra=described_as(DocumentRollback),
)
@needs(Permission.EDIT, "orchestration", confined=True)
def rollback(
    response: Response, body: Body, tenant: WholeTenant, who: Acting, if_match: IfMatch = None
) -> DocumentApplied:
    """Make an earlier version active again, as a new version."""
    asked = read_as(DocumentRollback, body)
    done = _versions(tenant).rollback(
        asked.version, actor=who.name, note=asked.note, check=matches(if_match)
    )
    return applied(response, done)


@router.post(
    "/check",
    summary="Check orchestration and run its tests",
    responses=responses(400, 403, 413),
    openapi_extra=described_as(OrchestrationDraft),
)
@needs(Permission.READ, "orchestration", confined=True)
def check(body: Body, tenant: WholeTenant) -> OrchestrationChecked:
    """Check a document and run the tests in it. Nothing is stored.

    Returns:
        What it holds.
    """
    asked = read_as(OrchestrationDraft, body)
    document, missing = of_document(
        lambda: checked_draft(tenant.store, tenant.name, asked.document)
    )
    return OrchestrationChecked(
        rules=sum(1 for _ in document.all_rules()), tests=len(document.tests),
        missing_tables=missing,
    )  # fmt: skip


@router.post(
    "/test",
    summary="What orchestration makes of an alert",
    responses=responses(400, 403, 413),
    openapi_extra=described_as(TryOrchestration),
)
@needs(Permission.READ, "orchestration", confined=True)
def test(body: Body, tenant: WholeTenant) -> OrchestrationTried:
    """Return what becomes of an alert, and what each rule did. Nothing is stored."""
    asked = read_as(TryOrchestration, body)
    found = of_document(
        lambda: tried(
            tenant.store, tenant.name, Incoming(**asked.alert.model_dump()), asked.document
        )
    )
    return _tried(found)


def _tried(found: Outcome) -> OrchestrationTried:
    given = found.given
    return OrchestrationTried.model_validate(
        {
            "verdict": found.verdict, "rule": found.by, "labels": given.labels,
            "severity": given.severity, "owner": given.owner, "title": given.title,
            "annotations": given.annotations,
            "hold_seconds": None if found.hold is None else found.hold.total_seconds(),
            "steps": [msgspec.structs.asdict(one) for one in found.steps],
        }
    )  # fmt: skip


@router.post(
    "/replay",
    summary="Compare orchestration with the active one over what came in",
    responses=responses(400, 403, 413),
    openapi_extra=described_as(ReplayBody),
)
@needs(Permission.READ, "orchestration", confined=True)
def replay(body: Body, tenant: WholeTenant) -> ReplayDetail:
    """Return what a draft would have made of the alerts of the last days. Nothing is stored.

    Each different alert counts once, as it was posted last.

    Returns:
        Counts, and the newest alerts that differ.
    """
    asked = read_as(ReplayBody, body)
    since = tenant.store.now() - timedelta(days=asked.days)
    return ReplayDetail.model_validate(
        msgspec.to_builtins(
            of_document(
                lambda: replayed(
                    tenant.store, tenant.name, asked.document, since=since, most=asked.most
                )
            )
        )
    )


@router.post(
    "/shadow",
    summary="Run a draft of the orchestration",
    status_code=201,
    responses=responses(400, 403, 413),
    openapi_extra=described_as(OrchestrationBody),
)
@needs(Permission.EDIT, "orchestration", confined=True)
def start(body: Body, tenant: WholeTenant, who: Acting) -> ShadowDetail:
    """Run a draft beside the active version without any effect; one that runs is stopped."""
    asked = read_as(OrchestrationBody, body)
    of_document(
        lambda: start_shadow(
            tenant.store, tenant.name, asked.document, actor=who.name, note=asked.note
        )
    )
    return _shadow(shadow_report(tenant.store, tenant.name))


@router.get(
    "/shadow",
    summary="What a draft of the orchestration would change",
    responses=responses(403, 404),
)
@needs(Permission.READ, "orchestration", confined=True)
def report(tenant: WholeTenant) -> ShadowDetail:
    """Return the draft that runs, or ran last, and what it would have made of what came in."""
    return _shadow(shadow_report(tenant.store, tenant.name))


@router.delete(
    "/shadow", summary="Stop a draft of the orchestration", responses=responses(403, 404, 409)
)
@needs(Permission.EDIT, "orchestration", confined=True)
def stop(tenant: WholeTenant, who: Acting) -> ShadowDetail:
    """Stop the draft that runs; its report stays."""
    stop_shadow(tenant.store, tenant.name, actor=who.name)
    return _shadow(shadow_report(tenant.store, tenant.name))


def _shadow(found: ShadowReport) -> ShadowDetail:
    made: dict[str, Any] = found.shadow.model_dump(exclude={"document", "tenant"})
    made["running"] = found.shadow.stopped_at is None
    return ShadowDetail.model_validate({**made, "replay": msgspec.to_builtins(found.replay)})


@router.get("/incoming", summary="Alerts that came in", responses=responses(400, 403))
@needs(Permission.READ, "orchestration", confined=True)
def incoming(
    tenant: WholeTenant,
    state: Annotated[
        Literal["passed", "held", "dropped", "ended"] | None, Query(description="Only these.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: Annotated[str | None, Query(pattern=CURSOR_PATTERN, description=NEXT)] = None,
) -> IncomingList:
    """List the alerts that came in while rules or a draft were active, the newest first."""
    rows, following = incoming_page(tenant.store, tenant.name, state, limit, cursor)
    items = [
        IncomingItem.model_validate(
            {**row, "labels": row["given"]["labels"], "severity": row["given"].get("severity", ""),
             "title": row["given"].get("title", ""), "fingerprint": row["target"]}
        )
        for row in rows
    ]  # fmt: skip
    return IncomingList(items=items, next_cursor=following)
