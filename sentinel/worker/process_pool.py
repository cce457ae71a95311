"""The children as their parent sees them: who is idle, who runs what, who must go.

A run is handed to a child that has the right code, waited for, and answered with what came of
it. What that means for Prefect and for the rule is the supervisor's to say.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any, Literal

import msgspec
import psutil

from sentinel.duration import format_duration
from sentinel.worker import ipc
from sentinel.worker.code_version import Code, Files
from sentinel.worker.fork_servers import Brood, Hand
from sentinel.worker.process import end_group
from sentinel.worker.settings import Options

__all__ = ["Crew", "Outcome", "Task"]

log = logging.getLogger("sentinel.worker")

_LOOK_EVERY = 0.5
_IDLE_FOR = 60.0
_CANCEL_WITHIN = 5.0
_IMPORT_WITHIN = 60.0
_STOP_WITHIN = 5.0
_FILES_EVERY = 2.0


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """One claimed run, ready to go."""

    run: str
    entrypoint: str
    flow_run: bytes
    timeout: timedelta


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a run.

    Attributes:
        kind: ended (the API knows its state), failed (it could not be run), died (its child
            did), late (over its time, and killed), cancelled
        says: why, for people
        state: name of the state that it ended in
        shared: others ran in the same child, so that it may not have been this one's doing
    """

    kind: Literal["ended", "failed", "died", "late", "cancelled"]
    says: str = ""
    state: str = ""
    shared: bool = False


class _Job:
    """A run that a child has in hand."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.done: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self.handed = time.monotonic()
        self.begun: float | None = None
        self.spent = 0.0
        self.held = False
        self.cancelled: float | None = None
        self.shared = False

    def over(self, now: float) -> bool:
        """Whether its time is up; waiting for the API is not its time."""
        if self.held:
            return False
        if self.begun is None:
            # It has not come so far: the flow's import may hang, too.
            return now - self.handed > self.task.timeout.total_seconds() + _IMPORT_WITHIN
        return self.spent + now - self.begun > self.task.timeout.total_seconds()

    def settle(self, outcome: Outcome) -> None:
        if not self.done.done():
            self.done.set_result(outcome)


class Crew:
    """All children of one worker.

    Args:
        options: limits and times
        owner: who this worker is, for the messages of states
        limit: most runs at once; one more where `urgent`
    """

    def __init__(self, options: Options, owner: str, limit: int) -> None:
        self._options = options
        self._owner = owner
        self._limit = limit
        self._code = Code()
        self._files = Files()
        self._loops: set[str] = set()
        self._jobs: dict[int, dict[str, _Job]] = {}
        self._brood = Brood(owner, options.log_level, self._heard, self._ended)
        self._files_at = 0.0
        self._background: set[asyncio.Task[None]] = set()
        self.recycled: dict[str, int] = {}

    async def start(self) -> None:
        """Begin to watch; children are forked as soon as the nursery is warm."""
        self._brood.start()
        self._spawn(self._watch())

    @property
    def hands(self) -> list[Hand]:
        """All children."""
        return self._brood.hands

    @property
    def busy(self) -> int:
        """How many runs are in hand."""
        return sum(len(jobs) for jobs in self._jobs.values())

    @property
    def sharing(self) -> int:
        """How many runs share a loop."""
        return sum(len(self._jobs.get(h.token, ())) for h in self._brood.hands if h.loops)

    def shares(self, entrypoint: str) -> bool:
        """Whether runs of this flow share a loop, as far as is known."""
        return entrypoint in self._loops

    async def perform(self, task: Task, *, alone: bool = False) -> Outcome:
        """Run it in a child, and say what came of it.

        Args:
            task: what
            alone: in a child of its own, also where it could share a loop
        """
        version = self._code.version(task.entrypoint)
        hand = await self._hand(task, version, alone=alone)
        job = _Job(task)
        jobs = self._jobs.setdefault(hand.token, {})
        for other in (*jobs.values(), job) if jobs else ():
            other.shared = True
        jobs[task.run] = job
        hand.loaded[task.entrypoint] = version
        hand.alone, hand.reserved = alone, False
        try:
            if hand.gone:
                # It ended before it had the run, and that was told before there was a job.
                return Outcome(kind="died", says="its process ended before it could begin")
            hand.send(ipc.Perform(task.run, task.entrypoint, task.flow_run))
            return await job.done
        finally:
            jobs.pop(task.run, None)
            self._look_after(hand)

    def cancel(self, run: str) -> bool:
        """Have a run end as cancelled; false where no child has it."""
        for hand in self._brood.hands:
            job = self._jobs.get(hand.token, {}).get(run)
            if job is not None:
                if job.cancelled is None:
                    job.cancelled = time.monotonic()
                    hand.send(ipc.Cancel(run))
                return True
        return False

    async def stop(self) -> None:
        """End all children; runs that are still in hand die."""
        for task in self._background:
            task.cancel()
        # Those that are idle may send what their runs have logged; the others are killed.
        idle = [hand for hand in self._brood.hands if not self._jobs.get(hand.token)]
        for hand in idle:
            hand.send(ipc.Stop())
        until = time.monotonic() + _STOP_WITHIN
        while time.monotonic() < until and any(hand in self._brood.hands for hand in idle):
            await asyncio.sleep(0.05)
        await self._brood.stop()

    # ------------------------------------------------------------------ choosing a child

    async def _hand(self, task: Task, version: str, *, alone: bool) -> Hand:
        looping = task.entrypoint in self._loops and not alone
        for hand in self._brood.hands:
            if hand.retiring or not hand.current or hand.alone or hand.reserved:
                continue
            if hand.loaded.get(task.entrypoint, version) != version:
                self.retire(hand, "its code has changed")
                continue
            jobs = self._jobs.get(hand.token, {})
            if looping and hand.loops and len(jobs) < self._options.loop_limit:
                return hand
            if not jobs and not hand.loops and not looping:
                return hand
        hand = await self._brood.fork(reserved=True)
        hand.loops = looping
        return hand

    def retire(self, hand: Hand, why: str) -> None:
        """Let a child end what it has in hand, and no more."""
        if not hand.retiring:
            hand.retiring = why
            self.recycled[why] = self.recycled.get(why, 0) + 1
            log.info("child %s is replaced: %s", hand.pid, why)
        if not self._jobs.get(hand.token):
            hand.send(ipc.Stop())

    def _look_after(self, hand: Hand) -> None:
        """After a run: whether the child may do another."""
        hand.runs += 1
        hand.idle_since = time.monotonic()
        if hand.gone:
            return
        if hand.retiring:
            self.retire(hand, hand.retiring)
        elif hand.alone:
            self.retire(hand, "it had one run to do")
        elif hand.runs >= self._options.runs_per_child:
            self.retire(hand, f"it has done {hand.runs} runs")

    # --------------------------------------------------------------- what children say

    def _heard(self, hand: Hand, frame: Any) -> None:
        job = self._jobs.get(hand.token, {}).get(frame.run)
        if job is None:
            return
        now = time.monotonic()
        if isinstance(frame, ipc.Begun):
            job.begun = now
        elif isinstance(frame, ipc.Held):
            if frame.on and job.begun is not None:
                job.spent += now - job.begun
            job.begun = now if job.begun is not None else None
            job.held = frame.on
        elif isinstance(frame, ipc.Ended):
            if frame.loops:
                self._loops.add(job.task.entrypoint)
                hand.loops = True
            if frame.spoilt and not hand.retiring:
                hand.retiring = frame.spoilt
                self.recycled[frame.spoilt] = self.recycled.get(frame.spoilt, 0) + 1
            job.settle(_outcome(frame, job))

    def _ended(self, hand: Hand, how: str) -> None:
        """A child is gone, with all that it had in hand."""
        if not hand.retiring:
            self.recycled["it died"] = self.recycled.get("it died", 0) + 1
        for job in self._jobs.pop(hand.token, {}).values():
            if job.cancelled is not None:
                job.settle(Outcome(kind="cancelled", says="cancelled"))
            else:
                says = f"its process ended: {how}"
                job.settle(Outcome(kind="died", says=says, shared=job.shared))

    # --------------------------------------------------------------------- keeping watch

    async def _watch(self) -> None:
        while True:
            try:
                await self._look()
            except Exception:
                log.exception("looking after the children")
            await asyncio.sleep(_LOOK_EVERY)

    async def _look(self) -> None:
        now = time.monotonic()
        if now - self._files_at > _FILES_EVERY:
            self._files_at = now
            await self._brood.renew(self._files)
        for hand in list(self._brood.hands):
            self._check_time(hand, now)
            self._check_memory(hand)
            if not hand.current and not hand.retiring:
                self.retire(hand, "the code has changed")
        idle = [h for h in self._brood.hands if self._is_idle(h)]
        for hand in idle[self._options.warm :]:
            if now - hand.idle_since > _IDLE_FOR:
                self.retire(hand, "it has nothing to do")
        if self._brood.ready:
            for _ in range(self._options.warm - len(idle)):
                if len(self._brood.hands) < self._limit:
                    await self._brood.add()

    def _is_idle(self, hand: Hand) -> bool:
        return not (self._jobs.get(hand.token) or hand.retiring or hand.loops or hand.reserved)

    def _check_time(self, hand: Hand, now: float) -> None:
        for job in list(self._jobs.get(hand.token, {}).values()):
            if job.over(now):
                took = format_duration(job.task.timeout)
                says = f"it took over {took}, its time and the grace, and its process was killed"
                job.settle(Outcome(kind="late", says=says, shared=job.shared))
                self._kill(hand, "a run was over its time")
            elif job.cancelled is not None and now - job.cancelled > _CANCEL_WITHIN:
                job.settle(Outcome(kind="cancelled", says="cancelled, and its process was killed"))
                self._kill(hand, "a cancelled run did not end")

    def _check_memory(self, hand: Hand) -> None:
        try:
            memory = hand.process.memory_info().rss if hand.process else 0
        except psutil.Error:
            return
        hand.memory = memory
        most = self._options.memory_per_child * 1_000_000
        if memory > 2 * most:
            for job in self._jobs.get(hand.token, {}).values():
                says = f"its process was killed: it used {memory // 1_000_000} MB"
                job.settle(Outcome(kind="died", says=says, shared=job.shared))
            self._kill(hand, "it used too much memory")
        elif memory > most and not hand.retiring:
            self.retire(hand, "it used too much memory")

    def _kill(self, hand: Hand, why: str) -> None:
        log.warning("child %s is killed: %s", hand.pid, why)
        if not hand.retiring:
            self.recycled[why] = self.recycled.get(why, 0) + 1
        hand.retiring = why
        with contextlib.suppress(ProcessLookupError):
            end_group(hand.pid)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


def _outcome(frame: ipc.Ended, job: _Job) -> Outcome:
    if frame.error:
        return Outcome(kind="failed", says=frame.error)
    if job.cancelled is not None and frame.state_type in ("", "CANCELLING", "CANCELLED"):
        return Outcome(kind="cancelled", says="cancelled", state=frame.state_name)
    return Outcome(kind="ended", state=frame.state_name or frame.state_type)
