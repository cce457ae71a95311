"""Small things that a process of ours does to itself or to another."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from pathlib import Path

import psutil

__all__ = ["die_with_parent", "end_group", "ending", "identity", "lives", "memory_of_tree"]

_PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int) -> None:
    """Ask the kernel to kill this process when its parent ends, however it does.

    Elsewhere than on Linux the socket to the parent says so, once Python runs again.

    Args:
        parent: process id; where it is not our parent any more, it has ended already
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


def end_group(pid: int) -> None:
    """Kill a process that leads its own session, with all that it started and left there."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)


def ending(status: int) -> str:
    """How a process ended, in words, from what `os.waitpid` gave."""
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"


def memory_of_tree() -> int:
    """Bytes that this process and all below it use, what they share counted once."""
    total = 0
    own = psutil.Process()
    for process in [own, *own.children(recursive=True)]:
        with contextlib.suppress(psutil.Error):
            info = process.memory_full_info()
            total += int(getattr(info, "pss", info.uss))  # only Linux tells the former
    return total


def identity(pid: int) -> str:
    """A process and no later one of the same id: `4711-86400123`; empty where it is gone."""
    started = _started(pid)
    return f"{pid}-{started}" if started else ""


def lives(known: str) -> bool:
    """Whether the process of that `identity` still runs on this machine."""
    pid, _, _ = known.partition("-")
    return pid.isdecimal() and identity(int(pid)) == known


def _started(pid: int) -> int:
    """When a process started, in a clock that nobody sets; 0 where it is gone."""
    if sys.platform != "linux":
        try:
            return int(psutil.Process(pid).create_time())
        except psutil.Error:
            return 0
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return 0
    # Ticks since the machine started (proc_pid_stat(5), field 22; the second may hold spaces).
    # psutil adds the machine's start to it, which moves when its clock is set: then every
    # worker would look dead to the others.
    return int(stat.rpartition(b")")[2].split()[19])
