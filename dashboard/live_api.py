"""The HTTP routes beside Streamlit: heart-beats, rows and commands without running a page's script.

Streamlit shows the pages. A page that is open asks here what changed, and sends what somebody does
to `Commands`, as the pages' own forms do. Every request carries the token that its page was given
(`page_tokens`), so that whom Streamlit keeps out is kept out here, and acts as the same person.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import anyio
import msgspec
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from dashboard import identity, page_tokens
from dashboard.commands import Commands
from dashboard.live_filter import View
from dashboard.login_gate import SESSION
from dashboard.push_routes import MOST_PUSH_BYTES, change_push, push_state
from dashboard.refusals import Refusals
from dashboard.remediation_commands import DecideRemediation
from dashboard.response_cache import CachedRows, ResponseCache
from sentinel.access import Permission, Principal
from sentinel.access import Scope as Reachable
from sentinel.errors import ConfigurationError, SentinelError
from sentinel.store.access.sessions import FoundSession
from sentinel.store.notifications.push_subscriptions import PushSubscriptions

__all__ = ["LiveApi"]

MOST_BYTES = 4 * 1024 * 1024
"""The longest request body that is read."""
_MOST_DECISION_BYTES = 4096
AT_ONCE = 8
"""Threads that answer requests."""
T = TypeVar("T")
HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


class _ActRequest(msgspec.Struct, frozen=True):
    """Commands, and the view whose rows the page wants back with the answers."""

    commands: list[dict[str, Any]]
    view: dict[str, Any] | None = None


class _Refused(Exception):
    """A request that is not answered.

    Args:
        status: HTTP's
        why: for people, as the browser shows it
    """

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status
        self.why = why


class LiveApi:
    """Middleware before Streamlit.

    Args:
        app: Streamlit's
        path: returns the folder of the routes, as `/sentinel`
        responses: returns the cache; called when a page asks, as the store is open only then
        commands: returns what carries out commands
        proxy_user: returns whom a login proxy names; None where no proxy is configured; raises a
            ConfigurationError where it names nobody
        renew_login: called with each person that the proxy named and the session whose page asked
        refusals: records requests that another site sent
        push: returns the browsers that people subscribed; None where none can be
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        path: Callable[[], str],
        responses: Callable[[], ResponseCache],
        commands: Callable[[], Commands],
        proxy_user: Callable[[Headers], str | None] = lambda _: None,
        renew_login: Callable[[str, str], None] = lambda _person, _session: None,
        refusals: Callable[[], Refusals] = Refusals,
        push: Callable[[], PushSubscriptions] | None = None,
    ) -> None:
        self._push = push
        self._refusals = refusals
        self._app = app
        self._path = path
        self._responses = responses
        self._commands = commands
        self._proxy_user = proxy_user
        self._renew_login = renew_login
        self._running: dict[object, asyncio.Future[Any]] = {}
        self._threads: anyio.CapacityLimiter | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer requests for the routes; pass all others on to Streamlit."""
        folder, _, name = scope.get("path", "").rpartition("/")
        if scope["type"] != "http" or folder != self._path():
            await self._app(scope, receive, send)
            return
        try:
            answer = await self._answer(name, Request(scope, receive))
        except _Refused as refused:
            body = msgspec.json.encode({"error": refused.why})
            answer = Response(body, refused.status, HEADERS, "application/json")
        await answer(scope, receive, send)

    def _authorise(self, request: Request) -> Principal:
        """Return who acts: the holder of the page's token, while they are signed in."""
        # Browsers say which site a request comes from; other clients need the token all the same.
        foreign = request.headers.get("sec-fetch-site", "same-origin") != "same-origin"
        holder = page_tokens.holder(request.headers.get(page_tokens.HEADER, ""))
        if foreign:
            session = request.scope.get(SESSION)
            who = session.principal if isinstance(session, FoundSession) else None
            route = f"{request.method} {request.url.path.rpartition('/')[2]}"
            self._refusals().of_other_site("live", route, "", who)
        if holder is None or foreign:
            raise _Refused(403, "this server did not issue the page's token: load the page again")
        try:
            person = self._proxy_user(request.headers)
        except ConfigurationError as error:
            raise _Refused(401, f"{error.message}. {error.hint}") from error
        session: FoundSession | None = request.scope.get(SESSION)
        if session is not None:
            person = session.principal.name
        if person not in (None, holder.actor):  # somebody else signed in since the page was shown
            raise _Refused(401, f"this page belongs to {holder.actor}: load it again as {person}")
        if session is not None:
            return session.principal
        if person is not None:
            self._renew_login(person, holder.session)
        return identity.unconfined(holder.actor, proxied=person is not None)

    async def _answer(self, name: str, request: Request) -> Response:
        who = self._authorise(request)
        actor, scope = who.name, who.scope(Permission.READ)
        match request.method, name:
            case "GET", "beat":
                responses = self._responses()
                body = responses.cached_beat(scope)
                body = body or await self._once(("beat", scope), lambda: responses.beat(scope))
                return _json(body)
            case "GET", "rows":
                return await self._rows(request, actor, scope)
            case "GET", "alert":
                wanted = request.query_params.get("id", "")
                alert = await self._once(
                    ("alert", wanted, scope), lambda: self._responses().alert(wanted, scope)
                )
                return _json(msgspec.json.encode(alert | {"me": actor}))
            case "POST", "act":
                return await self._act(request, who)
            case "POST", "remediation":
                body = await _body(request, _MOST_DECISION_BYTES)
                return await self._in_thread(lambda: self._decided(body, who))
            case ("GET" | "POST" | "DELETE") as method, "push" if self._push is not None:
                browsers = self._push()
                if method == "GET":
                    named = request.query_params.get("id", "")
                    return await self._in_thread(lambda: push_state(browsers, actor, named))
                body = await _body(request, MOST_PUSH_BYTES)
                return await self._in_thread(lambda: change_push(browsers, actor, method, body))
            case _:
                raise _Refused(404, f"there is no {request.method} {name}")

    async def _rows(self, request: Request, actor: str, scope: Reachable) -> Response:
        view = View.read(dict(request.query_params))
        responses, number = self._responses(), _whole(request.query_params.get("number"))
        rows = responses.cached_rows(view, actor, scope, number)
        if rows is None:
            key = (view, actor, scope)
            rows = await self._once(key, lambda: responses.rows(view, actor, scope))
            if rows.number < number:  # a read for somebody else may have begun before the change
                rows = await self._once(key, lambda: responses.rows(view, actor, scope))
        if rows.tag in request.headers.get("if-none-match", ""):  # a proxy may have marked it weak
            return Response(status_code=304, headers={**HEADERS, **_version(rows)})
        packed = "gzip" in request.headers.get("accept-encoding", "")
        coding = {"content-encoding": "gzip"} if packed else {}
        return _json(rows.packed if packed else rows.plain, **_version(rows), **coding)

    async def _act(self, request: Request, who: Principal) -> Response:
        words = "these are too many alerts for one command: select fewer"
        body = await _body(request, MOST_BYTES, words)
        try:
            asked = msgspec.json.decode(body, type=_ActRequest)
        except msgspec.MsgspecError as error:
            raise _Refused(400, f"the body is not a list of commands: {error}") from error
        return await self._in_thread(lambda: self._acted(asked, who))

    def _acted(self, asked: _ActRequest, who: Principal) -> Response:
        responses = self._responses()
        answers = self._commands().run_all(asked.commands, lambda: who)
        responses.expire()
        head = msgspec.json.encode({"answers": answers})
        if asked.view is None:
            return _json(head)
        rows = responses.rows(View.read(asked.view), who.name, who.scope(Permission.READ))
        return _json(b"".join((head[:-1], b",", rows.plain[1:])), **_version(rows))

    def _decided(self, body: bytes, who: Principal) -> Response:
        """Approve or reject a remediation, and say how it stands, or why that is refused."""
        try:
            given = msgspec.json.decode(body)
            done = self._commands().run(DecideRemediation, given, lambda: who)
        except msgspec.MsgspecError as error:
            raise _Refused(400, f"the body is no decision: {error}") from error
        except SentinelError as error:
            return _json(msgspec.json.encode({"error": str(error)}))
        self._responses().expire()
        return _json(msgspec.json.encode({"error": "", "status": done.status}))

    async def _once(self, key: object, work: Callable[[], T]) -> T:
        """Run `work` in a thread, once for all requests of the same key that come meanwhile."""
        running = self._running.get(key)
        if running is None:
            running = asyncio.ensure_future(self._in_thread(work))
            self._running[key] = running
            running.add_done_callback(lambda _: self._running.pop(key, None))
        return await asyncio.shield(running)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        if self._threads is None:
            self._threads = anyio.CapacityLimiter(AT_ONCE)
        return await anyio.to_thread.run_sync(work, limiter=self._threads)


async def _body(request: Request, most: int, too_long: str = "this is too long") -> bytes:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > most:
            raise _Refused(413, too_long)
    return bytes(body)


def _version(rows: CachedRows) -> dict[str, str]:
    return {"etag": f'"{rows.tag}"', "x-sentinel-number": str(rows.number)}


def _whole(given: str | None) -> int:
    return int(given) if given and given.isdecimal() and len(given) < 19 else 0


def _json(body: bytes, **headers: str) -> Response:
    return Response(body, headers={**HEADERS, **headers}, media_type="application/json")
