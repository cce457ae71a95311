"""Calendar feeds at the public pages, for programs that send no header but know the address."""

from __future__ import annotations

import math
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from sentinel.access.client_address import client_address, one_client
from sentinel.public_pages.html import HEADERS
from sentinel.serving.client_limits import ClientLimits
from sentinel.store import Store
from sentinel.store.oncall.calendar_feeds import CalendarFeeds

__all__ = ["CalendarPages"]


class CalendarPages:
    """The feeds of one instance.

    Args:
        store: the shared database
        limits: how often one client may ask for what is no feed, and how often a feed may be read
        trusted: proxies whose word on the client's address counts
    """

    def __init__(
        self, store: Store, limits: tuple[ClientLimits, ClientLimits],
        trusted: Sequence[IPv4Network | IPv6Network],
    ) -> None:  # fmt: skip
        self._feeds = CalendarFeeds(store)
        self._guesses, self._uses = limits
        self._trusted = trusted

    async def show(self, request: Request) -> Response:
        """Return the calendar of a feed; 304 where the program has it already."""
        feed = await run_in_threadpool(self._feeds.find, request.path_params["token"])
        wait = self._guesses.wait(self._client(request)) if feed is None else 0.0
        if feed is not None:
            wait = self._uses.wait(feed.id)
        if wait:
            return _said("Too many requests.", 429, {"Retry-After": str(math.ceil(wait))})
        if feed is None:
            return _said("There is no such calendar, or it was revoked.", 404)
        shown = await run_in_threadpool(self._feeds.read, feed)
        tag = f'W/"{shown.tag}"'
        headers = {**HEADERS, "ETag": tag, "Cache-Control": "private, no-cache"}
        if _has(request.headers.get("if-none-match", ""), tag):
            return Response(status_code=304, headers=headers)
        return Response(shown.body, headers=headers, media_type="text/calendar")

    def _client(self, request: Request) -> str:
        peer = "" if request.client is None else request.client.host
        forwarded = request.headers.getlist("x-forwarded-for")
        return one_client(client_address(peer, forwarded, list(self._trusted)))


def _has(given: str, tag: str) -> bool:
    """Return whether `If-None-Match` has a tag; which are compared weakly (RFC 9110, 13.1.2)."""
    plain = tag.removeprefix("W/")
    return any(one.strip().removeprefix("W/") in ("*", plain) for one in given.split(","))


def _said(text: str, status: int, more: dict[str, str] | None = None) -> Response:
    return PlainTextResponse(text, status, {**HEADERS, **(more or {})})
