"""The owner of a flow run, stored in the message of its state.

A run that is Pending or Running and whose worker is gone is ended as Crashed by the next worker
that finds it. The message costs no request. A worker is alive while it renews its lease in the
shared database, and on its own machine while its process runs.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import msgspec

from sentinel.worker.process import identity, is_alive

__all__ = ["Owner", "orphans", "owner_of"]

_WRITTEN = re.compile(r"sentinel worker (?P<name>.+?) \((?P<host>[^/()]+)/(?P<process>\d+-\d+)\)")


class Owner(msgspec.Struct, frozen=True):
    """One worker process.

    Attributes:
        name: name of the worker in Prefect
        host: name of the machine
        process: `identity` of the process
    """

    name: str
    host: str
    process: str

    @classmethod
    def here(cls, name: str) -> Owner:
        """Return this process as an owner."""
        return cls(name, socket.gethostname(), identity(os.getpid()))

    @property
    def lease(self) -> str:
        """Name of its lease."""
        return f"worker/{self.host}/{self.process}"[:200]

    def __str__(self) -> str:
        return f"sentinel worker {self.name} ({self.host}/{self.process})"

    def alive_here(self) -> bool | None:
        """Return whether its process runs; None if it is on another machine."""
        return is_alive(self.process) if self.host == socket.gethostname() else None


def owner_of(flow_run: Mapping[str, Any]) -> Owner | None:
    """Return the worker that owns a run; None if no Sentinel worker does."""
    state: dict[str, Any] = flow_run.get("state") or {}
    message: str = state.get("message") or ""
    found = _WRITTEN.search(message)
    return Owner(found["name"], found["host"], found["process"]) if found else None


def orphans(
    flow_runs: Sequence[Mapping[str, Any]],
    me: Owner,
    mine: Collection[str],
    alive: Callable[[Owner], bool],
) -> list[Mapping[str, Any]]:
    """Return the runs whose owner is gone, or has lost them.

    Args:
        flow_runs: the Pending, Running and Cancelling runs of the pool
        me: this worker
        mine: ids of the active runs of this worker
        alive: returns whether another worker is alive

    Returns:
        The runs that no worker runs any more.
    """
    found: list[Mapping[str, Any]] = []
    known: dict[Owner, bool] = {}
    for run in flow_runs:
        owner = owner_of(run)
        if owner is None or run["id"] in mine:
            continue
        if owner == me:
            found.append(run)
            continue
        if owner not in known:
            known[owner] = alive(owner)
        if not known[owner]:
            found.append(run)
    return found
