"""Status pages and their Atom feeds as the flow wrote them, for everybody or by a token.

The token of a private page is sent in a form and kept in a cookie of that page alone, or sent as
`Authorization: Bearer`; it is in no address. Where there is no page, the answer is that of a
private one, so that nobody learns which names there are.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from sentinel.access.client_address import client_address, one_client
from sentinel.public_pages.html import HEADERS
from sentinel.services.status_html import STALE, STYLE_HASH, ask_token, stale_notice
from sentinel.serving.client_limits import ClientLimits
from sentinel.store import Store
from sentinel.store.services.status_pages import ServedPage, StatusPages

__all__ = ["StatusPageServer"]

_FRESH_SECONDS = 3.0
"""A page that was read so short ago is not read again."""
_STALE_SECONDS = 300.0
_MOST_KEPT = 200
_COOKIE = "sentinel_status"
_COOKIE_SECONDS = 30 * 24 * 3600
_MOST_BYTES = 2_000
_STYLED = {
    **HEADERS,
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
}


class StatusPageServer:
    """The status pages of one instance.

    Args:
        store: the shared database
        guesses: how often one client may send a token that opens nothing
        trusted: proxies whose word on the client's address counts
        secure: whether the pages are reached by https, so that cookies are sent by it alone
        path: of the public address, below which the pages are
    """

    def __init__(
        self, store: Store, guesses: ClientLimits, trusted: Sequence[IPv4Network | IPv6Network],
        *, secure: bool, path: str,
    ) -> None:  # fmt: skip
        self._store = store
        self._pages = StatusPages(store)
        self._guesses = guesses
        self._trusted = list(trusted)
        self._secure, self._path = secure, path
        self._kept: dict[str, tuple[float, ServedPage]] = {}
        # Apart, so that whoever asks for names that are none makes no page be read again.
        self._missing: dict[str, float] = {}

    async def page(self, request: Request) -> Response:
        """Show a page; a POST with its token opens a private one."""
        name: str = request.path_params["name"]
        found = await self._found(name)
        if request.method == "POST":
            return await self._opened(request, name, found)
        if found is None or not _may_read(request, found):
            return self._without_right(request) or HTMLResponse(
                ask_token(wrong=False), 401, _STYLED
            )
        old = (self._store.now() - found.written_at).total_seconds() > _STALE_SECONDS
        html = found.html.replace(STALE, stale_notice(found.written_at) if old else "", 1)
        return HTMLResponse(html, headers=_headers(found))

    async def feed(self, request: Request) -> Response:
        """Show the Atom feed of a page."""
        name: str = request.path_params["name"]
        found = await self._found(name)
        if found is None or not _may_read(request, found):
            wait = self._without_right(request)
            return wait or _said("Send the token of the page: Authorization: Bearer.", 401)
        return Response(found.feed, headers=_headers(found), media_type="application/atom+xml")

    async def _opened(self, request: Request, name: str, found: ServedPage | None) -> Response:
        """Answer the form of a private page; the cookie that it sets is of this page alone."""
        if (wait := self._refused(request)) is not None:
            return wait
        token = await _token_of(request)
        if found is None or found.public or not found.opens(token):
            return HTMLResponse(ask_token(wrong=True), 401, _STYLED)
        answer = Response(
            status_code=303, headers={**_STYLED, "Location": f"{self._path}/status/{name}"}
        )
        answer.set_cookie(
            _COOKIE, token, max_age=_COOKIE_SECONDS, path=f"{self._path}/status/{name}",
            secure=self._secure, httponly=True, samesite="strict",
        )  # fmt: skip
        return answer

    async def readable(self, request: Request, name: str) -> Response | None:
        """Return the answer to whoever may not read a page; None for whoever may."""
        found = await self._found(name)
        if found is not None and _may_read(request, found):
            return None
        return self._without_right(request) or HTMLResponse(ask_token(wrong=False), 401, _STYLED)

    def client(self, request: Request) -> str:
        """Return the address of a client, as proxies that are trusted say."""
        peer = "" if request.client is None else request.client.host
        forwarded = request.headers.getlist("x-forwarded-for")
        return one_client(client_address(peer, forwarded, self._trusted))

    async def _found(self, name: str) -> ServedPage | None:
        """Return a page, and remember for a moment also that there is none."""
        there = self._kept.get(name)
        if there is not None and time.monotonic() - there[0] < _FRESH_SECONDS:
            return there[1]
        if time.monotonic() - self._missing.get(name, -math.inf) < _FRESH_SECONDS:
            return None
        found = await run_in_threadpool(self._pages.served, name)
        self._kept.pop(name, None)
        self._missing.pop(name, None)
        kept = self._missing if found is None else self._kept
        if len(kept) >= _MOST_KEPT:
            kept.clear()
        if found is None:
            self._missing[name] = time.monotonic()
        else:
            self._kept[name] = time.monotonic(), found
        return found

    def _without_right(self, request: Request) -> Response | None:
        """Count a request whose token is wrong; None where it may be answered."""
        given = request.cookies.get(_COOKIE, "") or request.headers.get("authorization", "")
        # Without a token it learns nothing: not even whether there is such a page.
        return self._refused(request) if given else None

    def _refused(self, request: Request) -> Response | None:
        """Count a request without a right to what it asks for; None where it may be answered."""
        wait = self._guesses.wait(self.client(request))
        if not wait:
            return None
        return _said("Too many requests.", 429, {"Retry-After": str(math.ceil(wait))})


def _may_read(request: Request, found: ServedPage) -> bool:
    if found.public:
        return True
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    given = [request.cookies.get(_COOKIE, "")]
    given += [token.strip()] if scheme.lower() == "bearer" else []
    return any(one and found.opens(one) for one in given)


async def _token_of(request: Request) -> str:
    """Return the token of a form; empty where it has none or is too long."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _MOST_BYTES:
            return ""
    try:
        return dict(parse_qsl(body.decode(), max_num_fields=10)).get("token", "").strip()
    except ValueError:  # of which UnicodeDecodeError is one
        return ""


def _headers(found: ServedPage) -> dict[str, str]:
    """Return headers: a public page may be kept for a quarter of a minute, and found by search."""
    if not found.public:
        return _STYLED
    shown = {name: text for name, text in _STYLED.items() if name != "X-Robots-Tag"}
    return {**shown, "Cache-Control": "public, max-age=15"}


def _said(text: str, status: int, more: dict[str, str] | None = None) -> Response:
    return PlainTextResponse(text, status, {**HEADERS, **(more or {})})
