"""The API's answer to a request for a host that is not this one."""

from __future__ import annotations

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from sentinel.api.problems import Problem, answer
from sentinel.host_guard import unknown_host

__all__ = ["refuse_host"]


async def refuse_host(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer 421 to the request, in the format of every error."""
    problem = Problem(
        421,
        "unknown_host",
        f"{unknown_host(scope)} is not a name of this API",
        hint="Add the name to SENTINEL_ALLOWED_HOSTS, if it is one.",
    )
    await answer(Request(scope), problem)(scope, receive, send)
