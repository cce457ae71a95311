"""The processes of one instance: started together, supervised, and stopped together.

Each child leads its own session, so that Ctrl-C in the terminal reaches only us, and we end
the child with everything that it started. On Linux the kernel ends the children should we be
killed; elsewhere the next start does (`sentinel.up.instance`).
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from sentinel.errors import SentinelError
from sentinel.up.instance import ProcessIdentity, descendants, kill_all

__all__ = ["Child", "ProcessGroup", "Service"]

log = logging.getLogger(__name__)

_CHECK_INTERVAL = 0.5
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 30.0
_HEALTHY_AFTER = 60.0
"""Seconds after which a restarted process counts as healthy."""
_LOG_BYTES = 20_000_000
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Service:
    """How to start one process.

    Args:
        name: for people, and of its log file
        command: program and arguments
        environment: its whole environment
        log: file that its output is appended to
        stop: the signal that asks it to stop
        patience: seconds that it may take to stop before it is killed
        user: user id to run as, where that is not ours
        inherits: descriptors that stay open in it, such as a socket that listens already
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    stop: signal.Signals = signal.SIGTERM
    patience: float = 10.0
    user: int | None = None
    inherits: Sequence[int] = ()


@dataclass
class Child:
    """One process that runs, or that is to be started again."""

    service: Service
    process: subprocess.Popen[bytes]
    began: float
    failures: int = 0
    again_at: float | None = None
    identity: ProcessIdentity = field(init=False)

    def __post_init__(self) -> None:
        try:
            started = psutil.Process(self.process.pid).create_time()
        except psutil.Error:
            started = time.time()
        self.identity = ProcessIdentity(self.service.name, self.process.pid, started)

    def runs(self) -> bool:
        """Whether the process has not ended."""
        return self.process.poll() is None


def _die_with_parent(number: signal.Signals) -> Callable[[], None] | None:
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def apply() -> None:
        # Runs between fork and exec: nothing that could wait for a lock.
        prctl(_PR_SET_PDEATHSIG, int(number))
        if os.getppid() != parent:  # it died in between
            os._exit(1)

    return apply


def spawn(service: Service) -> subprocess.Popen[bytes]:
    """Start a process; only from the main thread, since the kernel ties it to its thread.

    Returns:
        The process, which leads a session of its own.

    Raises:
        SentinelError: its program cannot be started
    """
    service.log.parent.mkdir(parents=True, exist_ok=True)
    with service.log.open("ab") as output:
        try:
            return subprocess.Popen(  # noqa: S603 - our own command line
                list(service.command),
                env=dict(service.environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=service.user,
                group=_group_of(service.user),
                extra_groups=[] if service.user is not None else None,
                pass_fds=tuple(service.inherits),
                preexec_fn=_die_with_parent(service.stop),
            )
        except OSError as error:
            raise SentinelError(
                f"{service.name} cannot be started: {error.strerror} ({service.command[0]})",
                hint="Install again: make install",
            ) from error


def _group_of(user: int | None) -> int | None:
    if user is None:
        return None
    import pwd

    return pwd.getpwuid(user).pw_gid


class ProcessGroup:
    """All processes of one instance.

    Args:
        changed: called with all identities whenever a process was started or has ended
        say: shows one sentence to the person
    """

    def __init__(
        self,
        *,
        changed: Callable[[list[ProcessIdentity]], None] = lambda _: None,
        say: Callable[[str], None] = log.warning,
    ) -> None:
        self._children: list[Child] = []
        self._changed = changed
        self._say = say
        self._logs_seen_at = time.monotonic()

    @property
    def children(self) -> Sequence[Child]:
        """In the order in which they were started."""
        return tuple(self._children)

    def start(self, service: Service) -> Child:
        """Start a process, and restart it whenever it ends, until `stop`."""
        child = Child(service, spawn(service), time.monotonic())
        self._children.append(child)
        self._note()
        return child

    async def finish(self, service: Service) -> int:
        """Run a process to its end, and return its exit code; `stop` ends it too."""
        child = self.start(service)
        child.again_at = float("inf")  # never again
        try:
            while child.runs():
                await asyncio.sleep(0.05)
        finally:
            if not child.runs():
                self._children.remove(child)
                self._note()
        return child.process.returncode

    async def watch(self) -> None:
        """Restart processes that ended, with growing pauses, until cancelled."""
        while True:
            await asyncio.sleep(_CHECK_INTERVAL)
            now = time.monotonic()
            for index, child in enumerate(self._children):
                self._check(index, child, now)
            if now - self._logs_seen_at > 60:
                self._logs_seen_at = now
                for child in self._children:
                    shorten(child.service.log)

    def _check(self, index: int, child: Child, now: float) -> None:
        if child.runs():
            if child.failures and now - child.began > _HEALTHY_AFTER:
                child.failures = 0
            return
        if child.again_at is None:
            wait = min(_FIRST_WAIT * 2**child.failures, _LONGEST_WAIT)
            child.failures += 1
            child.again_at = now + wait
            # What it may have left behind would hold its port.
            _signal_group(child, signal.SIGKILL)
            self._say(
                f"{child.service.name} ended ({_ending(child.process.returncode)}) and restarts "
                f"in {wait:.0f} s; its log: {child.service.log}"
            )
        elif now >= child.again_at:
            again = Child(child.service, spawn(child.service), now, failures=child.failures)
            self._children[index] = again
            self._note()

    async def stop(self) -> None:
        """Stop every process, the last started first, each with what it started."""
        for child in reversed(self._children):
            await self._stop(child)
        self._children.clear()

    async def stop_together(self, names: Sequence[str]) -> None:
        """Stop the named ones at the same time, and forget them."""
        chosen = [child for child in self._children if child.service.name in names]
        await asyncio.gather(*(self._stop(child) for child in chosen))
        self._children = [child for child in self._children if child not in chosen]

    async def _stop(self, child: Child) -> None:
        # The leader alone is asked: it knows best how to end what it started. What it leaves
        # behind is ended after it; flow runs lead groups of their own, so these are noted first.
        below = descendants(child.process.pid)
        with contextlib.suppress(ProcessLookupError):
            if child.runs():
                child.process.send_signal(child.service.stop)
        deadline = time.monotonic() + child.service.patience
        while child.runs() and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        _signal_group(child, signal.SIGKILL)
        while child.runs():
            await asyncio.sleep(0.05)
        kill_all(below)

    def kill(self) -> None:
        """End every process at once; for a person who cannot wait."""
        for child in reversed(self._children):
            below = descendants(child.process.pid)
            _signal_group(child, signal.SIGKILL)
            child.process.wait()
            kill_all(below)
        self._children.clear()

    def _note(self) -> None:
        self._changed([child.identity for child in self._children])


def _signal_group(child: Child, number: signal.Signals) -> None:
    # macOS answers "not permitted" where every member has ended.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.process.pid, number)


def _ending(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def shorten(path: Path, limit: int = _LOG_BYTES) -> None:
    """Put a log that has grown too long aside as `NAME.1`, in the place of an older one.

    Its writer appends, so cutting the file under it is safe.
    """
    try:
        if path.stat().st_size > limit:
            shutil.copyfile(path, path.with_name(path.name + ".1"))
            os.truncate(path, 0)
    except FileNotFoundError:
        pass


def tail(path: Path, lines: int = 5) -> str:
    """The last lines of a log, for a message."""
    try:
        text = path.read_text(errors="replace")
    except OSError:
        return ""
    return "\n".join(line for line in text.splitlines()[-lines:] if line.strip())
