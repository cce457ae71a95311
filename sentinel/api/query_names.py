"""Refuse query parameters that a path does not take, instead of answering something else."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from typing import Any
from weakref import WeakKeyDictionary

from fastapi import Depends, Request, params
from fastapi.dependencies.utils import get_flat_params
from fastapi.routing import APIRoute

from sentinel.api.parts import PARAMETER, part_names
from sentinel.api.problems import Problem

__all__ = ["KnownQuery"]

_known: WeakKeyDictionary[Callable[..., Any], frozenset[str]] = WeakKeyDictionary()
"""The names that each endpoint takes; routes themselves cannot be keys."""


async def _only_known(request: Request) -> None:
    """Refuse a request with an unknown query parameter.

    A coroutine, although it waits for nothing: FastAPI would call a function in a thread.

    Raises:
        Problem: 422, which names the parameter and those that the path takes
    """
    if not request.url.query:
        return
    route = request.scope.get("route")
    if not isinstance(route, APIRoute):
        return
    known = _known.get(route.endpoint)
    if known is None:
        known = _known[route.endpoint] = frozenset(_names(route))
    for name, value in request.query_params.multi_items():
        if "\0" in value:
            raise Problem(
                422,
                "invalid",
                f"{name[:100]}: must not contain NUL",
                hint="Leave out the character %00.",
                field=name[:100],
            )
        if name not in known:
            within = [one for one in known if one in name]
            near = get_close_matches(name, known, 1, 0.5) or within
            takes = ", ".join(sorted(known)) or "none"
            raise Problem(
                422,
                "invalid",
                f"{name[:100]}: unknown query parameter"
                + (f"; did you mean {near[0]}?" if near else ""),
                hint=f"This path takes: {takes}.",
                field=name[:100],
            )


def _names(route: APIRoute) -> set[str]:
    fields = get_flat_params(route.dependant)
    own = {field.alias for field in fields if isinstance(field.field_info, params.Query)}
    return own | {PARAMETER} if part_names(route.endpoint) else own


KnownQuery = Depends(_only_known)
"""The dependency of every router."""
