"""Syslog over UDP and TCP, with util-linux's `logger` as the sender."""

from __future__ import annotations

import asyncio
import shutil
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from sentinel.api import syslog_server
from sentinel.api.intake_queue import IntakeQueue
from sentinel.api.last_intake import LastIntake
from sentinel.api.log_mining import LogMining
from sentinel.api.syslog_server import SyslogServer, syslog_of
from sentinel.clock import SystemClock
from sentinel.errors import TelemetryError, TelemetryUnavailable
from sentinel.ingest.telemetry import Taken
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.events.log_policies import LogPolicies
from sentinel.telemetry.batch import Batch
from sentinel.telemetry.otlp_logs import logs_of

DROPPED = "2 messages of syslog were dropped, since too many waited or the store refused them"
LOGGER = shutil.which("logger")


class Intake:
    """Takes batches, unless it is away."""

    def __init__(self) -> None:
        self.batches: list[tuple[str, Batch]] = []
        self.tokens: list[str] = []
        self.away = 0
        self.fails: list[Exception] = []

    def take(self, tenant: str, signal: str, request: Any, token: str) -> Taken:
        assert (signal, len(token)) == ("logs", 32)
        self.tokens.append(token)
        if self.fails:
            raise self.fails.pop(0)
        if self.away:
            self.away -= 1
            raise TelemetryUnavailable("it does not answer")
        batch = logs_of(request, now=int(datetime.now(UTC).timestamp() * 1e9), oldest=0)
        self.batches.append((tenant, batch))
        return Taken(batch.rows, {})

    @property
    def said(self) -> list[str]:
        return [body for _, batch in self.batches for body in batch.columns["Body"]]


class Listening:
    """A server on a free port, while the context lasts."""

    def __init__(self, intake: Intake) -> None:
        self.queue = IntakeQueue()
        self.server = SyslogServer("acme", intake, self.queue, SystemClock())  # pyright: ignore[reportArgumentType] - the part that it uses
        self.port = 0

    async def __aenter__(self) -> Listening:
        self.port = await self.server.start("127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.server.close()
        await asyncio.to_thread(self.queue.close)


async def until(intake: Intake, number: int) -> None:
    async with asyncio.timeout(60):
        while len(intake.said) < number:
            await asyncio.sleep(0.02)


@pytest.mark.skipif(LOGGER is None, reason="there is no logger of util-linux")
@pytest.mark.parametrize("form", ["--rfc5424", "--rfc3164"])
@pytest.mark.parametrize("way", [["--udp"], ["--tcp"], ["--tcp", "--octet-count"]])
def test_logger_is_understood(form: str, way: list[str]) -> None:
    intake = Intake()

    async def sends() -> None:
        async with Listening(intake) as here:
            assert LOGGER is not None
            process = await asyncio.create_subprocess_exec(
                LOGGER, "--server", "127.0.0.1", "--port", str(here.port), form, *way,
                "--tag", "backup", "--priority", "daemon.err", "disk is full",
            )  # fmt: skip
            assert await process.wait() == 0
            await until(intake, 1)

    asyncio.run(sends())
    ((tenant, batch),) = intake.batches
    assert (tenant, intake.said) == ("acme", ["disk is full"])
    assert batch.columns["SeverityNumber"] == [17]
    assert batch.origins[0].service == "backup"
    attributes = dict(zip(batch.attributes.names, batch.attributes.texts, strict=True))
    assert attributes["syslog.facility"] == "daemon"
    assert attributes["host.name"] == socket.gethostname().partition(".")[0]


def test_what_cannot_be_written_waits_and_is_written_once() -> None:
    intake = Intake()
    intake.away = 1

    async def sends(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(syslog_server, "_AFTER_FAILURE", 0.01)
        async with Listening(intake) as here:
            _, writer = await asyncio.open_connection("127.0.0.1", here.port)
            writer.write(b"<11>one\n7 <11>two<11>three")
            writer.write_eof()
            await until(intake, 3)
            writer.close()

    with pytest.MonkeyPatch.context() as patch:
        asyncio.run(sends(patch))
    assert intake.said == ["one", "two", "three"]
    # Nobody knows whether the first one was written, so that it is known when it comes again.
    assert intake.tokens[0] == intake.tokens[1]


@pytest.mark.parametrize("error", [TelemetryError("no such column"), ValueError("unforeseen")])
def test_what_is_refused_for_good_is_dropped_and_counted(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(syslog_server, "_AFTER_FAILURE", 0.01)
    intake = Intake()
    intake.fails = [error]

    async def sends() -> None:
        async with Listening(intake) as here:
            arrived = here.server._arrived  # pyright: ignore[reportPrivateUsage] - datagrams may be lost on the way
            arrived(b"<11>bad")
            await until(intake, 1)
            arrived(b"<11>good")
            await until(intake, 2)

    asyncio.run(sends())
    assert intake.said == [DROPPED.replace("2", "1"), "good"]


def test_bytes_that_wait_are_bounded_and_so_are_connections(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(syslog_server, "MOST_BYTES", 1000)
    monkeypatch.setattr(syslog_server, "MOST_OPEN", 1)
    monkeypatch.setattr(syslog_server, "_BETWEEN", 3600)
    intake = Intake()

    async def sends() -> None:
        async with Listening(intake) as here:
            reader, writer = await asyncio.open_connection("127.0.0.1", here.port)
            writer.write(b"".join(b"<11>%0400d\n" % number for number in range(10)))
            writer.write_eof()
            async with asyncio.timeout(60):
                while here.server._room.is_set():  # pyright: ignore[reportPrivateUsage] - nobody else sees it
                    await asyncio.sleep(0.01)
                assert len(here.server._waiting) == 3  # pyright: ignore[reportPrivateUsage]
                here.server._arrived(b"<11>dropped")  # pyright: ignore[reportPrivateUsage]
                assert here.server.dropped == 1
                other, refused = await asyncio.open_connection("127.0.0.1", here.port)
                assert await other.read() == b""
                refused.close()
                monkeypatch.setattr(syslog_server, "_CLOSING", 0.01)
            del reader
            writer.close()

    asyncio.run(sends())
    assert [one for one in intake.said if one.isdigit()][:3] == [f"{n:0400}" for n in range(3)]


def test_too_many_hold_tcp_back_and_of_udp_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syslog_server, "MOST_WAITING", 2)
    monkeypatch.setattr(syslog_server, "_BETWEEN", 0.01)
    intake = Intake()

    async def sends() -> None:
        async with Listening(intake) as here:
            for number in range(4):
                here.server._arrived(b"<11>%d" % number)  # pyright: ignore[reportPrivateUsage] - datagrams may be lost on the way
            assert here.server.dropped == 2
            await until(intake, 3)
            _, writer = await asyncio.open_connection("127.0.0.1", here.port)
            writer.write(b"".join(b"<11>line %d\n" % number for number in range(50)))
            writer.write_eof()
            await until(intake, 53)
            writer.close()

    asyncio.run(sends())
    assert intake.said[:3] == ["0", "1", DROPPED]
    assert intake.said[3:] == [f"line {number}" for number in range(50)]


def test_what_waits_at_the_end_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syslog_server, "_BETWEEN", 3600)
    intake = Intake()

    async def sends() -> None:
        async with Listening(intake) as here:
            for number in range(5):
                here.server._arrived(b"<11>%d" % number)  # pyright: ignore[reportPrivateUsage] - as above

    monkeypatch.setattr(syslog_server, "_AT_ONCE", 2)
    asyncio.run(sends())
    assert intake.said == ["0", "1", "2", "3", "4"]


def test_it_listens_only_where_it_is_asked_to_and_the_port_is_free(migrated_sqlite: Path) -> None:
    async def listens(port: int) -> bool:
        server = await syslog_of(app, Settings(syslog="acme", syslog_port=port))
        if server is not None:
            await server.close()
        return server is not None

    store, app = Store(f"sqlite:///{migrated_sqlite}"), FastAPI()
    app.state.store, app.state.intake_queue = store, IntakeQueue()
    app.state.log_mining, app.state.log_policies = LogMining(store), LogPolicies(store)
    app.state.last_intake = LastIntake(store)
    assert asyncio.run(syslog_of(app, Settings())) is None
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert asyncio.run(listens(taken.getsockname()[1])) is False
    assert asyncio.run(listens(0)) is True
    store.close()
