"""Threads for one kind of work, and how many requests may wait for one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, TypeVarTuple

import anyio

__all__ = ["BoundedThreads", "Busy"]

R = TypeVar("R")
Given = TypeVarTuple("Given")


class Busy(Exception):
    """So many requests wait for these threads that another one is not taken."""


class BoundedThreads:
    """Runs slow work in threads of its own, so that it keeps no other request waiting.

    Args:
        at_once: calls that run at once, each in a thread
        waiting: calls that may wait for one of them
    """

    def __init__(self, at_once: int, waiting: int) -> None:
        self._at_once = at_once
        self._most = at_once + waiting
        self._taken = 0
        self._limiter: anyio.CapacityLimiter | None = None

    @property
    def are_full(self) -> bool:
        """Whether the next call is refused."""
        return self._taken >= self._most

    async def run(self, work: Callable[[*Given], R], *given: *Given) -> R:
        """Run `work` in a thread, when it is its turn.

        Args:
            work: what blocks
            given: its arguments

        Returns:
            What it returns.

        Raises:
            Busy: too many wait already; no thread was taken
        """
        if self.are_full:
            raise Busy
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(self._at_once)
        self._taken += 1
        try:
            return await anyio.to_thread.run_sync(work, *given, limiter=self._limiter)
        finally:
            self._taken -= 1
