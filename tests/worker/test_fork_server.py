"""Children that cannot be forked, or whose caller was cancelled."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
from contextlib import closing
from typing import Any, NoReturn

import pytest

from sentinel.settings.log_levels import apply_levels
from sentinel.worker import fork_server, ipc
from sentinel.worker.child import _Child  # pyright: ignore[reportPrivateUsage] - what `serve` starts in a thread
from sentinel.worker.fork_servers import Child, ForkServer, ForkServers


def test_a_failed_fork_ends_no_child_and_is_reported(monkeypatch: pytest.MonkeyPatch):
    def fork() -> NoReturn:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", fork)
    parent, connection = socket.socketpair()
    ours, theirs = socket.socketpair()
    with parent, connection, ours:
        asked = ipc.Fork(7)
        fork_server._fork(connection, asked, theirs.detach(), (-1, -1), "me")  # pyright: ignore[reportPrivateUsage] - no machine runs out of processes on demand
        body = ipc.receive(parent)
        assert body is not None
        assert ipc.decode(body, ipc.Forked) == ipc.Forked(7, 0)
        assert ours.recv(1) == b""  # the end of the child is closed


class Kept(ForkServers):
    """With a fork server that answers when the test does."""

    def __init__(self) -> None:
        def heard(_child: Child, _frame: Any) -> None:
            pass

        def ended(_child: Child, _how: str) -> None:
            pass

        super().__init__("me", "INFO", heard, ended)
        self.near, self.far = socket.socketpair()
        process: Any = None
        self.server = ForkServer(process, self.near)

    def _newest(self) -> ForkServer:
        return self.server

    def answers(self, pid: int) -> None:
        """The answer of the fork server to the last request."""
        (token,) = self.server.forking
        self._add_child(self.server, ipc.Forked(token, pid))

    async def asked(self) -> asyncio.Task[None]:
        """A caller that waits for its child."""
        waiting = asyncio.create_task(self.add())
        async with asyncio.timeout(10):
            while not self.server.forking:
                await asyncio.sleep(0)
        return waiting

    def close(self) -> None:
        for child in self.server.children.values():
            child.close()
        self.near.close()
        self.far.close()


def test_a_caller_learns_that_its_child_cannot_be_forked():
    async def work() -> None:
        with closing(Kept()) as fork_servers:
            waiting = await fork_servers.asked()
            fork_servers.answers(pid=0)
            async with asyncio.timeout(10):
                await waiting
            assert fork_servers.server.children == {}

    asyncio.run(work())


def test_a_cancelled_caller_retires_the_child_that_it_requested():
    async def work() -> None:
        with closing(Kept()) as fork_servers:
            waiting = await fork_servers.asked()
            waiting.cancel()
            async with asyncio.timeout(10):
                await asyncio.wait([waiting])
            assert waiting.cancelled()
            fork_servers.answers(pid=os.getpid())
            (child,) = fork_servers.server.children.values()
            assert child.retiring

    asyncio.run(work())


def test_children_learn_the_log_levels_that_people_set():
    async def work() -> None:
        with closing(Kept()) as fork_servers:
            sent: list[tuple[int, Any]] = []
            for number in (1, 2, 3):
                if number == 2:  # the first child is there already, the second comes later
                    fork_servers._servers.append(fork_servers.server)  # pyright: ignore[reportPrivateUsage] - no process is started here
                    fork_servers.set_log_levels({"blocks": "DEBUG"})
                if number == 3:
                    fork_servers.set_log_levels({})
                waiting = await fork_servers.asked()
                (child, _), *_ = fork_servers.server.forking.values()
                child.send = lambda frame, number=number: sent.append((number, frame))
                fork_servers.answers(pid=number + 2**30)  # no machine has such a number
                await waiting
            debug, none = ipc.LogLevels({"blocks": "DEBUG"}), ipc.LogLevels({})
            assert sent == [(1, debug), (2, debug), (1, none), (2, none)]

    asyncio.run(work())


def test_a_child_gives_its_loggers_the_levels(monkeypatch: pytest.MonkeyPatch):
    ours, theirs = socket.socketpair()
    ended: list[int] = []
    monkeypatch.setattr(os, "_exit", ended.append)
    with ours, theirs:
        ipc.send(ours, ipc.LogLevels({"blocks": "DEBUG"}))
        ours.shutdown(socket.SHUT_WR)
        _Child(theirs, "me").listen()
    try:
        assert logging.getLogger("blocks.mail").isEnabledFor(logging.DEBUG)
        assert ended == [0], "the parent is gone"
    finally:
        apply_levels({})
