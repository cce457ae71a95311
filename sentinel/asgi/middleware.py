"""Middleware for any ASGI application: keys of its consumers, and limits.

```python
app.add_middleware(SentinelMiddleware, store="postgresql://…", limits="100/minute by key",
                   keys="required")
```
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from functools import lru_cache
from typing import Any, Literal

import msgspec

from sentinel.access.client_address import one_client
from sentinel.api_usage.consumer_keys import Consumer, KeyState, prefix_of
from sentinel.api_usage.decision import Decision
from sentinel.api_usage.http_fields import problem_of, response_fields
from sentinel.api_usage.limit import Limit
from sentinel.api_usage.matching import Caller, LimitSet, path_pattern
from sentinel.api_usage.text import parse_limits
from sentinel.asgi.guarding import Away, Guard
from sentinel.asgi.limit_source import FixedLimits, StoredLimits
from sentinel.asgi.offline_keys import PublicKeys
from sentinel.asgi.request_log import RequestLog
from sentinel.asgi.workers import Busy
from sentinel.errors import ConfigurationError
from sentinel.store import Store

__all__ = ["SentinelMiddleware"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Fields = list[tuple[bytes, bytes]]
Refuse = Callable[[Scope, Receive, Send, dict[str, Any], Fields], Awaitable[None]]
_client = lru_cache(4096)(one_client)
_STORED = "set:"


class SentinelMiddleware:
    """Refuses requests without a valid key, and those above a limit.

    The application finds whose key it is in `request.state.consumer`, a `Consumer` or None.
    Websockets are refused before they are opened.

    Args:
        app: the application
        store: the shared database, or its URL
        limits: as text, or read already; `set:NAME` for the limit set of that name, which follows
            its changes within seconds; empty for none
        keys: whether requests need a key, may have one, or are not asked for one
        tenant: of the API: keys of other tenants are unknown, and limits count apart
        public_keys: `stored`, or a JWK Set as of `GET /api/v1/keys/jwks`; then offline tokens are
            taken for keys too. `stored` follows the rotation of what signs them; a given set does
            not
        except_paths: patterns of paths that are let through unasked, such as `/health`
        endpoint: names the route of a request for limits `by endpoint`; its path by default
        cost: of a request in units, at least 1; 1 by default
        key_of: names the key of a request, for an application whose keys are its own; those of
            this middleware by default
        address_of: of the client, for an application that knows its proxies; that of the
            connection by default
        counted_for: under whose name limits count, where they have to count apart from those of the
            tenant; the tenant's by default
        refuse: answers a request that is refused, with a problem as of RFC 9457 and further
            fields; as `application/problem+json` by default
        request_log: where each request leaves a row, those that are refused too
        redis: URL of the Redis that counts limits; by default the shared database does
        patience: seconds for which a request waits for the database, before it goes the way that
            its limits say for that

    Raises:
        ConfigurationError: the limits cannot be read, or there is nothing to do
    """

    def __init__(
        self,
        app: App,
        *,
        store: Store | str,
        limits: str | Sequence[Limit] = (),
        keys: Literal["required", "optional", "off"] = "off",
        tenant: str = "default",
        public_keys: PublicKeys | None = None,
        except_paths: Sequence[str] = (),
        endpoint: Callable[[Scope], str] | None = None,
        cost: Callable[[Scope], int] | None = None,
        key_of: Callable[[Scope], str] | None = None,
        address_of: Callable[[Scope], str] | None = None,
        counted_for: str | None = None,
        refuse: Refuse | None = None,
        request_log: RequestLog | None = None,
        redis: str = "",
        patience: float = 0.25,
    ) -> None:
        if not limits and keys == "off":
            raise ConfigurationError("the middleware has neither limits nor keys to look at")
        self._log = request_log
        self._app = app
        self._keys = keys
        self._tenant = tenant
        self._free = [path_pattern(one) for one in except_paths]
        self._endpoint, self._cost = endpoint, cost
        self._key_of, self._address_of = key_of, address_of or _address_of
        self._refuse = refuse or _refuse
        opened = Store(store) if isinstance(store, str) else store
        self.guard = Guard(opened, public_keys=public_keys, patience=patience, redis=redis)
        self._limits = _source(limits, tenant, counted_for or tenant, opened, self.guard)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection, as ASGI says."""
        if self._log is not None and scope["type"] == "http":
            await self._log.record(self._handle, scope, receive, send)
        else:
            await self._handle(scope, receive, send)

    async def _handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, self._closing(receive), send)
            return
        path = str(scope.get("path", "/"))
        if scope["type"] not in ("http", "websocket") or any(
            one.fullmatch(path) for one in self._free
        ):
            await self._app(scope, receive, send)
            return
        try:
            refusal, fields = await self._judged(scope, path)
        except Busy:
            refusal = _problem(503, "Service unavailable", "Too many requests wait for a decision.")
            fields = [(b"retry-after", b"1")]
        if refusal is not None:
            if scope["type"] == "websocket":
                await _close(receive, send, refusal)
            else:
                await self._refuse(scope, receive, send, refusal, fields)
            return
        await self._app(scope, receive, _with_fields(send, fields))

    async def _judged(self, scope: Scope, path: str) -> tuple[dict[str, Any] | None, Fields]:
        """Return the problem of a request that is refused, and fields of the answer."""
        consumer = None
        if self._keys != "off":
            try:
                consumer, refusal = await self._verified(scope)
            except Away:
                refusal = _problem(503, "Service unavailable", "Keys cannot be verified now.")
            if refusal is not None:
                return refusal, []
        scope.setdefault("state", {})["consumer"] = consumer
        cost = 1 if self._cost is None else max(1, self._cost(scope))
        asks = (await self._limits.now()).asks(self._caller(scope, path, consumer), cost)
        if not asks:
            return None, []
        decision = await self.guard.decide(asks)
        if not decision.allowed:
            scope["state"]["refused_by"] = ", ".join(decision.refused_by)
        return (None if decision.allowed else problem_of(decision)), _encoded(decision)

    async def _verified(self, scope: Scope) -> tuple[Consumer | None, dict[str, Any] | None]:
        """Return whose key a request came with, and the refusal where it is refused."""
        given = _key_of(scope)
        if given is None:
            if self._keys == "optional":
                return None, None
            return None, _problem(401, "Unauthorized", "Send a key: Authorization: Bearer KEY.")
        if self._log is not None:
            scope.setdefault("state", {})["key_prefix"] = prefix_of(given) or ""
        found = await self.guard.verify(given)
        if found.state is KeyState.VALID and found.who and found.who.tenant == self._tenant:
            return found.who, None
        known = found.state in (KeyState.EXPIRED, KeyState.REVOKED)
        return None, _problem(
            401, "Unauthorized", f"The key is {found.state if known else KeyState.UNKNOWN}."
        )

    def _caller(self, scope: Scope, path: str, consumer: Consumer | None) -> Caller:
        own = "" if self._key_of is None else self._key_of(scope)
        return Caller(
            key=consumer.key if consumer else own,
            user=consumer.consumer if consumer else "",
            plan=consumer.plan if consumer else "",
            address=_client(self._address_of(scope)),
            method=str(scope.get("method", "GET")),
            path=path,
            endpoint=self._endpoint(scope) if self._endpoint else "",
        )

    def _closing(self, receive: Receive) -> Receive:
        async def closing() -> Message:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                # All requests are answered, and the application has not closed the database yet.
                await asyncio.to_thread(self.guard.close)
                if self._log is not None:
                    await asyncio.to_thread(self._log.close)
            return message

        return closing


def _source(
    limits: str | Sequence[Limit], tenant: str, counted_for: str, store: Store, guard: Guard
) -> FixedLimits | StoredLimits:
    if not isinstance(limits, str):
        return FixedLimits(LimitSet(limits, counted_for))
    if limits.startswith(_STORED):
        name = limits.removeprefix(_STORED).strip()
        return StoredLimits(store, guard, tenant, name, counted_for=counted_for)
    return FixedLimits(LimitSet(parse_limits(limits) if limits else (), counted_for))


def _key_of(scope: Scope) -> str | None:
    """Return the key of a request: of `Authorization: Bearer`, else of `X-API-Key`."""
    other = None
    for name, value in scope["headers"]:
        if name == b"authorization" and value[:7].lower() == b"bearer ":
            return value[7:].strip().decode("latin-1")
        if name == b"x-api-key":
            other = value.strip().decode("latin-1")
    return other


def _problem(status: int, title: str, detail: str) -> dict[str, Any]:
    return {"type": "about:blank", "title": title, "status": status, "detail": detail}


def _encoded(decision: Decision) -> Fields:
    return [(name.encode(), value.encode()) for name, value in response_fields(decision)]


def _with_fields(send: Send, fields: Fields) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] in ("http.response.start", "websocket.accept"):
            message = {**message, "headers": [*message.get("headers", ()), *fields]}
        await send(message)

    return sending if fields else send


def _address_of(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""


async def _close(receive: Receive, send: Send, body: dict[str, Any]) -> None:
    await receive()
    await send({"type": "websocket.close", "code": 1008, "reason": body["detail"][:100]})


async def _refuse(
    _scope: Scope, _receive: Receive, send: Send, body: dict[str, Any], fields: Fields
) -> None:
    status: int = body["status"]
    content = msgspec.json.encode(body)
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(content)).encode()),
        (b"cache-control", b"no-store"),
        *([(b"www-authenticate", b"Bearer")] if status == 401 else []),
        *fields,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
