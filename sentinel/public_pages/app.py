"""The application of the public pages: acknowledge links, keys pressed in calls, feeds, status,
and the pages of consumers of an API, who alone log in here.

GET and HEAD show and change nothing, since scanners of mail follow links; POST acts. Errors and
logs name neither the token nor the path that has it.
"""

from __future__ import annotations

import logging
import math
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from urllib.parse import urlsplit

from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from sentinel.access.client_address import client_address, networks_of, one_client
from sentinel.alerts.actions import ActionResult
from sentinel.audit.origin import Origin
from sentinel.engine.log_levels import LogLevelWatch
from sentinel.errors import DatabaseError
from sentinel.host_guard import HostGuard
from sentinel.links import public_address
from sentinel.notifications.twiml import say
from sentinel.public_pages.actors import people_asked, recorded
from sentinel.public_pages.calendars import CalendarPages
from sentinel.public_pages.calls import AuthTokens, Calls, done_in_words
from sentinel.public_pages.consumers import ConsumerPages
from sentinel.public_pages.feeds import WebFeedPages
from sentinel.public_pages.forms import body_of, field_of, form_of
from sentinel.public_pages.html import HEADERS, MOST_NOTE, link_page, notice
from sentinel.public_pages.incidents import opened_in_words
from sentinel.public_pages.status import StatusPageServer
from sentinel.public_pages.subscriptions import SubscriptionPages
from sentinel.serving.client_limits import ClientLimits
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.notifications.acknowledge_links import AcknowledgeLinks, Link, LinkTokens

__all__ = ["create_app"]

_log = logging.getLogger(__name__)
_Answer = Callable[[Request], Awaitable[Response]]


def create_app(
    settings: Settings,
    *,
    store: Store | None = None,
    guesses: ClientLimits | None = None,
    uses: ClientLimits | None = None,
    sign_ups: ClientLimits | None = None,
    auth_token: Callable[[str], str | None] | None = None,
) -> Starlette:
    """Build the application.

    Args:
        settings: of the process
        store: the database; by default opened from the settings, and closed at shutdown
        guesses: how often clients may ask with what is no token of a link; by default as the
            product has it
        uses: how often a link may be used, and all of them together; guesses take nothing from it
        sign_ups: how often somebody may ask for the updates of a status page
        auth_token: returns the auth token of a block that calls; asks Prefect by default

    Returns:
        The application, ready to be served.

    Raises:
        ConfigurationError: SENTINEL_PUBLIC_URL is no address of a web page
    """
    public = public_address(settings)
    address = urlsplit(public)
    opened = store or Store.of(settings, origin=Origin("link", "link"))

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        watch = LogLevelWatch(opened) if store is None else None
        if watch is not None:
            watch.start()
        try:
            yield
        finally:
            if watch is not None:
                watch.stop()
                opened.close()

    calls = Calls(opened, auth_token or AuthTokens(settings).of, public)
    limits = guesses or ClientLimits(), uses or ClientLimits()
    pages = _Pages(settings, opened, calls, limits)
    proxies = networks_of(settings.trusted_proxies)
    calendars = CalendarPages(opened, limits, proxies)
    feeds = WebFeedPages(opened, limits, proxies)
    status = StatusPageServer(
        opened, limits[0], proxies, secure=address.scheme == "https", path=address.path.rstrip("/")
    )
    subscriptions = SubscriptionPages(opened, status, limits, sign_ups)
    consumers = ConsumerPages(
        settings, opened, proxies, secure=address.scheme == "https", path=address.path.rstrip("/")
    )
    # A proxy may leave out the path of the public address, or pass it on.
    routes = [
        route
        for prefix in dict.fromkeys(("", address.path))
        for route in (
            Route(f"{prefix}/ack/{{token}}", pages.link, methods=["GET", "HEAD", "POST"]),
            Route(f"{prefix}/call/{{token}}", pages.call, methods=["POST"]),
            Route(f"{prefix}/feed/{{token}}.{{ending}}", feeds.show, methods=["GET", "HEAD"]),
            Route(f"{prefix}/calendar/{{token}}.ics", calendars.show, methods=["GET", "HEAD"]),
            Route(
                f"{prefix}/consumers/{{tenant}}", consumers.page, methods=["GET", "HEAD", "POST"]
            ),
            Route(f"{prefix}/status/{{name}}", status.page, methods=["GET", "HEAD", "POST"]),
            Route(f"{prefix}/status/{{name}}/feed.atom", status.feed, methods=["GET", "HEAD"]),
            Route(f"{prefix}/status/{{name}}/subscribe", subscriptions.ask, methods=["POST"]),
            Route(
                f"{prefix}/subscription/{{token}}",
                subscriptions.link,
                methods=["GET", "HEAD", "POST"],
            ),
        )
    ]
    further = (one.strip().lower() for one in settings.allowed_hosts.split(","))
    allowed = frozenset(filter(None, (address.hostname, "localhost", *further)))
    app = Starlette(
        routes=[Route("/health", _health), *routes],
        middleware=[Middleware(HostGuard, allowed=allowed, refusal=_refuse_host)],
        exception_handlers={
            404: _nothing_here,
            405: _nothing_here,
            500: _broken,
            SQLAlchemyError: _unavailable,
            DatabaseError: _unavailable,
        },
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False  # such an answer would name the token
    return app


class _Pages:
    """The pages of one instance."""

    def __init__(
        self, settings: Settings, store: Store, calls: Calls,
        limits: tuple[ClientLimits, ClientLimits],
    ) -> None:  # fmt: skip
        self._store = store
        self._links = AcknowledgeLinks(store)
        self._calls = calls
        self._tokens = LinkTokens(store)
        self._guesses, self._uses = limits
        self._trusted = networks_of(settings.trusted_proxies)

    async def link(self, request: Request) -> Response:
        """Show what a link covers, and acknowledge it where the request is a POST."""
        if wait := await self._wait(request):
            page = notice("Too many requests", "Wait a moment, then open the link again.")
            return _page(page, 429, {"Retry-After": str(math.ceil(wait))})
        token: str = request.path_params["token"]
        link = await run_in_threadpool(self._links.find, token)
        if link is None:
            return _page(_UNKNOWN, 404)
        if link.expired:
            return _page(_EXPIRED, 410)
        if request.method != "POST":
            return _page(await self._shown(link))
        form = form_of(await body_of(request))
        note = None if form is None else _note(form)
        if form is None or note is None:
            return _page(notice("Not understood", "Open the link again, and use its button."), 400)
        who = field_of(form, "who")
        if field_of(form, "do") == "incident":
            done = await run_in_threadpool(self._opened, link, note, who)
        else:
            done = done_in_words(await run_in_threadpool(self._acknowledge, link, note, who))
        _log.info("a link of receiver %s: %s", link.receiver, done)
        after = await run_in_threadpool(self._links.find, token)
        return _page(await self._shown(after or link, done))

    async def _shown(self, link: Link, done: str = "") -> str:
        people = await run_in_threadpool(people_asked, self._store, link)
        return link_page(link, done, people)

    def _acknowledge(self, link: Link, note: str, said: str) -> list[ActionResult]:
        who = recorded(self._store, link, "link", note, said)
        return self._links.acknowledge(link, who.actor, who.comment)

    def _opened(self, link: Link, note: str, said: str) -> str:
        who = recorded(self._store, link, "link", note, said)
        return opened_in_words(self._store, link, who)

    async def call(self, request: Request) -> Response:
        """Do what the key means that somebody pressed in a call of Twilio."""
        if wait := await self._wait(request):
            return _markup(429, say("Too many requests."), {"Retry-After": str(math.ceil(wait))})
        form = form_of(await body_of(request))
        if form is None:
            return _markup(400, say("This request is not understood."))
        token: str = request.path_params["token"]
        signed = request.headers.get("x-twilio-signature", "")
        return _markup(*await run_in_threadpool(self._calls.hear, token, form, signed))

    async def _wait(self, request: Request) -> float:
        """Count a request, and return the seconds to wait before it; 0 where it is served."""
        # Whoever has a link is not kept out by those who guess, also where a proxy hides addresses.
        claim = await run_in_threadpool(self._tokens.claim, request.path_params["token"])
        if claim is None:
            return self._guesses.wait(self._client(request))
        return self._uses.wait(claim.link)

    def _client(self, request: Request) -> str:
        peer = "" if request.client is None else request.client.host
        forwarded = request.headers.getlist("x-forwarded-for")
        return one_client(client_address(peer, forwarded, self._trusted))


def _note(form: list[tuple[str, str]]) -> str | None:
    """Return the note of a form, empty where it has none; None for one that is too long."""
    note = " ".join(field_of(form, "note").replace("\0", " ").split())
    return note if len(note) <= MOST_NOTE else None


def _page(html: str, status: int = 200, more: dict[str, str] | None = None) -> HTMLResponse:
    return HTMLResponse(html, status, {**HEADERS, **(more or {})})


def _markup(status: int, twiml: str, more: dict[str, str] | None = None) -> Response:
    return Response(twiml, status, {**HEADERS, **(more or {})}, "text/xml")


_UNKNOWN = notice(
    "This link is not valid",
    "It was altered or cut on its way, or Sentinel no longer knows it. Nothing was done.",
    "Open the newest message again, or acknowledge in the dashboard.",
)
_EXPIRED = notice(
    "This link has expired",
    "Nothing was done. A newer message about the alerts has a link that can be used, and the "
    "dashboard can acknowledge them too.",
)


async def _health(request: Request) -> Response:
    return PlainTextResponse("ok", headers=HEADERS)


async def _nothing_here(request: Request, error: Exception) -> Response:
    status = getattr(error, "status_code", 404)
    more: dict[str, str] = dict(getattr(error, "headers", None) or {})
    title = "There is no such page" if status == 404 else HTTPStatus(status).phrase
    return _page(notice(title, "Open the link in the message again."), status, more)


async def _unavailable(request: Request, error: Exception) -> Response:
    # Its text may have the parameters of a statement.
    _log.warning("a link could not be looked up or used: %s", type(error).__name__)
    page = notice("Not available", "Sentinel cannot reach its database. Try again in a minute.")
    return _page(page, 503, {"Retry-After": "60"})


async def _broken(request: Request, error: Exception) -> Response:
    return _page(notice("An error of Sentinel", "Its log says more. Try again in a minute."), 500)


async def _refuse_host(scope: Scope, receive: Receive, send: Send) -> None:
    page = notice(
        "Another address",
        "This page is reached under another name: that of SENTINEL_PUBLIC_URL, or one of "
        "SENTINEL_ALLOWED_HOSTS.",
    )
    await _page(page, 421)(scope, receive, send)
