"""Whose a run is, written where everybody finds it: in the message of its state.

A run that is Pending or Running and whose worker is gone ends Crashed, told by whichever worker
looks next. The message costs no call; a worker's life is a lease in the shared database, and on
its own machine its process.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import msgspec

from sentinel.worker.process import identity, lives

__all__ = ["Owner", "orphans", "owner_of"]

_WRITTEN = re.compile(r"sentinel worker (?P<name>.+?) \((?P<host>[^/()]+)/(?P<process>\d+-\d+)\)")


class Owner(msgspec.Struct, frozen=True):
    """One worker process.

    Attributes:
        name: the worker's in Prefect
        host: the machine's name
        process: `identity` of the process
    """

    name: str
    host: str
    process: str

    @classmethod
    def here(cls, name: str) -> Owner:
        """Who this process is."""
        return cls(name, socket.gethostname(), identity(os.getpid()))

    @property
    def lease(self) -> str:
        """The name of its lease."""
        return f"worker/{self.host}/{self.process}"[:200]

    def __str__(self) -> str:
        return f"sentinel worker {self.name} ({self.host}/{self.process})"

    def alive_here(self) -> bool | None:
        """Whether its process runs; None where it is another machine's."""
        return lives(self.process) if self.host == socket.gethostname() else None


def owner_of(flow_run: Mapping[str, Any]) -> Owner | None:
    """The worker that has a run, or None where none of ours has said so."""
    state: dict[str, Any] = flow_run.get("state") or {}
    said: str = state.get("message") or ""
    found = _WRITTEN.search(said)
    return Owner(found["name"], found["host"], found["process"]) if found else None


def orphans(
    flow_runs: Sequence[Mapping[str, Any]],
    me: Owner,
    mine: Collection[str],
    alive: Callable[[Owner], bool],
) -> list[Mapping[str, Any]]:
    """Runs that nobody has in hand any more.

    Args:
        flow_runs: Pending, Running or Cancelling ones of the pool
        me: this worker
        mine: ids that this worker has in hand
        alive: whether another worker lives
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
