"""The telemetry store's process starts with the first connection, and again when it dies."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from functools import partial
from pathlib import Path

from sentinel.up.ports import any_free
from sentinel.up.processes import Child, ProcessGroup, Service
from sentinel.up.telemetry import TelemetrySocket

# Answers each connection with its process id, as the store would: from a socket that it inherits.
ANSWERS = """
import os, socket, sys
listener = socket.socket(fileno=int(sys.argv[1]))
while True:
    one, _ = listener.accept()
    one.sendall(str(os.getpid()).encode())
    one.close()
"""


def service(folder: Path, descriptor: int) -> Service:
    return Service(
        name="telemetry",
        command=[sys.executable, "-S", "-c", ANSWERS, str(descriptor)],
        environment=dict(os.environ),
        log=folder / "telemetry.log",
        inherits=(descriptor,),
    )


async def ask(port: int) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        return int(await asyncio.wait_for(reader.read(), 30))
    finally:
        writer.close()
        await writer.wait_closed()


def children(processes: ProcessGroup) -> list[Child]:
    return [child for child in processes.children if child.runs()]


async def whole(folder: Path) -> None:
    processes = ProcessGroup(say=lambda _: None)
    port = any_free()
    socket = TelemetrySocket(port, partial(service, folder), processes)
    socket.listen()
    watching = asyncio.create_task(processes.watch())
    try:
        await asyncio.sleep(0)
        assert not processes.children  # nobody asked
        first, also = await asyncio.gather(ask(port), ask(port))
        assert first == also == children(processes)[0].process.pid
        os.kill(first, signal.SIGKILL)
        while children(processes):
            await asyncio.sleep(0.01)
        # Connections wait until it is back.
        assert await ask(port) not in (first, 0)
        assert len(processes.children) == 1
    finally:
        watching.cancel()
        socket.close()
        await processes.stop()


def test_the_first_connection_starts_it_and_those_after_a_crash_wait(tmp_path: Path) -> None:
    asyncio.run(whole(tmp_path))


async def unused(folder: Path) -> None:
    processes = ProcessGroup(say=lambda _: None)
    socket = TelemetrySocket(any_free(), partial(service, folder), processes)
    socket.listen()
    socket.close()
    await asyncio.sleep(0)
    assert not processes.children


def test_one_that_nobody_asked_for_is_never_started(tmp_path: Path) -> None:
    asyncio.run(unused(tmp_path))
