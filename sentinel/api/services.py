"""The catalog of services over HTTP, and how its services stand.

`-` is no name of a service: what is about all of them is below it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from sentinel.access import Permission, Principal
from sentinel.api.access import Acting
from sentinel.api.bodies import Body, Tenant, described_as, read_as
from sentinel.api.editing import ETAG, IfMatch, check_match
from sentinel.api.needs import needs
from sentinel.api.paging import PageLimit, page_of
from sentinel.api.problems import Problem, responses
from sentinel.api.service_bodies import (
    AffectedServices,
    AppliedServices,
    ApplyBody,
    BlastRadiusView,
    DependencyList,
    ReadinessList,
    ReadinessView,
    ServiceBody,
    ServiceItem,
    ServiceList,
    applied_of,
    blast_radius_of,
    dependency_of,
    readiness_view,
    service_item,
    state_of,
)
from sentinel.api.shown_rules import allow, store_of
from sentinel.services.definition import NAME_PATTERN, ServiceDefinition
from sentinel.store.services.catalog import Services, StoredService
from sentinel.store.services.operation import ServicesNow

__all__ = ["router"]

router = APIRouter(prefix="/services", tags=["services"])

ServiceName = Annotated[
    str,
    Path(pattern=f"^({NAME_PATTERN})$", description="Name of the service.", examples=["checkout"]),
]
ObservedName = Annotated[
    str,
    Path(
        min_length=1, max_length=200, description="Name of the service, also one that the catalog "
        "does not have.", examples=["checkout"],
    ),
]  # fmt: skip
_SHOWN = {200: {"headers": ETAG, "description": "The service"}}


@router.get("", summary="List services", responses=responses())
@needs(Permission.READ, "services", confined=True)
def list_services(
    request: Request, who: Acting, tenant: Tenant | None = None, limit: PageLimit = None,
    cursor: Annotated[
        str | None,
        Query(
            max_length=201, pattern=r"^[a-z0-9._-]{1,100}/[A-Za-z0-9._-]{1,100}$",
            description="next of the previous page.",
        ),
    ] = None,
) -> ServiceList:  # fmt: skip
    """List the services of the catalog, by tenant and name."""
    found = _services(request, who).list(tenant)
    after = None if cursor is None else tuple(cursor.split("/", 1))
    page, last = page_of(found, _place, limit, after)
    return ServiceList(
        items=[service_item(one) for one in page],
        next=None if last is None else "/".join(_place(last)),
    )


@router.post(
    "/-/apply",
    summary="Create or change services",
    responses=responses(400, 403, 409, 413),
    openapi_extra=described_as(ApplyBody),
)
@needs(Permission.EDIT, "services", confined=True)
def apply(request: Request, body: Body, who: Acting) -> AppliedServices:
    """Create or change services, all or none of them; others stay as they are.

    Returns:
        What changed, field by field; with `dry_run`, what would.
    """
    asked = read_as(ApplyBody, body)
    for one in asked.services:
        allow(who, Permission.EDIT, one.tenant, one.owner)
    changes = _services(request, who, Permission.EDIT).apply(
        asked.services, actor=who.name, dry_run=asked.dry_run
    )
    return applied_of(changes, dry_run=asked.dry_run)


@router.get("/-/affected", summary="Services that are affected now", responses=responses())
@needs(Permission.READ, "services", confined=True)
def affected(request: Request, who: Acting, tenant: Tenant = "default") -> AffectedServices:
    """List services with live alerts, the worst first, then those that depend on them."""
    found = _now(request, who, tenant).affected()
    return AffectedServices(items=[state_of(one) for one in found])


@router.get("/-/dependencies", summary="Who calls whom", responses=responses())
@needs(Permission.READ, "services", confined=True)
def dependencies(request: Request, who: Acting, tenant: Tenant = "default") -> DependencyList:
    """List the dependencies that are declared, and those seen in the last 30 days."""
    found = _now(request, who, tenant).dependencies()
    return DependencyList(items=[dependency_of(one) for one in found])


@router.get("/-/readiness", summary="Readiness of all services", responses=responses())
@needs(Permission.READ, "services", confined=True)
def readiness_of_all(request: Request, who: Acting, tenant: Tenant = "default") -> ReadinessList:
    """List the services of a tenant with their readiness, the least ready first."""
    found = _now(request, who, tenant).readiness_of_all()
    return ReadinessList(items=[readiness_view(one) for one in found])


@router.get("/{service}", summary="One service", responses={**responses(404), **_SHOWN})
@needs(Permission.READ, "services", confined=True)
def get(
    request: Request, response: Response, service: ServiceName, who: Acting,
    tenant: Tenant = "default",
) -> ServiceItem:  # fmt: skip
    """Return a service of the catalog."""
    return _tagged(response, _services(request, who).get(tenant, service))


@router.put(
    "/{service}",
    summary="Save a service",
    responses={**responses(400, 403, 409, 412, 413), **_SHOWN},
    openapi_extra=described_as(ServiceBody),
)
@needs(Permission.EDIT, "services", confined=True)
def save(
    request: Request, response: Response, service: ServiceName, body: Body, who: Acting,
    if_match: IfMatch = None,
) -> ServiceItem:  # fmt: skip
    """Create a service, or replace the one of that name in the tenant of the body.

    Returns:
        The service.

    Raises:
        Problem: 422 where the body names another service
    """
    definition = ServiceDefinition.model_validate(read_as(ServiceBody, body).model_dump())
    if definition.name != service:
        raise Problem(
            422, "invalid", f"name: must be {service}, as in the address", field="name"
        )  # fmt: skip
    allow(who, Permission.EDIT, definition.tenant, definition.owner)
    services = _services(request, who, Permission.EDIT)
    services.apply([definition], actor=who.name, check=_matches(if_match))
    return _tagged(response, services.get(definition.tenant, service))


@router.delete("/{service}", summary="Remove a service", responses=responses(404, 412))
@needs(Permission.EDIT, "services", confined=True)
def remove(
    request: Request, service: ServiceName, who: Acting, tenant: Tenant = "default",
    if_match: IfMatch = None,
) -> ServiceItem:  # fmt: skip
    """Remove a service from the catalog, and return it, so that it can be saved again."""
    services = _services(request, who, Permission.EDIT)
    return service_item(services.remove(tenant, service, actor=who.name, check=_matches(if_match)))


@router.get(
    "/{service}/blast-radius", summary="What may fail with a service", responses=responses(404)
)
@needs(Permission.READ, "services", confined=True)
def blast_radius(
    request: Request, service: ObservedName, who: Acting, tenant: Tenant = "default"
) -> BlastRadiusView:
    """Return the callers of a service, theirs, and so on, the most important tier first."""
    return blast_radius_of(_now(request, who, tenant).blast_radius(service))


@router.get("/{service}/readiness", summary="Readiness of a service", responses=responses(404))
@needs(Permission.READ, "services", confined=True)
def readiness(
    request: Request, service: ServiceName, who: Acting, tenant: Tenant = "default"
) -> ReadinessView:
    """Return whether a service is ready to be operated, check by check."""
    return readiness_view(_now(request, who, tenant).readiness(service))


def _services(
    request: Request, who: Principal, permission: Permission = Permission.READ
) -> Services:
    return Services(store_of(request), who.scope(permission))


def _now(request: Request, who: Principal, tenant: str) -> ServicesNow:
    return ServicesNow(store_of(request), tenant, who.scope(Permission.READ))


def _place(one: StoredService) -> tuple[str, str]:
    return one.definition.tenant, one.definition.name


def _matches(if_match: str | None) -> Callable[[StoredService | None], None]:
    return lambda there: check_match(if_match, '""' if there is None else _tag(there))


def _tag(one: StoredService) -> str:
    return f'"{one.version}"'


def _tagged(response: Response, one: StoredService) -> ServiceItem:
    response.headers["ETag"] = _tag(one)
    return service_item(one)
