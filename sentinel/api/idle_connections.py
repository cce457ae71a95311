"""Close connections of which no whole request head arrives in time.

uvicorn closes a connection that idles between two requests, and waits for ever for the first byte
of the first one and for the rest of any head.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

__all__ = ["HEAD_SECONDS", "PromptProtocol"]

HEAD_SECONDS = 15.0
"""How long the head of a request may take, from the connection or the head's first byte."""


class PromptProtocol(H11Protocol):
    """uvicorn's protocol of HTTP, with a time for the head of each request."""

    _waits: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._look()

    def data_received(self, data: bytes) -> None:
        """Go on waiting while the head is not whole."""
        super().data_received(data)
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop()
        super().connection_lost(exc)

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
