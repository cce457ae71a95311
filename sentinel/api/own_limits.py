"""The limits of the API itself: the middleware that other applications use, in our own format."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from starlette.datastructures import Headers
from starlette.requests import Request
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

__all__ = ["NEVER_LIMITED", "limit_own_api"]

NEVER_LIMITED = (
    "/health", "/ready", "/metrics", "/ping/**", "/alertmanager/**", "/opsgenie/**",
    "/pagerduty/**", "/v1/**", "/docs/static/**",
    "/api/v1/intake/**", "/api/v1/events", "/api/v1/requests", "/api/logs/ingest",
    "/api/tracing/traces", "/api/v1/logs/ingest", "/api/v1/tracing/traces",
    "/api/v1/alerts/process-event", "/api/v1/alerts/events/**", "/api/v1/alerts/metrics",
    "/api/v1/alerts/heartbeats/**", "/api/v1/alerts/webhooks/**", "/api/v1/alerts/bounces/**",
    "/api/v1/webhooks/**",
)  # fmt: skip
"""Paths of probes, and of what must not be lost: alerts, events, heartbeats and telemetry."""


def limit_own_api(app: FastAPI, text: str, store: Store, trusted: Networks) -> None:
    """Put the middleware in front of the API.

    Args:
        app: the application
        text: SENTINEL_API_LIMITS; nothing is done where it is empty
        store: the shared database
        trusted: networks of proxies

    Raises:
        ConfigurationError: the limits cannot be read
    """
    if not text.strip():
        return
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
        key_of=key_of, address_of=address, refuse=refuse,
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
    cookie = b""
    for name, value in scope["headers"]:
        if name == b"authorization":
            return _hashed(value)
        if name == b"cookie":
            cookie = value
    start = f"{COOKIE}=".encode()
    found = next((one.strip() for one in cookie.split(b";") if one.strip().startswith(start)), b"")
    return _hashed(found) if found else ""


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


def _hashed(secret: bytes) -> str:
    return blake2b(secret, digest_size=16).hexdigest()
