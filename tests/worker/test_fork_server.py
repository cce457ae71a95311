"""Children that cannot be forked, or that nobody waits for any more."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from contextlib import closing
from typing import Any, NoReturn

import pytest

from sentinel.worker import fork_server, ipc
from sentinel.worker.fork_servers import Brood, Hand, Nursery


def test_a_fork_that_fails_ends_nobody_and_is_told(monkeypatch: pytest.MonkeyPatch):
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
        assert ours.recv(1) == b""  # the child's end was let go


class Kept(Brood):
    """With a nursery that answers when the test does."""

    def __init__(self) -> None:
        def heard(_hand: Hand, _frame: Any) -> None:
            pass

        def ended(_hand: Hand, _how: str) -> None:
            pass

        super().__init__("me", "INFO", heard, ended)
        self.near, self.far = socket.socketpair()
        process: Any = None
        self.nursery = Nursery(process, self.near)

    def _newest(self) -> Nursery:
        return self.nursery

    def answers(self, pid: int) -> None:
        """What the nursery says to what it was asked last."""
        (token,) = self.nursery.forking
        self._welcome(self.nursery, ipc.Forked(token, pid))

    async def asked(self) -> asyncio.Task[None]:
        """Somebody who waits for a child that was asked for."""
        waiting = asyncio.create_task(self.add())
        async with asyncio.timeout(10):
            while not self.nursery.forking:
                await asyncio.sleep(0)
        return waiting

    def close(self) -> None:
        for hand in self.nursery.hands.values():
            hand.close()
        self.near.close()
        self.far.close()


def test_who_waits_for_a_child_that_cannot_be_forked_hears_of_it():
    async def work() -> None:
        with closing(Kept()) as brood:
            waiting = await brood.asked()
            brood.answers(pid=0)
            async with asyncio.timeout(10):
                await waiting
            assert brood.nursery.hands == {}

    asyncio.run(work())


def test_who_is_cancelled_while_waiting_is_and_the_child_is_let_go():
    async def work() -> None:
        with closing(Kept()) as brood:
            waiting = await brood.asked()
            waiting.cancel()
            async with asyncio.timeout(10):
                await asyncio.wait([waiting])
            assert waiting.cancelled()
            brood.answers(pid=os.getpid())
            (hand,) = brood.nursery.hands.values()
            assert hand.retiring

    asyncio.run(work())
