"""Process operations: exit with the parent, kill a group, identify a process, measure memory."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from pathlib import Path

import psutil

__all__ = ["die_with_parent", "exit_text", "identity", "is_alive", "kill_group", "memory_of_tree"]

_PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int) -> None:
    """Ask the kernel to kill this process when its parent ends for any reason.

    On other systems than Linux, the closed socket to the parent ends it.

    Args:
        parent: process id of the parent; if it has ended already, this process exits
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


def kill_group(pid: int) -> None:
    """Kill a process that leads its own session, and the processes that it started there."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)


def exit_text(status: int) -> str:
    """Return in words how a process ended, from the status of `os.waitpid`."""
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"


def memory_of_tree() -> int:
    """Return the bytes used by this process and its descendants; shared memory counts once."""
    total = 0
    own = psutil.Process()
    for process in [own, *own.children(recursive=True)]:
        with contextlib.suppress(psutil.Error):
            info = process.memory_full_info()
            total += int(getattr(info, "pss", info.uss))  # only Linux has the former
    return total


def identity(pid: int) -> str:
    """Return an identity that no later process has, such as `4711-86400123`; empty if it ended."""
    started = _started(pid)
    return f"{pid}-{started}" if started else ""


def is_alive(known: str) -> bool:
    """Return whether the process with that `identity` still runs on this machine."""
    pid, _, _ = known.partition("-")
    return pid.isdecimal() and identity(int(pid)) == known


def _started(pid: int) -> int:
    """Return the start time of a process, in a clock that is never set; 0 if it ended."""
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
    # psutil adds the machine's boot time, which moves when its clock is set: then every
    # worker would look dead to the others.
    return int(stat.rpartition(b")")[2].split()[19])
