"""What FastAPI makes of the routes that an application includes, kept for the next application.

Routers are modules of the API, so that every application of a process has the same. FastAPI 0.140
and later works each route's parameters and models out anew for every application that includes it:
a second of processor time, of each of a few hundred tests.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, cast

from fastapi import routing
from fastapi.datastructures import DefaultPlaceholder
from starlette.routing import BaseRoute

__all__ = ["share_routes"]

_Router: Any = getattr(routing, "_IncludedRouter")  # noqa: B009 - no public name leads there


def share_routes() -> None:
    """From now on all applications of this process share what is worked out of a route."""
    builds = _Router._build_effective_context
    built: dict[tuple[Any, ...], Any] = {}

    def shared(self: Any, route: BaseRoute) -> Any:
        included = self.include_context
        endpoint = getattr(route, "endpoint", None)
        if not isinstance(route, routing.APIRoute) or getattr(endpoint, "__closure__", None):
            return builds(self, route)  # of one application alone, which its endpoint knows
        # Nobody overrides dependencies, and a kept route would keep the first application.
        included = replace(included, dependency_overrides_provider=None)
        key = (id(route), *(_comparable(getattr(included, one.name)) for one in fields(included)))
        if key not in built:
            own = _Router(original_router=self.original_router, include_context=included)
            built[key] = builds(own, route)  # keeps the route, so that its id is no other's
        return built[key]

    _Router._build_effective_context = shared


def _comparable(part: Any) -> Any:
    """A part of how a router is included, as a part of a key."""
    if isinstance(part, list):
        return tuple(map(_comparable, cast("list[Any]", part)))
    if isinstance(part, dict):
        return tuple(map(_comparable, cast("dict[Any, Any]", part).items()))
    if isinstance(part, DefaultPlaceholder):
        return ("default", part.value)
    return id(part) if isinstance(part, routing.APIRouter) else part
