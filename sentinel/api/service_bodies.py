"""The bodies of the routes about the catalog of services."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from sentinel.api.paging import NEXT
from sentinel.services.definition import FieldChange, ServiceDefinition
from sentinel.services.graph import BlastRadius, Edge, Source
from sentinel.services.readiness import CheckCode, Readiness
from sentinel.severity import Severity
from sentinel.store.services.catalog import Outcome, ServiceChange, StoredService
from sentinel.store.services.operation import MOST_CAUSES, SHOWN_ALERTS, ServiceState

__all__ = [
    "AffectedServices", "AppliedServices", "ApplyBody", "BlastRadiusView", "DependencyList",
    "ReadinessList", "ReadinessView", "ServiceBody", "ServiceItem", "ServiceList", "applied_of",
    "blast_radius_of", "dependency_of", "readiness_view", "service_item", "state_of",
]  # fmt: skip

_EXAMPLE: dict[str, Any] = {
    "name": "checkout", "owner": "shop", "tier": 1, "runbook": "https://wiki.example/checkout",
    "depends_on": ["payments"],
}  # fmt: skip


class ServiceBody(ServiceDefinition):
    """A service to save."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})


class ApplyBody(BaseModel):
    """Services to create or change, all or none of them."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"services": [_EXAMPLE], "dry_run": True}]}
    )

    services: list[ServiceDefinition] = Field(max_length=1_000)
    dry_run: bool = Field(default=False, description="Only say what would change.")


class ServiceItem(BaseModel):
    """A service of the catalog."""

    definition: ServiceDefinition
    version: int
    saved_at: datetime
    saved_by: str


class ServiceList(BaseModel):
    """Services by tenant and name."""

    items: list[ServiceItem]
    next: str | None = Field(description=NEXT)


class ChangeItem(BaseModel):
    """What applying a definition changes."""

    name: str
    tenant: str
    change: Outcome
    fields: list[FieldChange] = Field(description="Those that differ.")


class AppliedServices(BaseModel):
    """What was changed, or would be."""

    dry_run: bool
    changes: list[ChangeItem]


class AffectedItem(BaseModel):
    """A service that depends on another."""

    name: str
    tier: int | None = Field(description="Null: it is not in the catalog.")
    owner: str
    distance: int = Field(description="1 for a direct caller.")
    path: list[str] = Field(description="A shortest way from it to the service.")
    sources: list[Source]


class BlastRadiusView(BaseModel):
    """What may fail with a service: its callers, theirs, and so on."""

    service: str
    affected: list[AffectedItem] = Field(description="The most important tier first.")
    tiers: dict[str, int] = Field(description="How many by tier; 0: not in the catalog.")


class DependencyItem(BaseModel):
    """A service calls another."""

    caller: str
    callee: str
    source: Source
    calls: int = Field(description="When it was last seen; 0 where it is declared.")
    last_seen: datetime | None = Field(description="Null where it is declared.")


class DependencyList(BaseModel):
    """Dependencies by caller and callee."""

    items: list[DependencyItem]


class ReadinessCheckItem(BaseModel):
    """One check."""

    code: CheckCode
    label: str
    passed: bool
    weight: int = Field(description="Its share of the score, out of 100.")
    evidence: str = Field(description="What was found, or what to do.")


class ReadinessView(BaseModel):
    """Whether a service is ready to be operated."""

    service: str
    score: int = Field(ge=0, le=100, description="Sum of the weights of the checks that hold.")
    checks: list[ReadinessCheckItem]


class ReadinessList(BaseModel):
    """Services with their readiness, the least ready first."""

    items: list[ReadinessView]


class ServiceAlertItem(BaseModel):
    """A live alert of a service."""

    id: str
    title: str
    severity: str
    status: str
    rule: str
    opened_at: datetime | None


class ServiceStateItem(BaseModel):
    """A service that is affected now."""

    name: str
    known: bool = Field(description="Whether the catalog has it.")
    severity: str | None = Field(description="The worst of its alerts; null where it has none.")
    alert_count: int
    alerts: list[ServiceAlertItem] = Field(description=f"The {SHOWN_ALERTS} worst.")
    burning_slos: list[str] = Field(description="SLOs with a live burn-rate alert.")
    impaired_by: list[str] = Field(
        description=f"Services with alerts that it depends on, the {MOST_CAUSES} nearest."
    )


class AffectedServices(BaseModel):
    """Services with live alerts, the worst first, then those that depend on them."""

    items: list[ServiceStateItem]


def service_item(one: StoredService) -> ServiceItem:
    """Return a service as the API shows it."""
    return ServiceItem(
        definition=one.definition, version=one.version, saved_at=one.saved_at,
        saved_by=one.saved_by,
    )  # fmt: skip


def applied_of(changes: list[ServiceChange], *, dry_run: bool) -> AppliedServices:
    """Return what was applied as the API shows it."""
    items = [
        ChangeItem(name=one.name, tenant=one.tenant, change=one.change, fields=one.fields)
        for one in changes
    ]
    return AppliedServices(dry_run=dry_run, changes=items)


def blast_radius_of(found: BlastRadius) -> BlastRadiusView:
    """Return a blast radius as the API shows it."""
    affected = [
        AffectedItem(
            name=one.name, tier=one.tier, owner=one.owner, distance=one.distance, path=one.path,
            sources=one.sources,
        )
        for one in found.affected
    ]  # fmt: skip
    return BlastRadiusView(
        service=found.service, affected=affected,
        tiers={str(tier): count for tier, count in found.tiers.items()},
    )  # fmt: skip


def dependency_of(edge: Edge) -> DependencyItem:
    """Return a dependency as the API shows it."""
    return DependencyItem(
        caller=edge.caller, callee=edge.callee, source=edge.source, calls=edge.calls,
        last_seen=edge.last_seen,
    )  # fmt: skip


def readiness_view(found: Readiness) -> ReadinessView:
    """Return readiness as the API shows it."""
    checks = [
        ReadinessCheckItem(
            code=one.code, label=one.label, passed=one.passed, weight=one.weight,
            evidence=one.evidence,
        )
        for one in found.checks
    ]  # fmt: skip
    return ReadinessView(service=found.service, score=found.score, checks=checks)


def state_of(state: ServiceState) -> ServiceStateItem:
    """Return a service that is affected as the API shows it."""
    alerts = [
        ServiceAlertItem(
            id=one.id, title=one.title, severity=Severity(one.severity).word, status=one.status,
            rule=one.rule, opened_at=one.opened_at,
        )
        for one in state.alerts[:SHOWN_ALERTS]
    ]  # fmt: skip
    return ServiceStateItem(
        name=state.name, known=state.known, alert_count=len(state.alerts), alerts=alerts,
        severity=Severity(state.worst).word if state.alerts else None,
        burning_slos=state.burning, impaired_by=state.impaired_by,
    )  # fmt: skip
