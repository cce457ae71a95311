"""Calendar feeds at the public pages, for programs that send no header but know the address."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from sentinel.public_pages.feed_answers import Waits, document, said
from sentinel.serving.client_limits import ClientLimits
from sentinel.store import Store
from sentinel.store.oncall.calendar_feeds import CalendarFeeds

__all__ = ["CalendarPages"]


class CalendarPages:
    """The calendar feeds of one instance.

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
        self._waits = Waits(limits, trusted)

    async def show(self, request: Request) -> Response:
        """Return the calendar of a feed; 304 where the program has it already."""
        feed = await run_in_threadpool(self._feeds.find, request.path_params["token"])
        refused = self._waits.refused(request, None if feed is None else feed.id)
        if refused is not None:
            return refused
        if feed is None:
            return said("There is no such calendar, or it was revoked.", 404)
        shown = await run_in_threadpool(self._feeds.read, feed)
        return document(request, shown.body, "text/calendar", shown.tag)
