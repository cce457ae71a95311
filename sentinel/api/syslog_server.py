"""Takes messages of syslog over UDP and TCP, where the settings ask for it.

Syslog has no answers, so that what waits to be written is lost with the process. It is written
within a second. Beyond `MOST_WAITING` messages, TCP is read no further until there is room, which
holds the sender back; UDP cannot do that, so its messages are dropped and counted.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, cast
from uuid import uuid4

from fastapi import FastAPI
from sqlalchemy.exc import SQLAlchemyError

from sentinel.api.intake_queue import IntakeQueue, QueueFull
from sentinel.api.log_mining import LogMining
from sentinel.clock import Clock
from sentinel.errors import SentinelError
from sentinel.ingest.telemetry import TelemetryIntake
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.events.log_policies import LogPolicies
from sentinel.telemetry.posted import posted_logs
from sentinel.telemetry.syslog import BadFrame, Frames, line_of

__all__ = ["MOST_WAITING", "SyslogServer", "syslog_of"]

log = logging.getLogger(__name__)

MOST_WAITING = 20_000
"""Messages that wait to be written."""
_AT_ONCE = 5_000
_BETWEEN, _AFTER_FAILURE = 0.5, 2.0
_READ = 65_536


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
        self._waiting: list[dict[str, Any]] = []
        self._room = asyncio.Event()
        self._room.set()
        self._datagrams: asyncio.DatagramTransport | None = None
        self._streams: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
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
        self._streams = await asyncio.start_server(self._read, host, port)
        bound = int(self._streams.sockets[0].getsockname()[1])
        self._datagrams, _ = await loop.create_datagram_endpoint(
            lambda: _Datagrams(self._arrived), (host, bound)
        )
        self._writing = asyncio.create_task(self._write())
        log.info("syslog is taken at %s:%d, UDP and TCP", host, bound)
        return bound

    async def close(self) -> None:
        """Listen no more, and write what waits, once."""
        if self._datagrams is not None:
            self._datagrams.close()
        if self._streams is not None:
            self._streams.close()
        for writer in list(self._open):
            writer.close()
        if self._writing is not None:
            self._writing.cancel()
            with suppress(asyncio.CancelledError):
                await self._writing
        await self._write_some()

    def _arrived(self, data: bytes) -> None:
        """Let a message of UDP wait."""
        if len(self._waiting) >= MOST_WAITING:
            self.dropped += 1
        elif data.strip(b"\r\n\0 "):
            self._waiting.append(line_of(data, self._clock.now()))

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read the messages of a connection."""
        self._open.add(writer)
        frames = Frames()
        try:
            while data := await reader.read(_READ):
                self._take(frames.feed(data))
                await self._room.wait()
            self._take(frames.end())
        except BadFrame as error:
            log.warning("a connection of syslog is closed: %s", error)
        except ConnectionError:
            self._take(frames.end())
        finally:
            self._open.discard(writer)
            writer.close()

    def _take(self, messages: Sequence[bytes]) -> None:
        now = self._clock.now()
        self._waiting += [line_of(one, now) for one in messages]
        if len(self._waiting) >= MOST_WAITING:
            self._room.clear()

    async def _write(self) -> None:
        while True:
            await asyncio.sleep(_BETWEEN)
            while self._waiting or self.dropped:
                if not await self._write_some():
                    await asyncio.sleep(_AFTER_FAILURE)

    async def _write_some(self) -> bool:
        """Write the messages that came first; those that cannot be written go on waiting."""
        some, dropped = self._waiting[:_AT_ONCE], self.dropped
        if dropped:
            text = f"<44>{dropped} messages of syslog were dropped, since too many waited"
            some = [*some, line_of(text.encode(), self._clock.now())]
        if not some:
            return True
        token = uuid4().hex
        # Not parted from each other by another call: close comes after the task.
        try:
            await self._queue.run(
                lambda: self._intake.take(self._tenant, "logs", posted_logs(some).request, token)
            )
        except (QueueFull, SentinelError, SQLAlchemyError) as error:
            log.warning("messages of syslog cannot be written, trying again: %s", error)
            return False
        del self._waiting[: len(some) - bool(dropped)]
        self.dropped -= dropped
        if len(self._waiting) < MOST_WAITING:
            self._room.set()
        return True


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
    intake = TelemetryIntake(
        settings, store.clock, store.metrics, arrived=partial(mining.wake, settings),
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
