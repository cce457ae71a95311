"""The embedded telemetry store: its socket listens from the start, its process starts when needed.

Who opens telemetry connects, and waits until the process answers. So nothing has to be asked to
start it, and a machine that has no telemetry pays for a socket alone.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from sentinel.up.processes import ProcessGroup, Service

__all__ = ["TelemetrySocket"]

_WAITING = 128
"""Connections that wait while the process starts."""


class TelemetrySocket:
    """Listens on a port of loopback, and starts a process on the first connection.

    Args:
        port: to listen on
        service: describes the process, given the descriptor of the socket that it accepts from
        processes: that it joins: it is restarted when it dies, and connections wait meanwhile
    """

    def __init__(
        self, port: int, service: Callable[[int], Service], processes: ProcessGroup
    ) -> None:
        self._port = port
        self._service = service
        self._processes = processes
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._waits = False

    def listen(self) -> None:
        """Begin to listen.

        Raises:
            OSError: the port was taken meanwhile
        """
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", self._port))
        self._socket.listen(_WAITING)
        asyncio.get_running_loop().add_reader(self._socket.fileno(), self._wanted)
        self._waits = True

    def close(self) -> None:
        """Stop listening; a process that was started goes on."""
        self._wait_no_more()
        self._socket.close()

    def _wanted(self) -> None:
        # The process accepts from now on, those that wait already too.
        self._wait_no_more()
        self._processes.start(self._service(self._socket.fileno()))

    def _wait_no_more(self) -> None:
        if self._waits:
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
            self._waits = False
