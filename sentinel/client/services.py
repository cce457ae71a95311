"""Requests about the catalog of services.

```python
from sentinel.client import Client, services

with Client() as sentinel:
    for one in sentinel.do(services.affected()).items:
        print(one.name, one.severity, one.impaired_by)
```
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel

from sentinel.client.calls import Call

__all__ = [
    "AffectedServicePage", "AppliedServices", "BlastRadius", "Service", "ServiceDependencyPage",
    "ServicePage", "ServiceReadiness", "ServiceReadinessPage", "affected", "apply", "blast_radius",
    "dependencies", "listed", "read", "readiness", "readiness_of_all", "remove", "save",
]  # fmt: skip

_PATH = "/api/v1/services"


class Service(BaseModel):
    """A service of the catalog; its definition is as YAML has it."""

    definition: dict[str, Any]
    version: int
    saved_at: datetime
    saved_by: str


class ServicePage(BaseModel):
    """Services that the caller sees."""

    items: list[Service]
    next: str | None


class AppliedServices(BaseModel):
    """What was changed, or would be: name, tenant, change and the fields that differ."""

    dry_run: bool
    changes: list[dict[str, Any]]


class BlastRadius(BaseModel):
    """What may fail with a service."""

    service: str
    affected: list[dict[str, Any]]
    tiers: dict[str, int]


class ServiceDependency(BaseModel):
    """A service calls another."""

    caller: str
    callee: str
    source: str
    calls: int
    last_seen: datetime | None


class ServiceDependencyPage(BaseModel):
    """Dependencies of all sources."""

    items: list[ServiceDependency]


class ServiceReadiness(BaseModel):
    """Whether a service is ready to be operated; each check has label, passed and evidence."""

    service: str
    score: int
    checks: list[dict[str, Any]]


class ServiceReadinessPage(BaseModel):
    """The readiness of services, the least ready first."""

    items: list[ServiceReadiness]


class AffectedService(BaseModel):
    """A service that is affected now."""

    name: str
    known: bool
    severity: str | None
    alert_count: int
    alerts: list[dict[str, Any]]
    burning_slos: list[str]
    impaired_by: list[str]


class AffectedServicePage(BaseModel):
    """Services that are affected now, the worst first."""

    items: list[AffectedService]


def listed(
    *, tenant: str | None = None, limit: int | None = None, cursor: str | None = None
) -> Call[ServicePage]:
    """Return the request for the services that the caller sees."""
    return Call(ServicePage, "GET", _PATH, {"tenant": tenant, "limit": limit, "cursor": cursor})


def apply(
    definitions: Sequence[Mapping[str, Any]], *, dry_run: bool = False
) -> Call[AppliedServices]:
    """Return the request that creates or changes services, all or none of them."""
    body = {"services": [dict(one) for one in definitions], "dry_run": dry_run}
    return Call(AppliedServices, "POST", f"{_PATH}/-/apply", body=body)


def affected(*, tenant: str = "default") -> Call[AffectedServicePage]:
    """Return the request for the services that are affected now."""
    return Call(AffectedServicePage, "GET", f"{_PATH}/-/affected", {"tenant": tenant})


def dependencies(*, tenant: str = "default") -> Call[ServiceDependencyPage]:
    """Return the request for who calls whom."""
    return Call(ServiceDependencyPage, "GET", f"{_PATH}/-/dependencies", {"tenant": tenant})


def readiness_of_all(*, tenant: str = "default") -> Call[ServiceReadinessPage]:
    """Return the request for the readiness of all services."""
    return Call(ServiceReadinessPage, "GET", f"{_PATH}/-/readiness", {"tenant": tenant})


def read(name: str, *, tenant: str = "default") -> Call[Service]:
    """Return the request for one service."""
    return Call(Service, "GET", _place(name), {"tenant": tenant})


def save(name: str, definition: Mapping[str, Any]) -> Call[Service]:
    """Return the request that saves a service, or replaces the one of that name."""
    return Call(Service, "PUT", _place(name), body=dict(definition))


def remove(name: str, *, tenant: str = "default") -> Call[Service]:
    """Return the request that removes a service."""
    return Call(Service, "DELETE", _place(name), {"tenant": tenant})


def blast_radius(name: str, *, tenant: str = "default") -> Call[BlastRadius]:
    """Return the request for what may fail with a service."""
    return Call(BlastRadius, "GET", f"{_place(name)}/blast-radius", {"tenant": tenant})


def readiness(name: str, *, tenant: str = "default") -> Call[ServiceReadiness]:
    """Return the request for the readiness of a service."""
    return Call(ServiceReadiness, "GET", f"{_place(name)}/readiness", {"tenant": tenant})


def _place(name: str) -> str:
    return f"{_PATH}/{quote(name, safe='')}"
