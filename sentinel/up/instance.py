"""One instance per home: its lock, and the record by which others find it.

The lock is an advisory one of the operating system, which ends with its process however that
ends. So a lock left by a crash is no lock; what the crash left running is in the record.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import signal
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import msgspec
import psutil

from sentinel.errors import Conflict
from sentinel.settings.private_file import write_private
from sentinel.up.home import Home

__all__ = ["AlreadyRunning", "Instance", "ProcessIdentity", "Record", "read", "running"]

log = logging.getLogger(__name__)

_PATIENCE_SECONDS = 10.0


class AlreadyRunning(Conflict):
    """Another instance holds the lock of this home."""


class ProcessIdentity(msgspec.Struct, frozen=True):
    """A process by number and start, since numbers are used again."""

    name: str
    pid: int
    started: float

    def process(self) -> psutil.Process | None:
        """The process, if it is still that one."""
        try:
            process = psutil.Process(self.pid)
            # To the half second: the kernel's clock ticks are coarse.
            same = abs(process.create_time() - self.started) < 0.5
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.Error:
            return None


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What runs, as the file under home tells it. It holds a password: 0600.

    Attributes:
        pid: of `sentinel up`
        started: when, seconds since the epoch
        ready: everything has started
        environment: what a process needs to be part of this instance
        places: what runs where, name and address, for people
        children: what was started, so that the next start can end what a crash left behind
    """

    pid: int
    started: float
    ready: bool = False
    environment: dict[str, str] = {}
    places: dict[str, str] = {}
    children: list[ProcessIdentity] = []


def read(home: Home) -> Record | None:
    """The record under `home`, whether or not that instance still runs."""
    try:
        return msgspec.json.decode(home.record.read_bytes(), type=Record)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def running(home: Home) -> Record | None:
    """The record of the instance that runs now, or None."""
    if not home.lock.exists():
        return None
    with home.lock.open("r") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return read(home) or Record(pid=_holder(home), started=0.0)
    return None


def _holder(home: Home) -> int:
    text = home.lock.read_text().strip()
    return int(text) if text.isdecimal() else 0


class Instance:
    """Holds the lock of a home while the product runs there.

    Args:
        home: which
    """

    def __init__(self, home: Home) -> None:
        self._home = home
        self._file: int | None = None
        self.record = Record(pid=os.getpid(), started=psutil.Process().create_time())

    def __enter__(self) -> Self:
        """Take the lock, and end what a crashed instance left running.

        Returns:
            This instance, which now holds the lock.

        Raises:
            AlreadyRunning: another instance holds it
        """
        self._file = _open_locked(self._home)
        old = read(self._home)
        if old is not None:
            end(old.children)
        self.write()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._home.record.unlink(missing_ok=True)
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def write(self, **changes: object) -> None:
        """Change the record and keep it under home."""
        self.record = msgspec.structs.replace(self.record, **changes)
        write_private(self._home.record, msgspec.json.encode(self.record).decode() + "\n")


def _open_locked(home: Home) -> int:
    file = os.open(home.lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        raise _already(home) from None
    os.ftruncate(file, 0)
    os.write(file, f"{os.getpid()}\n".encode())
    return file


def _already(home: Home) -> AlreadyRunning:
    record = read(home)
    pid = record.pid if record else _holder(home)
    shown = {k: v for k, v in (record.places if record else {}).items() if v.startswith("http")}
    where = ", ".join(f"{name} {url}" for name, url in shown.items())
    return AlreadyRunning(
        f"Sentinel already runs here (pid {pid}{': ' + where if where else ''})",
        hint="Stop it with `sentinel down`, or set SENTINEL_HOME to start a second one.",
    )


def end(orphans: Sequence[ProcessIdentity]) -> None:
    """End what is left of an instance that crashed, each with its process group."""
    left = [(orphan, process) for orphan in orphans if (process := orphan.process())]
    below = [child for _, process in left for child in descendants(process.pid)]
    for orphan, process in left:
        log.warning("ending %s (pid %d), which a crash left running", orphan.name, process.pid)
        # PostgreSQL waits for its clients at SIGTERM, and breaks off in order at SIGINT.
        _signal(process, signal.SIGINT if orphan.name == "database" else signal.SIGTERM)
    _, stubborn = psutil.wait_procs([process for _, process in left], timeout=_PATIENCE_SECONDS)
    for process in stubborn:
        _signal(process, signal.SIGKILL)
    psutil.wait_procs(stubborn, timeout=_PATIENCE_SECONDS)
    kill_all(below)


def descendants(pid: int) -> list[psutil.Process]:
    """All that the process `pid` has started, and what that has started."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        return []


def kill_all(processes: Sequence[psutil.Process]) -> None:
    """Kill those that still run; a number that was used again is left alone."""
    for process in processes:
        # psutil compares the start of the process before it signals.
        with contextlib.suppress(psutil.Error):
            process.kill()


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    try:
        # Each was started as the leader of its own group.
        if os.getpgid(process.pid) == process.pid:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
    except (ProcessLookupError, psutil.Error):
        pass


def stop(home: Home, *, within: float = 60.0) -> bool:
    """Ask the running instance to stop, and wait until it has.

    Args:
        home: its folder
        within: seconds to wait

    Returns:
        False where none was running.

    Raises:
        Conflict: it has not stopped in that time
    """
    record = running(home)
    if record is None:
        return False
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(record.pid).terminate()
    deadline = time.monotonic() + within
    # The lock and not the process: one whose parent does not ask after it stays in the list.
    while running(home) is not None:
        if time.monotonic() > deadline:
            raise Conflict(
                f"Sentinel (pid {record.pid}) has not stopped within {within:.0f} s",
                hint=f"See {home.logs}, or end it with: kill -9 {record.pid}",
            )
        time.sleep(0.1)
    return True
