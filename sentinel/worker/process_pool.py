"""The pool of child processes: assigns flow runs to children, limits and replaces them.

A flow run goes to a child that has the right version of the code. The result is an `Outcome`; the
supervisor decides what to report to Prefect and to the rule.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Coroutine, Mapping
from datetime import timedelta
from typing import Any, Literal

import msgspec
import psutil

from sentinel.duration import format_duration
from sentinel.printable import counted
from sentinel.worker import ipc
from sentinel.worker.code_version import Code, Files
from sentinel.worker.fork_servers import Child, ForkServers
from sentinel.worker.process import kill_group
from sentinel.worker.settings import Options

__all__ = ["Outcome", "ProcessPool", "Task"]

log = logging.getLogger("sentinel.worker")

_CHECK_EVERY = 0.5
_IDLE_FOR = 60.0
_CANCEL_WITHIN = 5.0
_IMPORT_WITHIN = 60.0
_STOP_WITHIN = 5.0
_FILES_EVERY = 2.0


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """One claimed flow run, ready to start."""

    run: str
    entrypoint: str
    flow_run: bytes
    timeout: timedelta


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of a flow run.

    Attributes:
        kind: ended (the API has its state), failed (it could not be run), died (its child ended),
            late (killed after its timeout), cancelled
        message: the reason in words
        state: name of its final state
        shared: whether other runs were in the same child, so that one of them may be the cause
    """

    kind: Literal["ended", "failed", "died", "late", "cancelled"]
    message: str = ""
    state: str = ""
    shared: bool = False


class _Job:
    """A flow run that is assigned to a child."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.done: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self.submitted = time.monotonic()
        self.started: float | None = None
        self.spent = 0.0
        self.waiting = False
        self.cancelled: float | None = None
        self.shared = False

    def over(self, now: float) -> bool:
        """Return whether its timeout is over; time spent waiting for the API does not count."""
        if self.waiting:
            return False
        if self.started is None:
            # It has not started yet: the import of the flow may hang, too.
            return now - self.submitted > self.task.timeout.total_seconds() + _IMPORT_WITHIN
        return self.spent + now - self.started > self.task.timeout.total_seconds()

    def settle(self, outcome: Outcome) -> None:
        if not self.done.done():
            self.done.set_result(outcome)


class ProcessPool:
    """All child processes of one worker.

    Args:
        options: limits and timeouts
        owner: name of this worker, for the messages of states
        limit: largest number of children
    """

    def __init__(self, options: Options, owner: str, limit: int) -> None:
        self._options = options
        self._owner = owner
        self._limit = limit
        self._code = Code()
        self._files = Files()
        self._loops: set[str] = set()
        self._jobs: dict[int, dict[str, _Job]] = {}
        self._fork_servers = ForkServers(owner, options.log_level, self._on_frame, self._on_exit)
        self._files_at = 0.0
        self._background: set[asyncio.Task[None]] = set()
        self.replaced: dict[str, int] = {}

    async def start(self) -> None:
        """Start watching; children are forked as soon as the fork server is warm."""
        self._fork_servers.start()
        self._spawn(self._watch())

    def set_log_levels(self, levels: Mapping[str, str]) -> None:
        """Give the loggers of all children these levels, which people set."""
        self._fork_servers.set_log_levels(levels)

    @property
    def children(self) -> list[Child]:
        """All children."""
        return self._fork_servers.children

    @property
    def busy(self) -> int:
        """The number of assigned runs."""
        return sum(len(jobs) for jobs in self._jobs.values())

    @property
    def sharing(self) -> int:
        """The number of runs that share an event loop."""
        return sum(len(self._jobs.get(h.token, ())) for h in self._fork_servers.children if h.loops)

    def shares(self, entrypoint: str) -> bool:
        """Return whether runs of this flow are known to share an event loop."""
        return entrypoint in self._loops

    async def perform(self, task: Task, *, alone: bool = False) -> Outcome:
        """Run a flow run in a child, and wait for its end.

        Args:
            task: the flow run
            alone: use a child of its own, also if it could share a loop

        Returns:
            The outcome.
        """
        version = self._code.version(task.entrypoint)
        child = await self._choose_child(task, version, alone=alone)
        job = _Job(task)
        jobs = self._jobs.setdefault(child.token, {})
        for other in (*jobs.values(), job) if jobs else ():
            other.shared = True
        jobs[task.run] = job
        child.loaded[task.entrypoint] = version
        child.alone, child.reserved = alone, False
        try:
            if child.gone:
                # The child ended before the job existed, so `_on_exit` did not see the job.
                return Outcome(kind="died", message="its process ended before it could start")
            child.send(ipc.Perform(task.run, task.entrypoint, task.flow_run))
            return await job.done
        finally:
            jobs.pop(task.run, None)
            self._after_run(child)

    def cancel(self, run: str) -> bool:
        """Cancel a flow run; return false if no child has it."""
        for child in self._fork_servers.children:
            job = self._jobs.get(child.token, {}).get(run)
            if job is not None:
                if job.cancelled is None:
                    job.cancelled = time.monotonic()
                    child.send(ipc.Cancel(run))
                return True
        return False

    async def stop(self) -> None:
        """Stop all children; runs that are still active are killed."""
        for task in self._background:
            task.cancel()
        # Idle children may still send the logs of their runs; the others are killed.
        idle = [child for child in self._fork_servers.children if not self._jobs.get(child.token)]
        for child in idle:
            child.send(ipc.Stop())
        until = time.monotonic() + _STOP_WITHIN
        while time.monotonic() < until and any(
            child in self._fork_servers.children for child in idle
        ):
            await asyncio.sleep(0.05)
        await self._fork_servers.stop()

    # ------------------------------------------------------------------ choosing a child

    async def _choose_child(self, task: Task, version: str, *, alone: bool) -> Child:
        looping = task.entrypoint in self._loops and not alone
        for child in self._fork_servers.children:
            if child.retiring or not child.current or child.alone or child.reserved:
                continue
            if child.loaded.get(task.entrypoint, version) != version:
                self.retire(child, "its code has changed")
                continue
            jobs = self._jobs.get(child.token, {})
            if looping and child.loops and len(jobs) < self._options.loop_limit:
                return child
            if not jobs and not child.loops and not looping:
                return child
        child = await self._fork_servers.fork(reserved=True)
        child.loops = looping
        return child

    def retire(self, child: Child, why: str) -> None:
        """Let a child finish its active runs, and assign no more."""
        if not child.retiring:
            child.retiring = why
            self.replaced[why] = self.replaced.get(why, 0) + 1
            log.info("child %s is replaced: %s", child.pid, why)
        if not self._jobs.get(child.token):
            child.send(ipc.Stop())

    def _after_run(self, child: Child) -> None:
        """Decide after a run whether the child can run another."""
        child.runs += 1
        child.idle_since = time.monotonic()
        if child.gone:
            return
        if child.retiring:
            self.retire(child, child.retiring)
        elif child.alone:
            self.retire(child, "it was forked for one run")
        elif child.runs >= self._options.runs_per_child:
            self.retire(child, f"it has done {counted(child.runs, 'run')}")

    # -------------------------------------------------------- messages from children

    def _on_frame(self, child: Child, frame: Any) -> None:
        job = self._jobs.get(child.token, {}).get(frame.run)
        if job is None:
            return
        now = time.monotonic()
        if isinstance(frame, ipc.Started):
            job.started = now
        elif isinstance(frame, ipc.Waiting):
            if frame.on and job.started is not None:
                job.spent += now - job.started
            job.started = now if job.started is not None else None
            job.waiting = frame.on
        elif isinstance(frame, ipc.Ended):
            if frame.loops:
                self._loops.add(job.task.entrypoint)
                child.loops = True
            if frame.unusable and not child.retiring:
                child.retiring = frame.unusable
                self.replaced[frame.unusable] = self.replaced.get(frame.unusable, 0) + 1
            job.settle(_outcome(frame, job))

    def _on_exit(self, child: Child, how: str) -> None:
        """Settle the runs of a child that ended."""
        if not child.retiring:
            self.replaced["it died"] = self.replaced.get("it died", 0) + 1
        for job in self._jobs.pop(child.token, {}).values():
            if job.cancelled is not None:
                job.settle(Outcome(kind="cancelled", message="cancelled"))
            else:
                message = f"its process ended: {how}"
                job.settle(Outcome(kind="died", message=message, shared=job.shared))

    # --------------------------------------------------------------------- supervision

    async def _watch(self) -> None:
        while True:
            try:
                await self._check()
            except Exception:
                log.exception("checking the child processes failed")
            await asyncio.sleep(_CHECK_EVERY)

    async def _check(self) -> None:
        now = time.monotonic()
        if now - self._files_at > _FILES_EVERY:
            self._files_at = now
            await self._fork_servers.renew(self._files)
        for child in list(self._fork_servers.children):
            self._check_time(child, now)
            self._check_memory(child)
            if not child.current and not child.retiring:
                self.retire(child, "the code has changed")
        idle = [h for h in self._fork_servers.children if self._is_idle(h)]
        for child in idle[self._options.warm :]:
            if now - child.idle_since > _IDLE_FOR:
                self.retire(child, "it is idle")
        if self._fork_servers.ready:
            for _ in range(self._options.warm - len(idle)):
                if len(self._fork_servers.children) < self._limit:
                    await self._fork_servers.add()

    def _is_idle(self, child: Child) -> bool:
        return not (self._jobs.get(child.token) or child.retiring or child.loops or child.reserved)

    def _check_time(self, child: Child, now: float) -> None:
        for job in list(self._jobs.get(child.token, {}).values()):
            if job.over(now):
                took = format_duration(job.task.timeout)
                message = f"it took over {took}, its time and the grace, and its process was killed"
                job.settle(Outcome(kind="late", message=message, shared=job.shared))
                self._kill(child, "a run was over its time")
            elif job.cancelled is not None and now - job.cancelled > _CANCEL_WITHIN:
                job.settle(
                    Outcome(kind="cancelled", message="cancelled, and its process was killed")
                )
                self._kill(child, "a cancelled run did not end")

    def _check_memory(self, child: Child) -> None:
        try:
            memory = child.process.memory_info().rss if child.process else 0
        except psutil.Error:
            return
        child.memory = memory
        most = self._options.memory_per_child * 1_000_000
        if memory > 2 * most:
            for job in self._jobs.get(child.token, {}).values():
                message = f"its process was killed: it used {memory // 1_000_000} MB"
                job.settle(Outcome(kind="died", message=message, shared=job.shared))
            self._kill(child, "it used too much memory")
        elif memory > most and not child.retiring:
            self.retire(child, "it used too much memory")

    def _kill(self, child: Child, why: str) -> None:
        log.warning("child %s is killed: %s", child.pid, why)
        if not child.retiring:
            self.replaced[why] = self.replaced.get(why, 0) + 1
        child.retiring = why
        with contextlib.suppress(ProcessLookupError):
            kill_group(child.pid)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


def _outcome(frame: ipc.Ended, job: _Job) -> Outcome:
    if frame.error:
        return Outcome(kind="failed", message=frame.error)
    if job.cancelled is not None and frame.state_type in ("", "CANCELLING", "CANCELLED"):
        return Outcome(kind="cancelled", message="cancelled", state=frame.state_name)
    return Outcome(kind="ended", state=frame.state_name or frame.state_type)
