"""What may have caused an alert, over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import Query, Request
from pydantic import BaseModel, Field

from sentinel.access import Permission
from sentinel.api.access import Acting
from sentinel.api.alerts import AlertId
from sentinel.api.needs import needs
from sentinel.api.problems import responses
from sentinel.api.related import correlated, router
from sentinel.api.scoped import within
from sentinel.api.shown_rules import store_of
from sentinel.correlation.candidates import Candidate
from sentinel.errors import SentinelError
from sentinel.store.correlation.causes import Causes
from sentinel.store.telemetry.client import TelemetryClient, telemetry_client

__all__ = ["correlated", "router"]  # those of `related`, with the route below


class CandidateItem(BaseModel):
    """A change that may be the cause."""

    kind: Literal["deployment", "rule", "configuration", "log_pattern", "slow_dependency"]
    title: str
    at: datetime
    by: str = Field(description="Who made it; empty where nobody did.")
    service: str
    rule: str
    reference: str = Field(description="Id of the row of the audit trail, or of the pattern.")
    score: float = Field(description="0 to 1; it ranks, and is no probability.")
    seconds_before: float = Field(description="From the change to the alert.")
    reasons: list[str]


class CandidateList(BaseModel):
    """Changes before an alert, the most likely cause first."""

    items: list[CandidateItem]
    left_out: dict[str, str] = Field(description="Sources that were not read, each with why.")


@router.get(
    "/{alert_id}/candidates", summary="What may have caused an alert", responses=responses(404)
)
@needs(Permission.READ, "alerts", confined=True)
def candidates(
    request: Request, alert_id: AlertId, who: Acting,
    limit: Annotated[int, Query(ge=1, le=50, description="At most so many.")] = 10,
) -> CandidateList:  # fmt: skip
    """Return what changed in the six hours before an alert, ranked, with reasons.

    Rollouts, changes of rules, SLOs and settings (for admins of the tenant), and for whoever sees
    the whole tenant log patterns that are new and calls that became slower in the last half hour.

    Returns:
        The most likely cause first.
    """
    alert = within(request).alert(alert_id)
    whole = who.scope(Permission.READ).whole_tenants
    telemetry: TelemetryClient | str = "logs and spans belong to the whole tenant"
    if not who.may(Permission.READ, "telemetry"):
        telemetry = "logs and spans are not among the scopes of the key"
    elif whole is None or alert.tenant in whole:
        try:
            telemetry = telemetry_client(request.app.state.settings)
        except SentinelError as error:
            telemetry = error.message
    audited = who.scope(Permission.ADMINISTER).whole_tenants
    may = who.may(Permission.ADMINISTER, "audit") and (audited is None or alert.tenant in audited)
    causes = Causes(store_of(request), alert.tenant, audit=may, telemetry=telemetry)
    found = causes.of([alert], limit)
    return CandidateList(items=[_item(one) for one in found.candidates], left_out=found.left_out)


def _item(one: Candidate) -> CandidateItem:
    change = one.change
    return CandidateItem(
        kind=change.kind, title=change.title, at=datetime.fromtimestamp(change.at, UTC),
        by=change.by, service=change.service, rule=change.rule, reference=change.reference,
        score=one.score, seconds_before=one.seconds, reasons=one.reasons,
    )  # fmt: skip
