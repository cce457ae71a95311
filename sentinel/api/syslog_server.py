"""Takes messages of syslog over UDP and TCP, where the settings ask for it.

Syslog has no answers, so that what waits to be written is lost with the process. It is written
within a second. Beyond `MOST_WAITING` messages or `MOST_BYTES` of them, TCP is read no further
until there is room, which holds the sender back; UDP cannot do that, so its messages are dropped
and counted.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, cast
from uuid import uuid4

import msgspec
from fastapi import FastAPI
from sqlalchemy.exc import SQLAlchemyError

from sentinel.api.intake_queue import IntakeQueue, QueueFull
from sentinel.api.last_intake import LastIntake
from sentinel.api.log_mining import LogMining
from sentinel.clock import Clock
from sentinel.errors import SentinelError, TelemetryError, TelemetryUnavailable
from sentinel.ingest.telemetry import TelemetryIntake
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.events.log_policies import LogPolicies
from sentinel.telemetry.posted import posted_logs
from sentinel.telemetry.syslog import BadFrame, Frames, line_of

__all__ = ["MOST_BYTES", "MOST_OPEN", "MOST_WAITING", "SyslogServer", "syslog_of"]

log = logging.getLogger(__name__)

MOST_WAITING, MOST_BYTES = 20_000, 32_000_000
"""Messages that wait to be written, and their bytes as they came."""
MOST_OPEN = 256
"""Connections; more are closed at once."""
_AT_ONCE, _BYTES_AT_ONCE = 5_000, 4_000_000
_BETWEEN, _AFTER_FAILURE, _CLOSING = 0.5, 2.0, 5.0
_READ = 16_384
_SILENT = 300
"""Seconds after which a silent connection is asked whether its other end is there."""


class _Batch(msgspec.Struct, frozen=True):
    """What is written together, and again under the same token where nobody knows whether it was.

    Attributes:
        lines: the messages, and a line about those that were dropped before
        messages: how many it stands for
        token: of the batch
    """

    lines: list[dict[str, Any]]
    messages: int
    token: str


class SyslogServer:
    """Listens between `start` and `close`; both are called on the event loop.

    Args:
        tenant: whose lines the messages become
        intake: writes them
        queue: bounds what is written at a time
        clock: gives the moment of arrival
    """

    def __init__(
        self, tenant: str, intake: TelemetryIntake, queue: IntakeQueue, clock: Clock
    ) -> None:
        self._tenant = tenant
        self._intake = intake
        self._queue = queue
        self._clock = clock
        self._waiting: deque[tuple[dict[str, Any], int]] = deque()
        self._bytes = 0
        self._batch: _Batch | None = None
        self._fails = False
        self._room = asyncio.Event()
        self._room.set()
        self._datagrams: asyncio.DatagramTransport | None = None
        self._streams: asyncio.Server | None = None
        self._open: dict[asyncio.StreamWriter, asyncio.Task[Any] | None] = {}
        self._stopping = asyncio.Event()
        self._writing: asyncio.Task[None] | None = None
        self.dropped = 0

    async def start(self, host: str, port: int) -> int:
        """Listen.

        Args:
            host: the address
            port: of both UDP and TCP; 0 for a free one

        Returns:
            The port.

        Raises:
            OSError: the port is taken
        """
        loop = asyncio.get_running_loop()
        self._streams = await asyncio.start_server(self._read, host, port, limit=_READ)
        bound = int(self._streams.sockets[0].getsockname()[1])
        self._datagrams, _ = await loop.create_datagram_endpoint(
            lambda: _Datagrams(self._arrived), (host, bound)
        )
        self._writing = asyncio.create_task(self._write())
        log.info("syslog is taken at %s:%d, UDP and TCP", host, bound)
        return bound

    async def close(self) -> None:
        """Listen no more, and write what waits, once, in some seconds."""
        if self._datagrams is not None:
            self._datagrams.close()
        if self._streams is not None:
            self._streams.close()
        for writer in list(self._open):
            writer.close()
        # What was read of the connections before their end waits too.
        if reading := [task for task in self._open.values() if task is not None]:
            await asyncio.wait(reading, timeout=_CLOSING)
        self._stopping.set()
        if self._writing is not None:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._writing, _CLOSING)
        if lost := len(self._waiting) + (self._batch.messages if self._batch else 0):
            log.warning("%d messages of syslog are lost, since they cannot be written", lost)

    def _arrived(self, data: bytes) -> None:
        """Let a message of UDP wait."""
        if self._full():
            self.dropped += 1
        elif data.strip(b"\r\n\0 "):
            self._add(data)

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read the messages of a connection."""
        if len(self._open) >= MOST_OPEN:
            log.warning("a connection of syslog is refused, since %d are open", MOST_OPEN)
            writer.close()
            return
        self._open[writer] = asyncio.current_task()
        _ask_when_silent(writer)
        frames = Frames()
        try:
            while data := await reader.read(_READ):
                await self._take(frames.feed(data))
            await self._take(frames.end())
        except BadFrame as error:
            log.warning("a connection of syslog is closed: %s", error)
        except OSError:
            await self._take(frames.end())
        finally:
            self._open.pop(writer, None)
            writer.close()

    async def _take(self, messages: Sequence[bytes]) -> None:
        """Let messages of TCP wait, each as soon as there is room."""
        for one in messages:
            while self._full():
                self._room.clear()
                await self._room.wait()
            self._add(one)

    def _full(self) -> bool:
        return len(self._waiting) >= MOST_WAITING or self._bytes >= MOST_BYTES

    def _add(self, data: bytes) -> None:
        self._waiting.append((line_of(data, self._clock.now()), len(data)))
        self._bytes += len(data)

    async def _write(self) -> None:
        stops = False
        while not stops:
            await self._pause(_BETWEEN)
            stops = self._stopping.is_set()
            while self._waiting or self.dropped or self._batch:
                if not await self._write_some():
                    if stops:
                        return
                    await self._pause(_AFTER_FAILURE)
                    stops = self._stopping.is_set()

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    async def _write_some(self) -> bool:
        """Write the messages that came first.

        Returns:
            Whether to go on. What cannot be written now is kept, and written again under its token;
            what the store refuses is dropped and counted.
        """
        batch = self._batch = self._batch or self._next()
        try:
            await self._queue.run(lambda: self._insert(batch))
        except (QueueFull, SentinelError, SQLAlchemyError) as error:
            if not isinstance(error, TelemetryError) or isinstance(error, TelemetryUnavailable):
                self._failed("cannot be written, trying again", error)
                return False
            self._refused(batch, error)
        except Exception as error:  # noqa: BLE001 - no batch may end the task, or come for ever
            self._refused(batch, error)
        else:
            self._fails = False
        self._batch = None
        self._room.set()
        return not self._fails

    def _insert(self, batch: _Batch) -> None:
        self._intake.take(self._tenant, "logs", posted_logs(batch.lines).request, batch.token)

    def _next(self) -> _Batch:
        """Return the messages that came first, with a line about those that were dropped."""
        lines, size = list[dict[str, Any]](), 0
        while self._waiting and len(lines) < _AT_ONCE and size < _BYTES_AT_ONCE:
            line, length = self._waiting.popleft()
            lines.append(line)
            size += length
        self._bytes -= size
        messages, dropped, self.dropped = len(lines), self.dropped, 0
        if dropped:
            text = (
                f"<44>{dropped} messages of syslog were dropped, since too many waited or the "
                "store refused them"
            )
            lines.append(line_of(text.encode(), self._clock.now()))
        return _Batch(lines, messages + dropped, uuid4().hex)

    def _refused(self, batch: _Batch, error: Exception) -> None:
        self.dropped += batch.messages
        self._failed(f"are refused, and {batch.messages:,} are dropped", error)

    def _failed(self, what: str, error: Exception) -> None:
        if not self._fails:
            log.warning("messages of syslog %s: %s", what, error or type(error).__name__)
        self._fails = True


def _ask_when_silent(writer: asyncio.StreamWriter) -> None:
    """Let the system find out that the other end of a connection is gone, so that it ends."""
    found: Any = writer.get_extra_info("socket")
    found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if (idle := getattr(socket, "TCP_KEEPIDLE", None)) is not None:
        found.setsockopt(socket.IPPROTO_TCP, idle, _SILENT)


class _Datagrams(asyncio.DatagramProtocol):
    """Hands each datagram on, which is one message (RFC 5426, section 3.1)."""

    def __init__(self, arrived: Callable[[bytes], None]) -> None:
        self._arrived = arrived

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        self._arrived(data)


async def syslog_of(app: FastAPI, settings: Settings) -> SyslogServer | None:
    """Listen for syslog, where the settings ask for it.

    Args:
        app: whose store, queue and policies the messages go through
        settings: that name tenant, host and port

    Returns:
        The server, to be closed; None where it is not asked for, or where the port is taken, as by
        another process of the API.
    """
    if not settings.syslog:
        return None
    store, queue = cast("Store", app.state.store), cast("IntakeQueue", app.state.intake_queue)
    mining = cast("LogMining", app.state.log_mining)
    last_intake = cast("LastIntake", app.state.last_intake)

    def arrived() -> None:
        last_intake.note("logs")
        mining.wake(settings)

    intake = TelemetryIntake(
        settings, store.clock, store.metrics, arrived=arrived,
        policies=cast("LogPolicies", app.state.log_policies),
    )  # fmt: skip
    server = SyslogServer(settings.syslog, intake, queue, store.clock)
    try:
        await server.start(settings.syslog_host, settings.syslog_port)
    except OSError as error:
        log.warning("syslog cannot be taken at port %d: %s", settings.syslog_port, error)
        await server.close()
        return None
    return server
