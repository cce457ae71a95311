"""The permission that each route needs: one declaration per route, checked when the app starts.

```python
@router.post("/{alert_id}/actions")
@needs(Permission.RESPOND, "alerts")
def act(...): ...
```
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar, cast

import msgspec
from fastapi import Request
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from sentinel.access import Permission, Principal
from sentinel.access.areas import AREAS
from sentinel.api.problems import Problem

__all__ = ["Needed", "check_needs", "describe_needs", "needed_by", "needs", "public"]

F = TypeVar("F", bound=Callable[..., Any])

_DECLARED = "__sentinel_needs__"


class Needed(msgspec.Struct, frozen=True):
    """What a route needs; `permission` is None where everybody may call it.

    Attributes:
        permission: that the principal must have somewhere; in which tenants, the store checks
        area: of the API, which the scopes of a key name
        confined: whether the route shows and changes only what is in the principal's scope
        why: the reason, if everybody may call it
    """

    permission: Permission | None
    area: str
    confined: bool = False
    why: str = ""


def needs(permission: Permission, area: str, *, confined: bool = False) -> Callable[[F], F]:
    """Declare the permission that a route needs, below its `@router.…` decorators.

    Args:
        permission: what the principal must be allowed to do
        area: of the API, such as `alerts`; a key may be confined to some
        confined: whether the route shows and changes only what is in the principal's scope, or
            nothing that belongs to a tenant. Whoever is confined to tenants or teams is refused
            by every other route.

    Returns:
        A decorator, which returns the function itself.
    """
    return _declared(Needed(permission, area, confined))


def public(area: str, why: str) -> Callable[[F], F]:
    """Declare that everybody may call a route, and why.

    Args:
        area: of the API
        why: the reason, for whoever reviews it

    Returns:
        A decorator, which returns the function itself.
    """
    return _declared(Needed(None, area, why=why))


def _declared(needed: Needed) -> Callable[[F], F]:
    if needed.area not in AREAS:
        raise TypeError(f"{needed.area!r} is no area of the API: add it to sentinel.access.areas")

    def declare(endpoint: F) -> F:
        setattr(endpoint, _DECLARED, needed)
        return endpoint

    return declare


def needed_by(endpoint: Callable[..., Any]) -> Needed | None:
    """Return what the route of a function needs; None if it does not say."""
    return cast("Needed | None", getattr(endpoint, _DECLARED, None))


def describe_needs(routes: Iterable[BaseRoute]) -> None:
    """Write into the OpenAPI document what each route needs.

    Args:
        routes: of a router, before it is included

    Raises:
        TypeError: a route does not declare what it needs
    """
    for route in routes:
        if not isinstance(route, APIRoute):
            continue
        needed = needed_by(route.endpoint)
        if needed is None:
            raise TypeError(
                f"{sorted(route.methods or ())} {route.path} does not declare the permission that "
                f"it needs: put @needs(Permission.…, area) on {route.endpoint.__qualname__}"
            )
        more = {"x-permission": needed.permission or "none", "x-area": needed.area}
        route.openapi_extra = {**(route.openapi_extra or {}), **more}


def check_needs(request: Request, principal: Principal) -> None:
    """Refuse a request whose principal lacks the permission that its route needs.

    Args:
        request: the request, with its route found
        principal: who makes it

    Raises:
        Problem: 403
    """
    needed = needed_by(request.scope["endpoint"])
    if needed is None:
        raise Problem(403, "forbidden", "this route does not declare the permission it needs")
    if needed.permission is None:
        return
    if principal.may(needed.permission, needed.area):
        if needed.confined or principal.scope(needed.permission).is_everything:
            return
        raise Problem(
            403,
            "forbidden",
            f"{principal.name} is confined to tenants or teams, and this concerns all of them",
            hint="Use a key of all tenants and teams.",
        )
    if principal.may(needed.permission):
        raise Problem(
            403,
            "forbidden",
            f"{principal.name} may use only: {', '.join(sorted(principal.scopes or ()))}",
            hint=f"This needs a key with the scope {needed.area}:{needed.permission}.",
        )
    raise Problem(
        403,
        "forbidden",
        f"{principal.name} may not {needed.permission}: its role is {principal.role}",
        hint=f"This needs the role {needed.permission.role} or a higher one.",
    )
