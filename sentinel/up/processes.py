"""The processes of one instance: started together, watched, and stopped together.

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
from sentinel.up.instance import Orphan, descendants, kill_all

__all__ = ["Child", "Family", "Part"]

log = logging.getLogger(__name__)

_LOOK_EVERY = 0.5
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 30.0
_WELL_AFTER = 60.0
"""Seconds after which a child that was started again counts as well."""
_LOG_BYTES = 20_000_000
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Part:
    """How to start one process.

    Args:
        name: for people, and of its log file
        command: program and arguments
        environment: its whole environment
        log: file that its output is appended to
        stop: the signal that asks it to stop
        patience: seconds that it may take to stop before it is killed
        user: user id to run as, where that is not ours
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    stop: signal.Signals = signal.SIGTERM
    patience: float = 10.0
    user: int | None = None


@dataclass
class Child:
    """One process that runs, or that is to be started again."""

    part: Part
    process: subprocess.Popen[bytes]
    began: float
    failures: int = 0
    again_at: float | None = None
    identity: Orphan = field(init=False)

    def __post_init__(self) -> None:
        try:
            started = psutil.Process(self.process.pid).create_time()
        except psutil.Error:
            started = time.time()
        self.identity = Orphan(self.part.name, self.process.pid, started)

    def runs(self) -> bool:
        """Whether the process has not ended."""
        return self.process.poll() is None


def _die_with_us(number: signal.Signals) -> Callable[[], None] | None:
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


def spawn(part: Part) -> subprocess.Popen[bytes]:
    """Start a process; only from the main thread, since the kernel ties it to its thread.

    Raises:
        SentinelError: its program cannot be started
    """
    part.log.parent.mkdir(parents=True, exist_ok=True)
    with part.log.open("ab") as output:
        try:
            return subprocess.Popen(  # noqa: S603 - our own command line
                list(part.command),
                env=dict(part.environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=part.user,
                group=_group_of(part.user),
                extra_groups=[] if part.user is not None else None,
                preexec_fn=_die_with_us(part.stop),
            )
        except OSError as error:
            raise SentinelError(
                f"{part.name} cannot be started: {error.strerror} ({part.command[0]})",
                hint="Install again: make install",
            ) from error


def _group_of(user: int | None) -> int | None:
    if user is None:
        return None
    import pwd

    return pwd.getpwuid(user).pw_gid


class Family:
    """All processes of one instance.

    Args:
        changed: called with all identities whenever a process was started or has ended
        tell: says one sentence to the person
    """

    def __init__(
        self,
        *,
        changed: Callable[[list[Orphan]], None] = lambda _: None,
        tell: Callable[[str], None] = log.warning,
    ) -> None:
        self._children: list[Child] = []
        self._changed = changed
        self._tell = tell
        self._logs_seen_at = time.monotonic()

    @property
    def children(self) -> Sequence[Child]:
        """In the order in which they were started."""
        return tuple(self._children)

    def start(self, part: Part) -> Child:
        """Start a process that is kept running until the family stops."""
        child = Child(part, spawn(part), time.monotonic())
        self._children.append(child)
        self._note()
        return child

    async def finish(self, part: Part) -> int:
        """Run a process to its end, and return its exit code; it stops with the family too."""
        child = self.start(part)
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
        """Start again what died, with growing pauses, until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            now = time.monotonic()
            for index, child in enumerate(self._children):
                self._look(index, child, now)
            if now - self._logs_seen_at > 60:
                self._logs_seen_at = now
                for child in self._children:
                    shorten(child.part.log)

    def _look(self, index: int, child: Child, now: float) -> None:
        if child.runs():
            if child.failures and now - child.began > _WELL_AFTER:
                child.failures = 0
            return
        if child.again_at is None:
            wait = min(_FIRST_WAIT * 2**child.failures, _LONGEST_WAIT)
            child.failures += 1
            child.again_at = now + wait
            # What it may have left behind would hold its port.
            _signal_group(child, signal.SIGKILL)
            self._tell(
                f"{child.part.name} ended ({_ending(child.process.returncode)}) and is started "
                f"again in {wait:.0f} s; its log: {child.part.log}"
            )
        elif now >= child.again_at:
            again = Child(child.part, spawn(child.part), now, failures=child.failures)
            self._children[index] = again
            self._note()

    async def stop(self) -> None:
        """Stop every process, the last started first, each with what it started."""
        for child in reversed(self._children):
            await self._stop(child)
        self._children.clear()

    async def stop_together(self, names: Sequence[str]) -> None:
        """Stop the named ones at the same time, and forget them."""
        chosen = [child for child in self._children if child.part.name in names]
        await asyncio.gather(*(self._stop(child) for child in chosen))
        self._children = [child for child in self._children if child not in chosen]

    async def _stop(self, child: Child) -> None:
        # The leader alone is asked: it knows best how to end what it started. What it leaves
        # behind is ended after it; flow runs lead groups of their own, so these are noted first.
        below = descendants(child.process.pid)
        with contextlib.suppress(ProcessLookupError):
            if child.runs():
                child.process.send_signal(child.part.stop)
        deadline = time.monotonic() + child.part.patience
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
