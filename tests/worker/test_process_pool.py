"""A child may end at any moment, also before it has anything to do."""

from __future__ import annotations

import asyncio
import socket
from datetime import timedelta
from typing import Any

import pytest

from sentinel.worker.fork_servers import Brood, Hand, Nursery
from sentinel.worker.process_pool import Crew, Outcome, Task
from sentinel.worker.settings import Options


def test_a_child_that_ended_before_it_had_its_run_is_a_run_that_died(
    monkeypatch: pytest.MonkeyPatch,
):
    async def ended(_brood: Brood, *, reserved: bool = False) -> Hand:
        ours, theirs = socket.socketpair()
        theirs.close()
        process: Any = None
        _, writer = await asyncio.open_connection(sock=ours)
        hand = Hand(1, Nursery(process, ours), writer)
        hand.reserved = reserved
        hand.close()
        return hand

    async def work() -> Outcome:
        task = Task(
            run="r", entrypoint="flows.sweep.sweep", flow_run=b"{}", timeout=timedelta(minutes=1)
        )
        async with asyncio.timeout(10):
            return await Crew(Options(), "me", 4).perform(task)

    monkeypatch.setattr(Brood, "fork", ended)
    outcome = asyncio.run(work())
    assert (outcome.kind, outcome.says) == ("died", "its process ended before it could begin")
