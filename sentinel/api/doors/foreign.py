"""Routes that answer errors in the format of another system."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from sentinel.api.problems import Problem, problem_of
from sentinel.api.refusals import note_refused

__all__ = ["Shape", "began", "route_class"]

Shape = Callable[[Request, Problem], Response]
"""Returns the answer that stands for a problem in the format of the other system."""
_log = logging.getLogger("sentinel.api")


def route_class(shape: Shape) -> type[APIRoute]:
    """Return the class of routes whose errors are answered by `shape`.

    Args:
        shape: makes the answer of a problem

    Returns:
        What `APIRouter` takes as its `route_class`.
    """

    class ForeignRoute(APIRoute):
        """Answers errors in the format of another system."""

        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            """Return the handler of requests."""
            work = super().get_route_handler()

            async def handler(request: Request) -> Response:
                request.state.began = time.monotonic()
                try:
                    return await work(request)
                except (DBAPIError, PoolTimeout) as error:
                    _log.warning("request %s: %s", request.state.request_id, error)
                    text = "the database is unavailable; send it again"
                    return shape(request, Problem(503, "unavailable", text))
                except Exception as error:
                    problem = problem_of(error)
                    if problem is None:
                        raise
                    note_refused(request, problem.status, problem.code)
                    return shape(request, problem)

            return handler

    return ForeignRoute


def began(request: Request) -> float:
    """Return the moment, by `time.monotonic`, at which the work on a request began."""
    moment: float = request.state.began
    return moment
