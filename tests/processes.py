"""Real processes for tests, some of which die by SIGKILL in the middle of what they do."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from multiprocessing import get_context
from types import ModuleType
from typing import Any
from unittest.mock import patch

__all__ = ["die", "ended"]

_SECONDS = 120.0
_processes = get_context("forkserver")  # quick, and no lock of the test's own is copied
_processes.set_forkserver_preload(
    ["sentinel.store", "sentinel.store.events.matching", "pytest", "hypothesis", "tests.world"]
)


def die() -> None:
    """End this process at once; nothing of it is tidied up."""
    os.kill(os.getpid(), signal.SIGKILL)


def ended(work: Callable[..., object], *calls: Sequence[Any]) -> list[bool]:
    """Call `work` in a process of its own for each of `calls`, all at once; waits for all.

    Returns:
        For each whether it came to its end; False where it was killed.
    """
    running = [_processes.Process(target=work, args=(*call,)) for call in calls]
    # A process would import this one's main module first, which after a page's test is the page.
    with patch.dict(sys.modules, {"__main__": ModuleType("__main__")}):
        for process in running:
            process.start()
    for process in running:
        process.join(_SECONDS)
        if process.exitcode is None:
            process.kill()
            raise AssertionError(f"{work} did not end within {_SECONDS:g} s")
        assert process.exitcode in (0, -signal.SIGKILL), f"it failed with {process.exitcode}"
    return [process.exitcode == 0 for process in running]
