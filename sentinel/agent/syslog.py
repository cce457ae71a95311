"""Takes messages of syslog over UDP and TCP, and puts them into the buffer each half second.

Where the buffer is full, TCP is read no further, which holds the sender back; messages of UDP are
dropped and counted.
"""

from __future__ import annotations

import logging
import selectors
import socket
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec
import orjson

from sentinel.agent.buffer import Buffer
from sentinel.agent.config import SyslogPort
from sentinel.agent.tail import LOGS
from sentinel.telemetry.syslog import BadFrame, Frames, line_of

__all__ = ["AgentSyslog", "sockets_of"]

log = logging.getLogger(__name__)

_MOST_OPEN, _READ, _DATAGRAM = 64, 65_536, 65_536
_MOST_LINES, _MOST_BYTES = 5_000, 1_000_000


def sockets_of(port: SyslogPort) -> tuple[socket.socket, socket.socket]:
    """Return what listens for TCP and for UDP at a port.

    Args:
        port: where to listen

    Returns:
        Both sockets.

    Raises:
        OSError: the port is taken, or is not for this user
    """
    family = socket.AF_INET6 if ":" in port.host else socket.AF_INET
    listening = socket.create_server((port.host, port.port), family=family)
    datagrams = socket.socket(family, socket.SOCK_DGRAM)
    try:
        datagrams.bind((port.host, int(listening.getsockname()[1])))
    except OSError:
        listening.close()
        datagrams.close()
        raise
    return listening, datagrams


class _Stream(msgspec.Struct):
    connection: socket.socket
    frames: Frames


class AgentSyslog:
    """Listens from its making until `close`; `serve` is called again and again by one thread.

    Args:
        port: where to listen, and the service of messages that name no program
        buffer: takes the messages
        host: this machine's name, of messages that name no host

    Raises:
        OSError: the port is taken
    """

    def __init__(self, port: SyslogPort, buffer: Buffer, host: str) -> None:
        self._service = port.service
        self._buffer = buffer
        self._host = host
        self._lines: list[bytes] = []
        self._bytes = 0
        self._streams: dict[socket.socket, _Stream] = {}
        self._selector = selectors.DefaultSelector()
        self._listening, self._datagrams = sockets_of(port)
        self.port = int(self._listening.getsockname()[1])
        for one in (self._listening, self._datagrams):
            one.setblocking(False)
            self._selector.register(one, selectors.EVENT_READ)

    def serve(self, seconds: float, clock: Callable[[], datetime]) -> None:
        """Take what arrives, for some seconds at most, and put it into the buffer.

        Args:
            seconds: to wait for messages
            clock: gives the moment of arrival
        """
        held = self._full()
        for key, _ in self._selector.select(seconds):
            found: Any = key.fileobj
            if found is self._listening:
                self._accept()
            elif found is self._datagrams:
                self._receive(clock())
            elif not held:
                self._read(self._streams[found], clock())
            if self._full():
                break
        self.flush()

    def flush(self) -> bool:
        """Put the messages that were taken into the buffer.

        Returns:
            Whether there was room; otherwise they are kept here, and no more are taken.
        """
        if self._lines and not self._buffer.put(LOGS, b"\n".join(self._lines), len(self._lines)):
            return False
        self._lines, self._bytes = [], 0
        return True

    def close(self) -> None:
        """Listen no more, and put what was read into the buffer; what finds no room is counted."""
        for one in list(self._streams.values()):
            self._end(one, None)
        if not self.flush():
            self._buffer.count("dropped", len(self._lines))
        for one in (self._listening, self._datagrams):
            one.close()
        self._selector.close()

    def _full(self) -> bool:
        return len(self._lines) >= _MOST_LINES or self._bytes >= _MOST_BYTES

    def _accept(self) -> None:
        try:
            connection, _ = self._listening.accept()
        except BlockingIOError:  # its other side left again
            return
        except OSError as error:
            log.warning("a connection of syslog is not taken: %s", error.strerror or error)
            return
        if len(self._streams) >= _MOST_OPEN:
            log.warning("a connection of syslog is refused, since %d are open", _MOST_OPEN)
            connection.close()
            return
        connection.setblocking(False)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._streams[connection] = _Stream(connection, Frames())
        self._selector.register(connection, selectors.EVENT_READ)

    def _receive(self, now: datetime) -> None:
        for _ in range(_MOST_LINES):
            try:
                data = self._datagrams.recv(_DATAGRAM)
            except BlockingIOError:
                return
            if self._full() and not self.flush():
                self._buffer.count("dropped", 1)
            elif data.strip(b"\r\n\0 "):
                self._add(data, now)

    def _read(self, stream: _Stream, now: datetime) -> None:
        try:
            data = stream.connection.recv(_READ)
            for one in stream.frames.feed(data):
                self._add(one, now)
        except BlockingIOError:
            return
        except BadFrame as error:
            log.warning("a connection of syslog is closed: %s", error)
            data = b""
        except OSError:
            data = b""
        if not data:
            self._end(stream, now)

    def _end(self, stream: _Stream, now: datetime | None) -> None:
        self._selector.unregister(stream.connection)
        stream.connection.close()
        del self._streams[stream.connection]
        if now is not None:
            for one in stream.frames.end():
                self._add(one, now)

    def _add(self, data: bytes, now: datetime) -> None:
        line = {"host.name": self._host, **line_of(data, now)}
        if self._service:
            line.setdefault("service_name", self._service)
        written = orjson.dumps(line)
        self._lines.append(written)
        self._bytes += len(written)
