"""The limits of the API itself: the middleware that other applications use, in our own format."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from starlette.datastructures import Headers
from starlette.requests import Request, cookie_parser
from starlette.types import Receive, Scope, Send

from sentinel.access.client_address import Networks, client_address
from sentinel.access.cookies import COOKIE
from sentinel.api.problems import Problem, answer
from sentinel.api_usage.text import parse_limits
from sentinel.asgi import SentinelMiddleware
from sentinel.errors import ConfigurationError

if TYPE_CHECKING:
    from fastapi import FastAPI

    from sentinel.store import Store
from sentinel.store.api_usage.redis_states import limit_states

__all__ = ["NEVER_LIMITED", "limit_own_api"]

NEVER_LIMITED = (
    "/health", "/ready", "/metrics", "/ping/**", "/alertmanager/**", "/opsgenie/**",
    "/pagerduty/**", "/nagios/**", "/icinga/**", "/v1/**", "/docs/static/**",
    "/api/v1/intake/**", "/api/v1/events", "/api/v1/requests", "/api/logs/ingest",
    "/api/tracing/traces", "/api/v1/logs/ingest", "/api/v1/tracing/traces",
    "/api/v1/alerts/process-event", "/api/v1/alerts/events/**", "/api/v1/alerts/metrics",
    "/api/v1/alerts/heartbeats/**", "/api/v1/alerts/webhooks/**", "/api/v1/alerts/bounces/**",
    "/api/v1/webhooks/**",
)  # fmt: skip
"""Paths of probes, and of what must not be lost: alerts, events, heartbeats and telemetry."""

_COUNTED_FOR = "the API of Sentinel"
"""No tenant has such a name, so that nobody uses this up by calling an API of the tenant."""


def limit_own_api(
    app: FastAPI, text: str, store: Store, trusted: Networks, redis: str = ""
) -> None:
    """Put the middleware in front of the API.

    Args:
        app: the application
        text: SENTINEL_API_LIMITS; nothing is done where it is empty
        store: the shared database
        trusted: networks of proxies
        redis: SENTINEL_LIMITS_REDIS_URL; empty where the shared database counts

    Raises:
        ConfigurationError: the limits cannot be read, or the Redis cannot be used
    """
    if not text.strip():
        return
    limit_states(store, redis)  # what is wrong with the URL is said at the start
    if not text.startswith("set:"):
        try:
            parse_limits(text)  # Starlette makes the middleware when the first request comes
        except ConfigurationError as error:
            raise ConfigurationError(
                f"SENTINEL_API_LIMITS: {error.message}", hint=error.hint
            ) from None

    def address(scope: Scope) -> str:
        client = scope.get("client")
        forwarded = Headers(scope=scope).getlist("x-forwarded-for")
        return client_address(client[0] if client else "", forwarded, trusted)

    app.add_middleware(
        SentinelMiddleware, store=store, limits=text, except_paths=NEVER_LIMITED,
        key_of=key_of, address_of=address, refuse=refuse, counted_for=_COUNTED_FOR, redis=redis,
    )  # fmt: skip


def key_of(scope: Scope) -> str:
    """Return what limits `by key` count a request by: a hash of the secret that it came with.

    Whether the secret is a valid one is found out later. Nobody uses up what another one may use
    without knowing their secret, and who sends ever new ones is limited by address.

    Args:
        scope: of the request

    Returns:
        32 hex digits; empty for a request without a secret.
    """
    authorization, cookies = "", ""
    for name, value in scope["headers"]:
        if name == b"authorization" and not authorization:
            authorization = value.decode("latin-1")
        elif name == b"cookie":
            cookies += f"; {value.decode('latin-1')}"
    # Read as the API reads them: the scheme has any case, and of two cookies the last counts. Who
    # could write the same secret in several ways would have an allowance for each.
    secret = authorization.partition(" ")[2].strip() or authorization
    secret = secret or cookie_parser(cookies).get(COOKIE, "")
    return blake2b(secret.encode(), digest_size=16).hexdigest() if secret else ""


async def refuse(
    scope: Scope, receive: Receive, send: Send, problem: dict[str, Any],
    fields: list[tuple[bytes, bytes]],
) -> None:  # fmt: skip
    """Answer 429 or 503 in the format of every error, with the fields of the limits."""
    limited = problem["status"] == 429
    said = Problem(
        problem["status"], "too_many_requests" if limited else "busy", problem["detail"],
        hint="SENTINEL_API_LIMITS limits this API. Wait for Retry-After.",
    )  # fmt: skip
    headers = {name.decode(): value.decode() for name, value in fields}
    await answer(Request(scope), said, headers)(scope, receive, send)
