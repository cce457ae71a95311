"""The dashboard's own login, before Streamlit: who has no session gets the login page.

Streamlit cannot set an HttpOnly cookie, and its connection, once open, does not notice that a
login ended. This middleware does both: it answers the login's addresses, asks the database for the
session with every request, and closes a connection at the first message after its session ended.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, quote

import anyio
import msgspec
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.bounded_threads import BoundedThreads, Busy
from dashboard.login_page import local_target, login_page, stopped_page
from dashboard.sign_in import SignIn
from sentinel.access.cookies import COOKIE, came_by_tls, ended_cookie, is_own_write, session_cookie
from sentinel.errors import ConfigurationError, Conflict, DatabaseError, SentinelError
from sentinel.printable import printable
from sentinel.store.access.logins import Refused
from sentinel.store.access.sessions import FoundSession

__all__ = ["SESSION", "LoginGate"]

STATE = "sentinel_oidc"
"""The cookie that ties a login at a provider to the browser that began it."""
SESSION = "sentinel.session"
"""Where the scope of a request has the session that it belongs to."""
LOGINS_AT_ONCE, LOGINS_WAITING = 2, 30
"""Passwords that are verified at once, and those that may wait for it."""
OUTSIDE_AT_ONCE, OUTSIDE_WAITING = 4, 60
"""Requests that wait for an OIDC provider at once, and those that may wait for their turn."""
MOST_BYTES = 16 * 1024
"""The longest form that is read."""
OPEN = ("static/", "app/static/", "_stcore/health", "favicon")
"""What is served to everybody: files that hold nothing of this instance, and whether it runs."""
ENDED = 1008
"""WebSocket's code for a policy that was violated."""
_PAGE = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; font-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
}


class LoginGate:
    """Middleware before the live API and Streamlit.

    Args:
        app: the rest
        path: returns the folder of the login's addresses, as `/sentinel`
        base: returns the dashboard's base path, without slashes around it
        sign_in: returns what logs people in; None where a login proxy names them
        public_url: returns where people open the dashboard, to know whether they come by TLS and
            which forms are the dashboard's own
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        path: Callable[[], str],
        base: Callable[[], str],
        sign_in: Callable[[], SignIn | None],
        public_url: Callable[[], str] = str,
    ) -> None:
        self._app = app
        self._path = path
        self._base = base
        self._sign_in = sign_in
        self._public_url = public_url
        self._threads: anyio.CapacityLimiter | None = None
        self._logins = BoundedThreads(LOGINS_AT_ONCE, LOGINS_WAITING)
        self._providers = BoundedThreads(OUTSIDE_AT_ONCE, OUTSIDE_WAITING)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or one websocket."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        try:
            sign_in: SignIn | None = await self._in_thread(self._sign_in)
        except SentinelError as error:
            await self._refuse(scope, receive, send, error)
            return
        if sign_in is None:
            await self._app(scope, receive, send)
            return
        secret = HTTPConnection(scope).cookies.get(COOKIE, "")
        if scope["type"] == "websocket":
            await self._connect(sign_in, secret, scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            answer = await self._answer(sign_in, secret, request)
        except DatabaseError as error:
            answer = self._down(request, error)
        except Busy:
            words = "Too many people log in at once. Try again in some seconds."
            answer = self._login(sign_in, status=503, note=words)
            answer.headers["retry-after"] = "5"
        if answer is None:
            await self._app(scope, receive, send)
        else:
            await answer(scope, receive, send)

    async def _answer(self, sign_in: SignIn, secret: str, request: Request) -> Response | None:
        """Return what this middleware answers itself; None for what it passes on."""
        if self._is_open(request) or not await self._in_thread(sign_in.is_on):
            return None
        found: FoundSession | None = await self._in_thread(sign_in.session, secret)
        folder, _, name = request.url.path.rpartition("/")
        if folder == self._path() and name in ("oidc", "oidc-callback") and sign_in.oidc:
            return await self._outside(sign_in, name, request)
        if folder == self._path() and name in ("login", "logout"):
            if not is_own_write(request.method, request.headers, self._public_url()):
                who = None if found is None else found.principal
                address = _address(sign_in, request)
                sign_in.refusals.of_other_site("dashboard", f"POST {name}", address, who)
                return self._login(sign_in, status=403, note=_foreign(request))
            if name == "logout":
                return await self._log_out(sign_in, found, request)
            if request.method == "POST":
                return await self._log_in(sign_in, request)
            target = local_target(request.query_params.get("next", ""), self._base())
            return self._to(target) if found is not None else self._login(sign_in, target=target)
        if found is not None:
            request.scope[SESSION] = found
            return None
        if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
            query = f"?{request.url.query}" if request.url.query else ""
            return self._to(f"{self._path()}/login?next={quote(request.url.path + query, safe='')}")
        return _json(401, "you are no longer signed in: load the page again")

    async def _log_in(self, sign_in: SignIn, request: Request) -> Response:
        if self._logins.are_full:  # the form need not be read
            raise Busy
        try:
            form = await _form(request)
        except (ValueError, ClientDisconnect):
            return self._login(sign_in, status=400, note="This form cannot be read. Try again.")
        name, target = form.get("name", ""), local_target(form.get("next", ""), self._base())
        address = _address(sign_in, request)
        begun = await self._logins.run(sign_in.log_in, name, form.get("password", ""), address)
        if isinstance(begun, Refused):
            return self._login(
                sign_in, status=401 if begun.verified else 429, target=target,
                name=printable(name[:100]), wrong=begun.verified, wait=begun.wait,
            )  # fmt: skip
        answer = self._to(target)
        answer.headers["set-cookie"] = session_cookie(
            begun.secret, sign_in.lifetime.absolute, secure=self._secure(request)
        )
        return answer

    async def _outside(self, sign_in: SignIn, name: str, request: Request) -> Response:
        """Send a browser to the OIDC provider, or log in whom the provider sent back."""
        secure = self._secure(request)
        given = request.query_params
        try:
            if name == "oidc" and sign_in.oidc is not None:
                target = local_target(given.get("next", ""), self._base())
                started = await self._providers.run(sign_in.oidc.start, target)
                answer = self._to(started.url)
                answer.headers["set-cookie"] = _state_cookie(started.cookie, 600, secure=secure)
                return answer
            if "error" in given:
                raise ConfigurationError("the provider did not log you in", hint="Try again.")
            cookie = request.cookies.get(STATE, "")
            begun, target = await self._providers.run(
                sign_in.come_back, given.get("code", ""), given.get("state", ""), cookie,
                _address(sign_in, request),
            )  # fmt: skip
        except (ConfigurationError, Conflict) as error:
            words = printable(str(error))
            return self._login(sign_in, status=401, note=f"{words[:1].upper()}{words[1:]}")
        answer = self._to(local_target(target, self._base()))
        length = sign_in.lifetime.absolute
        answer.headers.append("set-cookie", session_cookie(begun.secret, length, secure=secure))
        answer.headers.append("set-cookie", _state_cookie("", 0, secure=secure))
        return answer

    async def _log_out(
        self, sign_in: SignIn, found: FoundSession | None, request: Request
    ) -> Response:
        if request.method != "POST":
            return self._to(local_target("", self._base()))
        if found is not None:
            await self._in_thread(sign_in.end, found.id)
        answer = self._to(f"{self._path()}/login")
        answer.headers["set-cookie"] = ended_cookie(secure=self._secure(request))
        return answer

    async def _connect(
        self, sign_in: SignIn, secret: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        if not await self._is_let_in(sign_in, secret):
            await receive()  # the request to connect
            await send({"type": "websocket.close", "code": ENDED})
            return

        async def checked() -> Message:
            message = await receive()
            if message["type"] != "websocket.receive" or await self._is_let_in(sign_in, secret):
                return message
            await send({"type": "websocket.close", "code": ENDED})
            return {"type": "websocket.disconnect", "code": ENDED}

        await self._app(scope, checked, send)

    async def _is_let_in(self, sign_in: SignIn, secret: str) -> bool:
        """Return whether a connection may go on: also one that began before the first account."""
        try:
            if not await self._in_thread(sign_in.is_on):
                return True
            found: FoundSession | None = await self._in_thread(sign_in.session, secret)
        except DatabaseError:
            return False
        return found is not None

    def _login(self, sign_in: SignIn, status: int = 200, **said: Any) -> Response:
        said.setdefault("provider", sign_in.provider)
        said.setdefault("target", local_target("", self._base()))
        return Response(login_page(self._path(), **said), status, _PAGE, "text/html")

    async def _refuse(
        self, scope: Scope, receive: Receive, send: Send, error: SentinelError
    ) -> None:
        """Let nobody in where the settings or the database do not say who may log in."""
        if scope["type"] == "websocket":
            await receive()  # the request to connect
            await send({"type": "websocket.close", "code": ENDED})
            return
        await self._down(Request(scope, receive), error)(scope, receive, send)

    def _down(self, request: Request, error: SentinelError) -> Response:
        if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
            database = isinstance(error, DatabaseError)
            title = "The database does not answer" if database else "Nobody can log in"
            page = stopped_page(self._path(), title, f"Nobody can be signed in now: {error}",
                                signed_in=False)  # fmt: skip
            return Response(page, 503, _PAGE, "text/html")
        return _json(503, str(error))

    def _is_open(self, request: Request) -> bool:
        home = f"/{self._base()}/" if self._base() else "/"
        return request.url.path.removeprefix(home).startswith(OPEN)

    def _secure(self, request: Request) -> bool:
        return came_by_tls(request.url.scheme, request.headers, self._public_url())

    def _to(self, target: str) -> Response:
        return RedirectResponse(target, 303, {"cache-control": "no-store"})

    async def _in_thread(self, work: Callable[..., Any], *given: Any) -> Any:
        if self._threads is None:
            self._threads = anyio.CapacityLimiter(16)
        return await anyio.to_thread.run_sync(work, *given, limiter=self._threads)


def _json(status: int, why: str) -> Response:
    headers = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
    return Response(msgspec.json.encode({"error": why}), status, headers, "application/json")


def _address(sign_in: SignIn, request: Request) -> str:
    peer = "" if request.client is None else request.client.host
    return sign_in.address_of(peer, request.headers.getlist("x-forwarded-for"))


def _foreign(request: Request) -> str:
    """Return why a form is refused: another site sent it, or a proxy hides which one did."""
    words = "This form came from another site. Open the dashboard itself and try again."
    if "sec-fetch-site" in request.headers or not request.headers.get("origin"):
        return words
    return (
        f"{words} Where this is the dashboard itself, the proxy before it must pass the header "
        "Host on, or SENTINEL_DASHBOARD_URL must be the address that people open."
    )


def _state_cookie(sealed: str, seconds: int, *, secure: bool) -> str:
    flags = "; Secure" if secure else ""
    return f"{STATE}={sealed}; Max-Age={seconds}; Path=/; HttpOnly; SameSite=Lax{flags}"


async def _form(request: Request) -> dict[str, str]:
    """Return the fields of a form; ValueError for one that is too long or not UTF-8."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_BYTES:
            raise ValueError("the form is too long")
    pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=10, errors="strict")
    return dict(pairs)
