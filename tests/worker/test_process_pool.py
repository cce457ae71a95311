"""A child may end at any moment, also before it has anything to do."""

from __future__ import annotations

import asyncio
import socket
from datetime import timedelta
from typing import Any

import pytest

from sentinel.worker.fork_servers import Child, ForkServer, ForkServers
from sentinel.worker.process_pool import Outcome, ProcessPool, Task
from sentinel.worker.settings import Options


def test_a_child_that_ended_before_it_had_its_run_is_a_run_that_died(
    monkeypatch: pytest.MonkeyPatch,
):
    async def ended(_fork_servers: ForkServers, *, reserved: bool = False) -> Child:
        ours, theirs = socket.socketpair()
        theirs.close()
        process: Any = None
        _, writer = await asyncio.open_connection(sock=ours)
        child = Child(1, ForkServer(process, ours), writer)
        child.reserved = reserved
        child.close()
        return child

    async def work() -> Outcome:
        task = Task(
            run="r", entrypoint="flows.sweep.sweep", flow_run=b"{}", timeout=timedelta(minutes=1)
        )
        async with asyncio.timeout(60):
            return await ProcessPool(Options(), "me", 4).perform(task)

    monkeypatch.setattr(ForkServers, "fork", ended)
    outcome = asyncio.run(work())
    assert (outcome.kind, outcome.message) == ("died", "its process ended before it could start")
