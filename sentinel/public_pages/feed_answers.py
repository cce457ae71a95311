"""Answers to programs that send no header but know an address: feed readers and calendars."""

from __future__ import annotations

import math
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from sentinel.access.client_address import client_address, one_client
from sentinel.public_pages.html import HEADERS
from sentinel.serving.client_limits import ClientLimits

__all__ = ["Waits", "document", "said"]


class Waits:
    """How long a program waits that asks often.

    Args:
        limits: how often one client may ask for what is no feed, and how often a feed may be read
        trusted: proxies whose word on the client's address counts
    """

    def __init__(
        self, limits: tuple[ClientLimits, ClientLimits],
        trusted: Sequence[IPv4Network | IPv6Network],
    ) -> None:  # fmt: skip
        self._guesses, self._uses = limits
        self._trusted = list(trusted)

    def refused(self, request: Request, feed_id: str | None) -> Response | None:
        """Count a request.

        Args:
            request: that was made
            feed_id: of the feed; None where there is none of that address

        Returns:
            The answer to one too many; None where it may be answered.
        """
        if feed_id is None:
            peer = "" if request.client is None else request.client.host
            forwarded = request.headers.getlist("x-forwarded-for")
            wait = self._guesses.wait(one_client(client_address(peer, forwarded, self._trusted)))
        else:
            wait = self._uses.wait(feed_id)
        if not wait:
            return None
        return said("Too many requests.", 429, {"Retry-After": str(math.ceil(wait))})


def document(request: Request, body: bytes, media_type: str, tag: str) -> Response:
    """Return a document; 304 where the program has it already.

    Args:
        request: that was made
        body: of the document
        media_type: of the document
        tag: the same as long as the document says the same

    Returns:
        The answer.
    """
    weak = f'W/"{tag}"'
    headers = {**HEADERS, "ETag": weak, "Cache-Control": "private, no-cache"}
    if _has(request.headers.get("if-none-match", ""), weak):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=media_type)


def _has(given: str, tag: str) -> bool:
    """Return whether `If-None-Match` has a tag; which are compared weakly (RFC 9110, 13.1.2)."""
    plain = tag.removeprefix("W/")
    return any(one.strip().removeprefix("W/") in ("*", plain) for one in given.split(","))


def said(text: str, status: int, more: dict[str, str] | None = None) -> Response:
    """Return an answer of one sentence."""
    return PlainTextResponse(text, status, {**HEADERS, **(more or {})})
