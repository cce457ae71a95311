"""A deadline for the whole of one send, whatever the other side does with each of its steps.

A timeout of a socket begins anew with every byte: a server that sends one byte now and then holds
the sender for as long as it likes. At the deadline the connection is shut down instead, so that
whatever waits for it fails at once.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

__all__ = ["SendDeadline"]


class SendDeadline:
    """Shuts the watched connections down when the time is over; a context manager.

    Args:
        seconds: from entering the context
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.expired = False
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()
        self._timer = threading.Timer(seconds, self._expire)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._timer.cancel()

    def watch(self, connection: socket.socket) -> None:
        """Shut this connection down at the deadline, or now if that is over."""
        with self._lock:
            self._sockets.append(connection)
            if self.expired:
                _shut_down(connection)

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Watch the connections of an httpx request, as its extension `trace`."""
        # TLS takes the connection's descriptor over into a socket of its own.
        if event.endswith((".connect_tcp.complete", ".start_tls.complete")):
            self.watch(info["return_value"].get_extra_info("socket"))

    def _expire(self) -> None:
        with self._lock:
            self.expired = True
            for connection in self._sockets:
                _shut_down(connection)


def _shut_down(connection: socket.socket) -> None:
    with suppress(OSError):  # closed already
        # Not the method of a TLS socket, which would drop its state under a thread that reads.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
