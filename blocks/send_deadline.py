"""A deadline for the whole of one send, whatever the other side does with each of its steps.

A timeout of a socket begins anew with every byte: a server that sends one byte now and then holds
the sender for as long as it likes. At the deadline the connection is shut down instead, so that
whatever waits for it fails at once. Looking a name up has no socket to shut down, so the work is
done in a thread of its own, which the sender leaves behind where even that does not end it.
"""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from contextvars import copy_context
from typing import Any, TypeVar

__all__ = ["SendDeadline"]

Result = TypeVar("Result")
_GRACE_SECONDS = 0.5
"""For work whose connection was shut down, to end by itself."""


class SendDeadline:
    """Does the work of a send, and shuts its connections down when the time is over.

    Args:
        seconds: from the start of the work
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.expired = False
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()

    def run(self, work: Callable[[], Result]) -> Result:
        """Do the work, for at most the seconds of this deadline.

        Args:
            work: connects and sends, and has its connections watched

        Returns:
            What the work returns.

        Raises:
            TimeoutError: the time was over before the work ended; `expired` is true then, also
                where the work raises an error of its own because of that
        """
        ended: queue.SimpleQueue[tuple[Result, None] | tuple[None, BaseException]]
        ended = queue.SimpleQueue()

        def do() -> None:
            try:
                ended.put((work(), None))
            except BaseException as error:  # noqa: BLE001 - it is raised again where the work was asked for
                ended.put((None, error))

        # The thread bears the lane's name, by which the worker finds what a run has left behind.
        name = threading.current_thread().name
        threading.Thread(target=copy_context().run, args=(do,), name=name, daemon=True).start()
        try:
            result, error = ended.get(timeout=self.seconds)
        except queue.Empty:
            self._expire()
            result, error = self._last_words(ended)
        if error is not None:
            raise error
        return result  # pyright: ignore[reportReturnType] - without an error there is a result

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

    def _last_words(
        self, ended: queue.SimpleQueue[tuple[Result, None] | tuple[None, BaseException]]
    ) -> tuple[Result, None] | tuple[None, BaseException]:
        try:
            return ended.get(timeout=_GRACE_SECONDS)
        except queue.Empty:
            return None, TimeoutError(f"it took longer than {self.seconds:g} s")

    def _expire(self) -> None:
        with self._lock:
            self.expired = True
            for connection in self._sockets:
                _shut_down(connection)


def _shut_down(connection: socket.socket) -> None:
    with suppress(OSError):  # closed already
        # Not the method of a TLS socket, which would drop its state under a thread that reads.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
