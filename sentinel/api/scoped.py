"""The store as the principal of a request may use it; confined routes reach it here alone."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import Depends, Query, Request

from sentinel.access import EVERYTHING, Permission, Principal
from sentinel.api.access import acting
from sentinel.api.needs import needed_by
from sentinel.api.problems import Problem
from sentinel.errors import NotFound
from sentinel.store import Store
from sentinel.store.access.within import OfTenant, Within
from sentinel.tenant import TENANT_PATTERN

__all__ = ["EventTenant", "WholeTenant", "refuse_if_seen", "within", "without_principal"]

_TENANT = Query(
    pattern=f"^({TENANT_PATTERN})$",
    description="Name of the tenant; by default `default`, or the only one that a key reaches.",
)


def within(request: Request) -> Within:
    """Return the store, confined to where the principal has the permission that this route needs.

    Args:
        request: the request, with its route and principal found

    Returns:
        The store within that scope.

    Raises:
        TypeError: the route declares no permission, so that nothing says where it holds
    """
    needed = needed_by(request.scope["endpoint"])
    if needed is None or needed.permission is None:
        raise TypeError(f"{request.scope['endpoint']} declares no permission")
    return Within(cast("Store", request.app.state.store), acting(request).scope(needed.permission))


def refuse_if_seen(store: Store, who: Principal, alert_id: str) -> None:
    """Say that an alert may be seen and not acted on, where that is so.

    Args:
        store: the shared database
        who: may not act on it
        alert_id: that was not found within the scope of the action

    Raises:
        Problem: 403, if `who` may read the alert
    """
    try:
        alert = Within(store, who.scope(Permission.READ)).alert(alert_id)
    except NotFound:
        return
    raise Problem(
        403,
        "forbidden",
        f"{who.name} may read alerts of the tenant {alert.tenant!r}, and not act on them",
        hint=f"This needs the role {Permission.RESPOND.role} there.",
    )


def without_principal(request: Request, tenant: str) -> OfTenant:
    """Return a tenant for a route whose address itself proves what may be done, such as a ping."""
    return Within(cast("Store", request.app.state.store), EVERYTHING).tenant(tenant)


async def _whole(request: Request, tenant: Annotated[str | None, _TENANT] = None) -> OfTenant:
    return within(request).tenant(tenant)


async def _of_event(request: Request, tenant_id: Annotated[str | None, _TENANT] = None) -> OfTenant:
    return within(request).tenant(tenant_id)


WholeTenant = Annotated[OfTenant, Depends(_whole)]
"""The tenant that the query names, all of which the principal must reach."""
EventTenant = Annotated[OfTenant, Depends(_of_event)]
"""As `WholeTenant`, named by `tenant_id`."""
