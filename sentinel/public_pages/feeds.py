"""Feeds of alerts, incidents and silences at the public pages, for who knows the address."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from sentinel.public_pages.feed_answers import Waits, document, said
from sentinel.serving.client_limits import ClientLimits
from sentinel.store import Store
from sentinel.store.web_feeds import WebFeeds

__all__ = ["WebFeedPages"]


class WebFeedPages:
    """The feeds of one instance; arguments as of `CalendarPages`."""

    def __init__(
        self, store: Store, limits: tuple[ClientLimits, ClientLimits],
        trusted: Sequence[IPv4Network | IPv6Network],
    ) -> None:  # fmt: skip
        self._feeds = WebFeeds(store)
        self._waits = Waits(limits, trusted)

    async def show(self, request: Request) -> Response:
        """Return what a feed shows; 304 where the reader has it already."""
        feed = await run_in_threadpool(self._feeds.find, request.path_params["token"])
        refused = self._waits.refused(request, None if feed is None else feed.id)
        if refused is not None:
            return refused
        ending: str = request.path_params["ending"]
        shown = None if feed is None else await run_in_threadpool(self._feeds.read, feed, ending)
        if shown is None:
            return said("There is no such feed, or it was revoked.", 404)
        return document(request, shown.body, shown.media_type, shown.tag)
