"""The fork servers of a worker and their child processes, one server for each version of the code.

When the code that a fork server has loaded changes, a new one is started. The old one ends with
its last child.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import psutil

from sentinel.worker import ipc
from sentinel.worker.code_version import Files
from sentinel.worker.process import exit_text, kill_group

__all__ = ["Child", "ForkServers"]

log = logging.getLogger("sentinel.worker")

_LAST_WORDS = 2.0
_PAUSE, _LONGEST_PAUSE = 1.0, 30.0
_FromChild = ipc.Started | ipc.Waiting | ipc.Ended
_FromServer = ipc.Warm | ipc.Forked | ipc.Died


class Child:
    """One child process.

    Attributes:
        loaded: version of the code of every entrypoint that it has run
        retiring: why it takes no more runs; empty while it does
        loops: whether it runs asynchronous flows, several at once
        alone: whether it was forked for a single run
        reserved: whether it was forked for a caller that has not used it yet
        gone: whether its process has ended
    """

    def __init__(self, token: int, server: ForkServer, writer: asyncio.StreamWriter) -> None:
        self.token = token
        self.pid = 0
        self.process: psutil.Process | None = None
        self.loaded: dict[str, str] = {}
        self.retiring = ""
        self.loops = False
        self.alone = False
        self.reserved = False
        self.gone = False
        self.runs = 0
        self.memory = 0
        self.idle_since = time.monotonic()
        self.listening: asyncio.Task[Any] | None = None
        self._server = server
        self._writer = writer

    @property
    def current(self) -> bool:
        """Whether it was forked from the present version of the code."""
        return self._server.current

    def send(self, frame: msgspec.Struct) -> None:
        """Send a frame, unless its process has ended, which `on_exit` reports."""
        if not self.gone:
            self._writer.write(ipc.encode(frame))

    def close(self) -> None:
        """Close its socket."""
        self.gone = True
        self._writer.close()


class ForkServer:
    """One fork server process, and its children."""

    def __init__(self, process: asyncio.subprocess.Process, connection: socket.socket) -> None:
        self.process = process
        self.connection = connection
        self.warm = asyncio.Event()
        self.current = True
        self.files: frozenset[Path] = frozenset()
        self.digest = self.seen = ""
        self.children: dict[int, Child] = {}
        self.forking: dict[int, tuple[Child, asyncio.Future[bool]]] = {}


class ForkServers:
    """All fork servers and children of one worker.

    Args:
        owner: name of the worker, for the messages of states
        level: lowest level of flow run logs that go to the API
        on_frame: called with every frame of a child
        on_exit: called when a child has ended, with the exit in words
    """

    def __init__(
        self,
        owner: str,
        level: str,
        on_frame: Callable[[Child, Any], None],
        on_exit: Callable[[Child, str], None],
    ) -> None:
        self._owner = owner
        self._level = level
        self._on_frame = on_frame
        self._on_exit = on_exit
        self._token = 0
        self._servers: list[ForkServer] = []
        self._tasks: set[asyncio.Task[Any]] = set()
        self._stopping = False
        self._warm = asyncio.Event()
        self._failures = 0
        self._log_levels: dict[str, str] = {}

    def set_log_levels(self, levels: Mapping[str, str]) -> None:
        """Give the loggers of all children these levels, and those of children to come."""
        self._log_levels = dict(levels)
        for child in self.children:
            child.send(ipc.LogLevels(self._log_levels))

    def start(self) -> None:
        """Start the first fork server."""
        self._spawn(self._start_server())

    @property
    def children(self) -> list[Child]:
        """All children that are alive."""
        return [child for server in self._servers for child in server.children.values()]

    @property
    def ready(self) -> bool:
        """Whether a child can be forked without waiting."""
        return self._warm.is_set()

    async def fork(self, *, reserved: bool = False) -> Child:
        """Fork a child, as soon as a fork server is warm.

        Args:
            reserved: reserve the child for the caller

        Returns:
            The child.
        """
        while True:
            await self._warm.wait()
            server = self._newest()
            if server is None:
                self._warm.clear()
                continue
            child = await self._fork(server, reserved)
            if child is not None:
                return child
            await asyncio.sleep(_PAUSE)

    async def add(self) -> None:
        """Fork one more idle child, if a fork server is warm."""
        server = self._newest()
        if server is not None:
            await self._fork(server, reserved=False)

    def _newest(self) -> ForkServer | None:
        return next((one for one in reversed(self._servers) if _forks(one)), None)

    async def _fork(self, server: ForkServer, reserved: bool) -> Child | None:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        reader, writer = await asyncio.open_connection(sock=ours, limit=2**26)
        self._token += 1
        child = Child(self._token, server, writer)
        child.reserved = reserved
        made: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        server.forking[child.token] = (child, made)
        frame = ipc.encode(ipc.Fork(child.token))
        try:
            socket.send_fds(server.connection, [frame], [theirs.fileno()])
        except OSError:
            del server.forking[child.token]
            writer.close()
            return None
        finally:
            theirs.close()
        if not await made:
            return None  # the fork server has ended, or could not fork
        if not child.gone:
            child.listening = self._spawn(self._listen(child, reader))
        return child

    async def renew(self, files: Files) -> None:
        """Start a new fork server if the code of the present one has changed."""
        server = self._servers[-1] if self._servers else None
        if server is None or not server.current or not server.warm.is_set():
            return
        digest = await asyncio.to_thread(files.digest, server.files)
        before, server.seen = server.seen, digest
        if not server.digest:
            server.digest = digest
        elif digest != server.digest and digest == before:
            # Equal in two checks, so nobody is writing the files at this moment.
            log.info("the worker's own code has changed: a new fork server replaces the old one")
            await self._start_server(replaces=server)

    async def stop(self) -> None:
        """Kill all fork servers and children."""
        self._stopping = True
        for server in list(self._servers):  # a copy, because each removes itself as it ends
            for child in list(server.children.values()):
                kill_group(child.pid)
            with contextlib.suppress(ProcessLookupError):
                server.process.send_signal(signal.SIGKILL)
            await server.process.wait()
            for child in list(server.children.values()):
                child.close()
        for task in self._tasks:
            task.cancel()

    async def _start_server(self, replaces: ForkServer | None = None) -> None:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        environment = {
            **os.environ,
            # It would cost a request for each child, and the parent knows the version already.
            "PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED": "false",
            # Prefect's client would retry silently for a minute; Sentinel's retries and reports it.
            "PREFECT_CLIENT_MAX_RETRIES": "0",
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "sentinel.worker.fork_server",
            str(theirs.fileno()), str(os.getpid()), self._owner, self._level,
            pass_fds=[theirs.fileno()],
            env=environment,
            start_new_session=True,
            stdin=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        theirs.close()
        server = ForkServer(process, ours)
        self._spawn(self._follow(server, replaces))
        self._servers.append(server)

    async def _follow(self, server: ForkServer, replaces: ForkServer | None) -> None:
        """Receive the frames of a fork server until it ends; replace it if it ended by itself."""
        reader, writer = await asyncio.open_connection(sock=server.connection.dup())
        while (body := await ipc.read(reader)) is not None:
            frame: _FromServer = ipc.decode(body, _FromServer)
            if isinstance(frame, ipc.Warm):
                server.files = frozenset(map(Path, frame.files))
                server.warm.set()
                self._failures = 0
                if replaces is not None:
                    replaces.current = False
                    self._stop_if_unused(replaces)  # without children, no frame triggers this
                self._warm.set()
            elif isinstance(frame, ipc.Forked):
                self._add_child(server, frame)
            else:
                self._reap(server, frame.pid, exit_text(frame.status))
            self._stop_if_unused(server)
        writer.close()
        server.connection.close()
        status = await server.process.wait()
        self._servers.remove(server)
        for child, made in list(server.forking.values()):
            _answer(made, there=False)
            child.close()
        for child in list(server.children.values()):
            kill_group(child.pid)  # without the fork server, their exits are not reported
            self._reap(server, child.pid, "its fork server ended")
        if server.current and not self._stopping:
            pause = min(_LONGEST_PAUSE, _PAUSE * 2**self._failures)
            self._failures += 1
            log.error(
                "the fork server ended (exit code %s); a new one starts in %.0f s", status, pause
            )
            await asyncio.sleep(pause)
            await self._start_server()

    def _add_child(self, server: ForkServer, frame: ipc.Forked) -> None:
        child, made = server.forking.pop(frame.token)
        if not frame.pid:
            _answer(made, there=False)
            child.close()
            return
        child.pid = frame.pid
        with contextlib.suppress(psutil.Error):
            child.process = psutil.Process(frame.pid)
        server.children[frame.pid] = child
        if self._log_levels:
            child.send(ipc.LogLevels(self._log_levels))
        if made.done():  # the caller that requested it was cancelled
            child.retiring = "its request was cancelled"
            child.send(ipc.Stop())
        _answer(made, there=True)

    def _reap(self, server: ForkServer, pid: int, how: str) -> None:
        child = server.children.pop(pid, None)
        if child is None:
            return
        kill_group(pid)  # also processes that it started and left behind
        if child.listening is not None:
            # The frames that it sent before it ended come first.
            self._spawn(self._after(child, how))
        else:
            child.close()
            self._on_exit(child, how)

    async def _after(self, child: Child, how: str) -> None:
        if child.listening is not None:
            # With a timeout, because a process that it started may hold its socket open.
            await asyncio.wait([child.listening], timeout=_LAST_WORDS)
            child.listening.cancel()
        child.close()
        self._on_exit(child, how)

    def _stop_if_unused(self, server: ForkServer) -> None:
        """Kill a replaced fork server that has no children."""
        if not server.current and not server.children and not server.forking:
            with contextlib.suppress(ProcessLookupError):
                server.process.kill()

    async def _listen(self, child: Child, reader: asyncio.StreamReader) -> None:
        while (body := await ipc.read(reader)) is not None:
            self._on_frame(child, ipc.decode(body, _FromChild))

    def _spawn(self, work: Any) -> asyncio.Task[Any]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _forks(server: ForkServer) -> bool:
    return server.current and server.warm.is_set() and server.process.returncode is None


def _answer(made: asyncio.Future[bool], *, there: bool) -> None:
    if not made.done():
        made.set_result(there)
