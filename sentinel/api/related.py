"""Alerts that are related to one, and groups of open alerts, over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from sentinel.access import Permission
from sentinel.api.access import Acting
from sentinel.api.alerts import AlertId
from sentinel.api.bodies import Tenant
from sentinel.api.needs import needs
from sentinel.api.problems import responses
from sentinel.api.scoped import within
from sentinel.api.shown_rules import store_of
from sentinel.correlation.correlator import MOST_MEMBERS, CorrelatedGroup
from sentinel.correlation.evidence import Evidence
from sentinel.severity import Severity
from sentinel.store.correlation.related import Related, RelatedAlerts

__all__ = ["RelatedList", "correlated", "router"]

router = APIRouter(prefix="/alerts", tags=["alerts"])
correlated = APIRouter(prefix="/correlation", tags=["alerts"])

Limit = Annotated[int, Query(ge=1, le=100, description="At most so many.")]


class EvidenceItem(BaseModel):
    """Why two alerts are linked."""

    kind: Literal["label", "rule", "service", "dependency", "together"]
    reason: str = Field(examples=["same label rack=r12, in under 1% of earlier alerts"])
    strength: float = Field(description="Without the time between them.")


class RelatedItem(BaseModel):
    """An alert that is related to another."""

    id: str
    title: str
    severity: str
    status: str
    rule: str
    service: str
    opened_at: datetime | None
    score: float = Field(description="0.5 to 1, with the time between them.")
    seconds: float = Field(description="How much later it opened; below 0: before.")
    evidence: list[EvidenceItem] = Field(description="The strongest first.")


class RelatedList(BaseModel):
    """The alerts that are related to one, the closest first."""

    items: list[RelatedItem]


class MemberItem(BaseModel):
    """An alert of a group."""

    id: str
    severity: str
    rule: str
    service: str
    opened_at: datetime


class LinkItem(BaseModel):
    """Why two alerts of a group belong together."""

    one: str
    other: str
    score: float
    evidence: list[EvidenceItem]


class GroupItem(BaseModel):
    """Open alerts that belong together. Nothing is muted by it."""

    id: str = Field(description="Of the alert that opened first.")
    alert_count: int
    shown: list[str] = Field(description="The worst that opened first, and every critical one.")
    alerts: list[MemberItem] = Field(description=f"By time, at most {MOST_MEMBERS}.")
    links: list[LinkItem] = Field(description="Those that connect these alerts.")


class GroupList(BaseModel):
    """Groups of at least two open alerts, the largest first."""

    items: list[GroupItem]


@router.get(
    "/{alert_id}/related", summary="Alerts that are related to one", responses=responses(404)
)
@needs(Permission.READ, "alerts", confined=True)
def related(request: Request, alert_id: AlertId, who: Acting, limit: Limit = 20) -> RelatedList:
    """Return the alerts that opened within half an hour and have a reason to belong to one.

    Reasons are rare labels, the rule or service of both, services that call each other, and rules
    that opened together before.

    Returns:
        The closest first, each with its reasons.
    """
    alert = within(request).alert(alert_id)
    found = RelatedAlerts(store_of(request), who.scope(Permission.READ)).of(alert, limit)
    return RelatedList(items=[_item(one) for one in found])


@correlated.get("/groups", summary="Groups of related alerts", responses=responses())
@needs(Permission.READ, "alerts", confined=True)
def groups(
    request: Request, who: Acting, tenant: Tenant = "default", limit: Limit = 50
) -> GroupList:
    """Return the open alerts of a tenant that belong together, and why.

    Of the 10,000 that opened last. Every critical alert is shown by itself.

    Returns:
        The largest groups first.
    """
    found = RelatedAlerts(store_of(request), who.scope(Permission.READ)).groups(tenant)
    return GroupList(items=[_group(one) for one in found[:limit]])


def _item(one: Related) -> RelatedItem:
    alert = one.alert
    return RelatedItem(
        id=alert.id, title=alert.title, severity=alert.severity, status=alert.status,
        rule=alert.rule, service=one.service, opened_at=alert.opened_at,
        score=round(one.score, 4), seconds=one.seconds, evidence=_evidence(one.evidence),
    )  # fmt: skip


def _group(one: CorrelatedGroup) -> GroupItem:
    members = one.alerts[:MOST_MEMBERS]
    ids = {each.id for each in members}
    return GroupItem(
        id=one.id, alert_count=len(one.alerts), shown=one.shown,
        alerts=[
            MemberItem(
                id=each.id, severity=Severity(each.severity).word, rule=each.rule,
                service=each.service, opened_at=_moment(each.opened),
            )
            for each in members
        ],
        links=[
            LinkItem(
                one=each.one, other=each.other, score=round(each.score, 4),
                evidence=_evidence(each.evidence),
            )
            for each in one.links
            if each.one in ids and each.other in ids
        ],
    )  # fmt: skip


def _evidence(given: list[Evidence]) -> list[EvidenceItem]:
    return [
        EvidenceItem(kind=one.kind, reason=one.reason, strength=round(one.strength, 4))
        for one in given
    ]


def _moment(seconds: float) -> datetime:
    """Return the moment of seconds since 1970."""
    return datetime.fromtimestamp(seconds, UTC)
