"""Close connections of which no whole request head arrives in time, or within a bounded size.

uvicorn closes a connection that idles between two requests, and waits for ever for the first byte
of the first one and for the rest of any head. Its parser in C, which costs a fifth of the one in
Python, keeps a head of any length.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["HEAD_SECONDS", "MOST_HEAD_BYTES", "PromptProtocol"]

HEAD_SECONDS = 15.0
"""How long the head of a request may take, from the connection or the head's first byte."""
MOST_HEAD_BYTES = 65_536
"""How many bytes may come that neither end a head nor belong to a body: of a head, or of trailers.
"""


class PromptProtocol(HttpToolsProtocol):
    """uvicorn's protocol of HTTP, with a time and a size for the head of each request."""

    _waits: asyncio.TimerHandle | None = None
    _unread = 0
    _came = False

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._look()

    def data_received(self, data: bytes) -> None:
        """Go on waiting while the head is not whole."""
        self._came = False
        super().data_received(data)
        self._unread = 0 if self._came else self._unread + len(data)
        if self._unread > MOST_HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response("The head of the request is too large.")
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop()
        super().connection_lost(exc)

    def on_headers_complete(self) -> None:
        """Note that a head is whole."""
        self._came = True
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Note that a part of a body came, which the application bounds."""
        self._came = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Note that a request is whole."""
        self._came = True
        super().on_message_complete()

    def _look(self) -> None:
        if self._answers():
            self._stop()  # the request has begun; its body has a time of its own
        elif self._waits is None and not self.transport.is_closing():
            self._waits = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def _stop(self) -> None:
        if self._waits is not None:
            self._waits.cancel()
            self._waits = None

    def _give_up(self) -> None:
        self._waits = None
        if not self._answers():
            self.transport.close()

    def _answers(self) -> bool:
        """Return whether a request has begun and is not answered yet."""
        cycle: Any = self.cycle  # None before the first request, whatever its annotation says
        return cycle is not None and not cycle.response_complete
