"""The API's own requests in the request log, where SENTINEL_OWN_REQUESTS names a tenant."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.types import Scope

from sentinel.access import Principal
from sentinel.access.client_address import Networks, client_address
from sentinel.asgi import RequestLog, RequestLogging
from sentinel.settings import Settings
from sentinel.settings.request_log import OWN_SERVICE

__all__ = ["log_own_requests"]

_PING = re.compile(r"(/ping/[^/]*)/.*", re.DOTALL)
"""The URL of a job's heartbeat ends with the key of the job."""


def log_own_requests(app: Starlette, settings: Settings, trusted: Networks) -> RequestLog | None:
    """Write the requests that the application answers, those that are refused too.

    Args:
        app: the application
        settings: that name the tenant and the telemetry store
        trusted: networks of proxies

    Returns:
        The log, to be closed when the application ends; None where it is not asked for.
    """
    if not settings.own_requests:
        return None

    def address(scope: Mapping[str, Any]) -> str:
        client = scope.get("client")
        forwarded = Headers(scope=dict(scope)).getlist("x-forwarded-for")
        return client_address(client[0] if client else "", forwarded, trusted)

    found = RequestLog.to_store(
        settings, tenant=settings.own_requests, service=OWN_SERVICE, address_of=address,
        caller_of=caller_of, path_of=path_of,
    )  # fmt: skip
    app.add_middleware(RequestLogging, request_log=found)
    return found


def path_of(scope: Scope) -> str:
    """Return the path of a request without the key of a heartbeat."""
    return _PING.sub(r"\1/{key}", str(scope.get("path", "/")))


def caller_of(scope: Scope) -> dict[str, str]:
    """Return who made a request, where it was let in: a person or key as the consumer."""
    state: Any = scope.get("state") or {}
    principal = state.get("principal")
    if not isinstance(principal, Principal):
        return {}
    return {"consumer": principal.name[:200], "key": principal.id[:200]}
