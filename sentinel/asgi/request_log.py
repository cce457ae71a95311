"""Requests of an application into the request log: in batches, without ever waiting for them.

A request leaves a row in a bounded buffer; a thread sends the rows. While Sentinel is away the
buffer fills up, and what finds it full is dropped and counted: the count goes along with the next
batch. A batch keeps its id until it is answered, so that it counts once.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx
import msgspec

from sentinel.api_usage.consumer_keys import Consumer
from sentinel.api_usage.privacy import RequestPrivacy
from sentinel.errors import SentinelError, TelemetryError, TelemetryUnavailable

if TYPE_CHECKING:
    from sentinel.settings import Settings

__all__ = ["RequestLog", "RequestLogging"]

log = logging.getLogger(__name__)

ROOM = 20_000
_AT_ONCE = 5_000
_WAKE_AT = 1_000
_BETWEEN, _LONGEST_PAUSE, _STOP_WITHIN = 1.0, 30.0, 5.0
_HTTP_SECONDS = 10.0
_MOST_PATH, _MOST_HEADER = 2_000, 500
_READ = ("user-agent", "traceparent")
_FOR_GOOD = frozenset({400, 413, 422})

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
SendBatch = Callable[[Sequence[dict[str, Any]], str, int], None]
"""Sends rows, under an id, with the number of those that were dropped before them."""


class Refused(SentinelError):
    """The batch would be refused again."""


class RequestLog:
    """Collects the requests of one application.

    Args:
        send: sends a batch; raises `Refused` where it would be refused again, and another
            `SentinelError` where it may be sent again
        service: name of the API
        privacy: what leaves this process
        endpoint: names the route of a request; by default the route of Starlette or FastAPI, else
            the shape of the path
        room: rows that wait at most
        address_of: of the client, for an application that knows its proxies; that of the
            connection by default
        caller_of: `consumer`, `key` and `plan` of a request, for an application whose keys are its
            own; those that `SentinelMiddleware` found by default
        path_of: what is kept of the path, for an application whose paths hold secrets; all of it by
            default
    """

    def __init__(
        self, send: SendBatch, *, service: str = "", privacy: RequestPrivacy | None = None,
        endpoint: Callable[[Scope], str] | None = None, room: int = ROOM,
        address_of: Callable[[Scope], str] | None = None,
        caller_of: Callable[[Scope], dict[str, str]] | None = None,
        path_of: Callable[[Scope], str] | None = None,
    ) -> None:  # fmt: skip
        self._send = send
        self._service = service
        self._privacy = privacy or RequestPrivacy()
        self._endpoint = endpoint
        self._room = room
        self._address_of = address_of or _address_of
        self._caller_of = caller_of or _caller_of
        self._path_of = path_of or _path_of
        self._headers = {name.encode(): name for name in (*self._privacy.headers, *_READ)}
        self._waiting: deque[tuple[Any, ...]] = deque()
        self._says_what_fails = True
        self._batch: tuple[list[dict[str, Any]], str, int] | None = None
        self._wake = threading.Event()
        self._stopping = False
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._pause = _BETWEEN
        self.dropped = 0

    @classmethod
    def over_http(
        cls, url: str, token: str, *, tenant: str | None = None, transport: Any = None, **more: Any
    ) -> RequestLog:
        """Send to `POST /api/v1/requests`.

        Args:
            url: of Sentinel
            token: a key of Sentinel with the role responder and the scope `usage:respond`
            tenant: whose requests they are; by default the key's
            transport: of httpx, for tests
            more: as the class takes it

        Returns:
            The log.
        """
        client = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=_HTTP_SECONDS,
            transport=transport,
        )  # fmt: skip
        encoder = msgspec.json.Encoder()

        def send(rows: Sequence[dict[str, Any]], batch: str, dropped: int) -> None:
            params = {"tenant": tenant, "dropped": dropped or None}
            try:
                answer = client.post(
                    "/api/v1/requests", content=encoder.encode_lines(rows),
                    params={name: one for name, one in params.items() if one is not None},
                    headers={"Idempotency-Key": batch, "Content-Type": "application/x-ndjson"},
                )  # fmt: skip
            except httpx.HTTPError as error:
                raise SentinelError(f"{url} does not answer: {type(error).__name__}") from error
            if answer.status_code in _FOR_GOOD:
                raise Refused(f"{url} refused it: {answer.status_code} {answer.text[:200]}")
            if not answer.is_success:
                raise SentinelError(f"{url} answered {answer.status_code}")

        return cls(send, **more)

    @classmethod
    def to_store(cls, settings: Settings, *, tenant: str = "default", **more: Any) -> RequestLog:
        """Write to the telemetry store, without an API between.

        Args:
            settings: that name the telemetry store
            tenant: whose requests they are
            more: as the class takes it

        Returns:
            The log.
        """
        from sentinel.api_usage.request_log import PostedRequest
        from sentinel.clock import SystemClock
        from sentinel.ingest.requests import RequestIntake
        from sentinel.ingest.telemetry import token_of

        intake = RequestIntake(settings, SystemClock(), retain=False)

        def send(rows: Sequence[dict[str, Any]], batch: str, dropped: int) -> None:
            given = msgspec.convert(rows, list[PostedRequest])
            token = token_of(tenant, "requests by id", batch.encode())
            try:
                intake.take(tenant, given, token, refused={"dropped": dropped} if dropped else {})
            except TelemetryUnavailable:
                raise
            except TelemetryError as error:
                raise Refused(error.message) from error

        return cls(send, privacy=RequestPrivacy.of(settings), **more)

    async def record(self, app: App, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request, and leave a row about it, also where the application fails.

        Args:
            app: handles it
            scope: of ASGI
            receive: of ASGI
            send: of ASGI
        """
        began = time.perf_counter()
        at = time.time()
        status, sent, got = 0, 0, 0

        async def receiving() -> Message:
            nonlocal got
            message = await receive()
            if message["type"] == "http.request":
                got += len(message.get("body", b""))
            return message

        async def sending(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
            elif message["type"] == "http.response.body":
                sent += len(message.get("body", b""))
            await send(message)

        try:
            await app(scope, receiving, sending)
        except BaseException:
            # A server answers 500 where nothing was sent yet.
            self._add(scope, at, time.perf_counter() - began, status or 500, got, sent)
            raise
        self._add(scope, at, time.perf_counter() - began, status, got, sent)

    def _add(self, scope: Scope, at: float, took: float, status: int, got: int, sent: int) -> None:
        if len(self._waiting) >= self._room:
            with self._lock:
                self.dropped += 1
            return
        try:
            seen = self._seen(scope)
        except Exception as error:  # noqa: BLE001 - a function of the application's
            with self._lock:
                self.dropped += 1
                says, self._says_what_fails = self._says_what_fails, False
            if says:
                log.warning("requests are missing in the request log: %r", error)
            return
        self._waiting.append((*seen, at, took, status, got, sent))
        if self._thread is None:
            self.start()
        elif len(self._waiting) == _WAKE_AT and self._pause == _BETWEEN:
            self._wake.set()

    def _seen(self, scope: Scope) -> tuple[Any, ...]:
        """Return what is needed of a request: its scope would keep all that it holds in memory."""
        state: Any = scope.get("state") or {}
        query = scope.get("query_string", b"") if self._privacy.queries else b""
        headers = {
            self._headers[name]: value[:_MOST_HEADER].decode("latin-1")
            for name, value in scope.get("headers", ())
            if name in self._headers
        }
        return (
            str(scope.get("method", ""))[:20], self._path_of(scope)[:_MOST_PATH],
            query[:_MOST_PATH].decode("latin-1"), headers, self._address_of(scope)[:200],
            self._caller_of(scope), str(state.get("refused_by", ""))[:200],
            str(state.get("key_prefix", ""))[:200],
            (self._endpoint(scope) if self._endpoint else _route_of(scope))[:200],
        )  # fmt: skip

    def start(self) -> None:
        """Send in a thread from now on; the first request starts it by itself."""
        with self._lock:
            if self._thread is None and not self._stopping:
                self._thread = threading.Thread(target=self._run, name="request log", daemon=True)
                self._thread.start()

    def turn(self) -> bool:
        """Send a batch; one that cannot be sent is kept, and sent under the same id again.

        Returns:
            Whether more rows wait, and can be sent.
        """
        batch = self._batch = self._batch or self._next()
        if batch is None:
            return False
        try:
            self._send(*batch)
        except Refused as error:
            self._refused(batch, error)
        except SentinelError as error:
            self._failed("cannot be sent, trying again", error)
            return False
        except Exception as error:  # noqa: BLE001 - no batch may end the thread, or come for ever
            self._refused(batch, error)
        else:
            self._pause = _BETWEEN
        self._batch = None
        return self._pause == _BETWEEN and len(self._waiting) > 0

    def close(self) -> None:
        """Send what waits, for some seconds, and end the thread."""
        with self._lock:
            self._stopping = True
            thread, self._thread = self._thread, None
        self._wake.set()
        if thread is not None:
            thread.join(_STOP_WITHIN)

    def _next(self) -> tuple[list[dict[str, Any]], str, int] | None:
        waiting = [self._waiting.popleft() for _ in range(min(_AT_ONCE, len(self._waiting)))]
        if not waiting:
            return None
        with self._lock:
            dropped, self.dropped = self.dropped, 0
        return [self._row(*one) for one in waiting], secrets.token_hex(16), dropped

    def _row(
        self, method: str, path: str, query: str, headers: dict[str, str], address: str,
        caller: dict[str, str], refused_by: str, key_prefix: str, route: str,
        at: float, took: float, status: int, got: int, sent: int,
    ) -> dict[str, Any]:  # fmt: skip
        row: dict[str, Any] = {
            "timestamp": datetime.fromtimestamp(at, UTC).isoformat(), "service": self._service,
            "method": method,
            "path": self._privacy.path(f"{path}?{query}" if query else path)[:_MOST_PATH],
            "endpoint": route, "status": status, "duration_ms": round(took * 1_000, 3),
            "request_bytes": got, "response_bytes": sent,
            "address": self._privacy.address(address),
            "user_agent": headers.get("user-agent", "")[:400],
            "trace_id": _trace_id(headers.get("traceparent", "")),
            "refused_by": refused_by,
            "headers": dict(self._privacy.headers_of(headers)),
            "key_prefix": key_prefix,
        }  # fmt: skip
        return row | caller

    def _refused(self, batch: tuple[list[dict[str, Any]], str, int], error: Exception) -> None:
        number = len(batch[0]) + batch[2]
        with self._lock:
            self.dropped += number
        self._failed(f"are refused, and {number:,} are dropped", error)

    def _failed(self, what: str, error: Exception) -> None:
        """Wait longer, and say so the first time."""
        if self._pause == _BETWEEN:
            log.warning("requests for the request log %s: %s", what, error)
        self._pause = min(_LONGEST_PAUSE, self._pause * 2)

    def _run(self) -> None:
        while not self._stopping:
            self._wake.wait(self._pause)
            self._wake.clear()
            while self.turn() and not self._stopping:
                pass
        while self.turn():
            pass


class RequestLogging:
    """Middleware that only writes the request log, for any ASGI application.

    Args:
        app: the application
        request_log: where its requests go
    """

    def __init__(self, app: App, request_log: RequestLog) -> None:
        self._app = app
        self._log = request_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection, as ASGI says."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        await self._log.record(self._app, scope, receive, send)


def _route_of(scope: Scope) -> str:
    # The route of a router that FastAPI includes under a prefix has the part after it alone: what
    # the path has before that is put in front, with parameters of the prefix by their names.
    template = getattr(scope.get("route"), "path", None)
    if not isinstance(template, str):
        return ""
    path = str(scope.get("path", ""))
    if ":path}" in template:
        before = path[: max(0, path.find(template.partition("{")[0]))]
    else:
        parts = path.split("/")
        before = "/".join(parts[: len(parts) - template.count("/")])
    if before:
        names = {str(value): name for name, value in scope.get("path_params", {}).items()}
        before = "/".join(f"{{{names[one]}}}" if one in names else one for one in before.split("/"))
    return before + template


def _path_of(scope: Scope) -> str:
    return str(scope.get("path", "/"))


def _address_of(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""


def _caller_of(scope: Scope) -> dict[str, str]:
    state: Any = scope.get("state") or {}
    consumer = state.get("consumer")
    if not isinstance(consumer, Consumer):  # none, or the application's own
        return {}
    return {
        "consumer": consumer.consumer[:200], "key": consumer.key[:200],
        "plan": (consumer.plan or "")[:200],
    }  # fmt: skip


def _trace_id(traceparent: str) -> str:
    """Return the trace id of the header `traceparent` of W3C; empty without one."""
    parts = traceparent.split("-")
    return parts[1] if len(parts) >= 4 and len(parts[1]) == 32 else ""
