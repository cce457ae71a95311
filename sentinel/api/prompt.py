"""Requests that are asked often, answered without what FastAPI does for every request.

FastAPI looks for the route among all routes, three times where routers are nested, and solves and
validates every parameter of every request. Here the route of a path of one shape is looked for
once, and a route may say what to do at once with requests that need no more validation, or whose
query was validated before. Everything else goes FastAPI's way, with its answers and its errors.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar, cast

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from sentinel.api.access import principal

__all__ = ["IS_ID", "KnownRoutes", "Prompt", "PromptRoute", "prompt"]

F = TypeVar("F", bound=Callable[..., Any])
Prompt = Callable[[Request], Awaitable[Response | None]]
"""Answers a request whose caller was found to be allowed; None to have FastAPI do it."""

IS_ID = re.compile("[0-9a-f]{32}").fullmatch
"""Whether a text is the id of an alert."""
_ID = re.compile("(?<=/)[0-9a-f]{32}(?=/|$)")
_DECLARED = "__sentinel_prompt__"
_FASTAPI = "fastapi"
"""Under this name FastAPI keeps in a scope by which routers a route was found."""
_MOST = 1_000


def prompt(find: Callable[[Request], Prompt | None]) -> Callable[[F], F]:
    """Declare what a route may answer at once, below its `@router.…` decorators.

    Args:
        find: returns what answers a request; None where FastAPI is to do it

    Returns:
        A decorator, which returns the function itself.
    """

    def declare(endpoint: F) -> F:
        setattr(endpoint, _DECLARED, find)
        return endpoint

    return declare


class PromptRoute(APIRoute):
    """Answers requests at once where its function is declared as `prompt`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler of requests."""
        work = super().get_route_handler()
        declared = getattr(self.endpoint, _DECLARED, None)
        if declared is None:
            return work
        find = cast("Callable[[Request], Prompt | None]", declared)

        async def handler(request: Request) -> Response:
            answer = find(request)
            if answer is not None:
                await principal(request, request.headers.get("x-sentinel-user"))
                response = await answer(request)
                if response is not None:
                    return response
            return await work(request)

        return handler


class KnownRoutes:
    """Finds routes, each once for paths of one shape: those that differ in the id of an alert.

    Args:
        app: finds the route of a request, and handles it
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._known: dict[tuple[str, str], tuple[APIRoute, dict[str, Any], str]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path: str = scope["path"]
        if "*" in path:  # it could be mistaken for the shape of paths with an id
            await self._app(scope, receive, send)
            return
        found = _ID.search(path)
        shape = path if found is None else f"{path[: found.start()]}*{path[found.end() :]}"
        key = (scope["method"], shape)
        known = self._known.get(key)
        if known is None:
            try:
                await self._app(scope, receive, send)
            finally:
                if len(self._known) < _MOST:
                    self._remember(key, scope, "" if found is None else found.group())
            return
        route, found_by, name = known
        scope[_FASTAPI] = {**found_by}
        scope["route"] = route
        scope["endpoint"] = route.endpoint
        scope["path_params"] = {name: found.group()} if found is not None else {}
        await route.handle(scope, receive, send)

    def _remember(self, key: tuple[str, str], scope: Scope, alert_id: str) -> None:
        """Keep the route that was found, if nothing but the id of an alert varies in its path."""
        route, params = scope.get("route"), scope.get("path_params", {})
        if not isinstance(route, APIRoute) or scope["method"] not in route.methods:
            return
        if list(params.values()) != ([alert_id] if alert_id else []):
            return
        self._known[key] = (route, {**scope.get(_FASTAPI, {})}, next(iter(params), ""))
