"""The supervisor: polls and claims flow runs, runs them in children, reports what those cannot.

Every claimed run is one task from its claim to its end. A request that must reach the API is
retried until it answers; meanwhile nothing is claimed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, Literal, TypeVar
from uuid import uuid4

import msgspec

from sentinel.errors import NotFound, PrefectUnreachable, SentinelError
from sentinel.store import Store
from sentinel.worker import failure_reporting
from sentinel.worker.api_retry import Outage
from sentinel.worker.deployments import Deployments
from sentinel.worker.metrics import Metrics
from sentinel.worker.prefect_client import PAGE, PoolApi
from sentinel.worker.process import memory_of_tree
from sentinel.worker.process_pool import Outcome, ProcessPool, Task
from sentinel.worker.run_ownership import Owner
from sentinel.worker.run_selection import (
    ActiveRun,
    Choice,
    Due,
    choose,
    due_of,
    hard_timeout,
    has_place,
    in_order,
    is_rule,
    rule_name,
)
from sentinel.worker.settings import Options
from sentinel.worker.unsupported import unsupported_reason

__all__ = ["Supervisor"]

log = logging.getLogger("sentinel.worker")
T = TypeVar("T")

_CANCEL_AFTER = 1.0
"""Age in seconds of an active run from which on cancellations are polled for."""
_AT_LEAST = 10.0
"""Longest interval in seconds between polls of all queues, also under load."""
_REPORTED: dict[str, tuple[Literal["FAILED", "CRASHED"], str]] = {
    "late": ("FAILED", "TimedOut"),
    "failed": ("FAILED", ""),
}
"""Type and name of the state that ends a run, by the kind of its outcome."""
_JSON = msgspec.json.Encoder()


class Supervisor:
    """Supervises the flow runs of one worker.

    Args:
        api: the API of its work pool
        options: timeouts and limits
        owner: this worker
        limit: largest number of concurrent runs
        store: the shared database; None if there is none
        queues: names of the work queues to serve; empty for all
    """

    def __init__(
        self,
        api: PoolApi,
        options: Options,
        owner: Owner,
        limit: int,
        store: Store | None,
        queues: Sequence[str] = (),
    ) -> None:
        self.api = api
        self.options = options
        self.owner = owner
        self.store = store
        self.metrics = Metrics()
        self.outage = Outage(self.metrics)
        self.processes = ProcessPool(options, str(owner), limit + options.notification_limit)
        self.active: dict[str, ActiveRun] = {}
        self.polled = time.monotonic()
        self.stopping = False
        self._limit = limit
        self._queues = tuple(sorted(queues))
        self._deployments = Deployments(api)
        self._priorities: dict[str, int] = {}
        self._alone: set[str] = set()
        self._backlog: list[Due] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def poll_forever(self) -> None:
        """Poll for runs until cancelled; active runs continue."""
        whole_at = 0.0
        while True:
            pause = self.options.poll.total_seconds()
            first = self._first_queue()
            now = time.monotonic()
            # While the backlog is full, more polls would only cost the server. The first queue has
            # places and polls of its own, so its backlog says nothing about the others.
            full = self._waiting_beside(first) >= self._limit
            whole = now >= whole_at and (not full or now >= whole_at + _AT_LEAST)
            try:
                if whole and await self.poll():
                    pause = 0.0
                elif whole:
                    others = self.options.poll_others.total_seconds()
                    whole_at = now + (others if first else pause)
                elif first:
                    await self.poll((first,))
            except PrefectUnreachable as error:
                self._backlog = []
                pause = self.outage.pause(error)
            except NotFound:
                pause = 5.0  # the next heartbeat creates the work pool
            except Exception:
                log.exception("polling for runs failed")
                pause = 5.0
            await asyncio.sleep(pause * random.uniform(0.9, 1.1))

    def _first_queue(self) -> str | None:
        """Return the queue that is polled more often; None if there is only one."""
        known = [name for name in self._priorities if not self._queues or name in self._queues]
        return min(known, key=lambda name: self._priorities[name]) if len(known) > 1 else None

    async def poll(self, queues: Sequence[str] = ()) -> bool:
        """Poll once, and start claims.

        Args:
            queues: names of the queues to poll; empty for all

        Returns:
            Whether to poll again at once.

        Raises:
            PrefectUnreachable: the API does not answer
        """
        if not self._priorities:
            self._priorities = await self.api.priorities()
        now = datetime.now(UTC)
        horizon = self.options.ahead + 2 * self.options.poll_others
        found = await self.api.scheduled(now + horizon, queues or self._queues)
        self.polled = time.monotonic()
        due = [due_of(run, self._priorities) for run in found]
        await self._deployments.load(one.deployment for one in due if one.deployment)
        choice = choose(due, now=now, known=self.active, full=len(found) >= PAGE)
        await self._collapse(choice)
        others = [one for one in self._backlog if queues and one.queue not in queues]
        self._backlog = choice.claim + others
        self._fill()
        self.outage.over(self.waiting)
        return choice.again

    def _fill(self) -> None:
        """Start the runs of the backlog that are due and within the limits."""
        now = datetime.now(UTC)
        left: list[Due] = []
        for one in in_order(self._backlog, now):
            if one.id in self.active:
                continue
            if one.at <= now + self.options.ahead and self._fits(one):
                self.active[one.id] = ActiveRun(one, self._entrypoint(one), time.monotonic())
                self._spawn(self._claim_and_run(one))
            else:
                left.append(one)
        self._backlog = left

    async def _collapse(self, choice: Choice) -> None:
        if choice.collapse:
            why = "late; a newer run of the same rule replaces it, and this time stays unknown"
            self.metrics.collapsed += await self.api.collapse(choice.collapse, why)

    def _fits(self, due: Due) -> bool:
        entrypoint = self._entrypoint(due)
        if self.processes.shares(entrypoint):
            return self.processes.sharing < self.options.loop_limit
        alone = [one for one in self.active.values() if not self.processes.shares(one.entrypoint)]
        return has_place(
            due, [one.due for one in alone], self._priorities, self._limit,
            self.options.notification_limit,
        )  # fmt: skip

    def _entrypoint(self, due: Due) -> str:
        deployment = self._deployments.get(due.deployment) if due.deployment else None
        return str((deployment or {}).get("entrypoint") or "")

    async def _claim_and_run(self, due: Due) -> None:
        """Take a run from its claim to its end."""
        try:
            if await self._claim(due):
                await self._run(due)
        except Exception:
            # The other runs continue, and recovery ends this one.
            log.exception("run %s failed in the supervisor", due.id)
        finally:
            self.active.pop(due.id, None)
            if not self.stopping:
                self._fill()

    async def _claim(self, due: Due) -> bool:
        transition = str(uuid4())
        try:
            claim = await self.until_answered(
                lambda: self.api.claim(due.id, transition, str(self.owner))
            )
        except NotFound:
            return False
        if not claim.mine:
            self.metrics.lost_claims += 1
            log.debug("run %s was not granted: %s", due.id, claim.why)
            return False
        due.flow_run["state"] = claim.state
        return True

    async def _run(self, due: Due) -> None:
        run = due.flow_run
        deployment = self._deployments.get(due.deployment) if due.deployment else None
        if deployment is None:
            message = "its deployment is gone" if due.deployment else "it has no deployment"
            await self.until_answered(lambda: self.api.end(due.id, "CANCELLED", message))
            return
        why = unsupported_reason(deployment, run)
        if why:
            log.error("%s", why)
            self.metrics.ended["Refused"] += 1
            await self.until_answered(lambda: self.api.end(due.id, "FAILED", why, name="Refused"))
            return
        await asyncio.sleep(max(0.0, (due.at - datetime.now(UTC)).total_seconds()))
        task = Task(
            run=due.id,
            entrypoint=deployment["entrypoint"],
            flow_run=_JSON.encode(run),
            timeout=hard_timeout(run, grace=self.options.grace, other=self.options.timeout),
        )
        self.active[due.id].began = True
        began = datetime.now(UTC)
        outcome = await self.processes.perform(task, alone=due.id in self._alone)
        self._count(due, began, outcome)
        await self._report_outcome(due, task, outcome)

    def _count(self, due: Due, began: datetime, outcome: Outcome) -> None:
        late = max(0.0, (began - due.at).total_seconds())
        took = (datetime.now(UTC) - began).total_seconds()
        how = outcome.state or outcome.kind.capitalize()
        self.metrics.run_ended(how, late=late, took=took)
        if is_rule(due.flow_run) and due.flow_run.get("auto_scheduled"):
            every = failure_reporting.period(due.flow_run)
            self.metrics.rule_ran(rule_name(due.flow_run), every, late=late, took=took)

    async def _report_outcome(self, due: Due, task: Task, outcome: Outcome) -> None:
        """Report what the child could not report."""
        if outcome.kind == "ended":
            self._alone.discard(due.id)
            return
        # First of all: Prefect may not answer for a while.
        await failure_reporting.release_claims_of(self.store, due.id)
        if outcome.kind == "cancelled":
            if outcome.state != "Cancelled":
                await self.until_answered(
                    lambda: self.api.end(due.id, "CANCELLED", outcome.message)
                )
            return
        if outcome.shared and due.id not in self._alone and outcome.kind in ("died", "late"):
            # One of the runs that shared a loop is the cause; this one is repeated alone.
            self._alone.add(due.id)
            message = f"repeated in a process of its own: {outcome.message}"
            await self.until_answered(lambda: self.api.again(due.id, datetime.now(UTC), message))
            return
        self._alone.discard(due.id)
        log.warning("run %s (%s): %s", due.flow_run.get("name"), task.entrypoint, outcome.message)
        state, name = _REPORTED.get(outcome.kind, ("CRASHED", ""))
        end = partial(self.api.end, due.id, state, outcome.message, name=name)
        await self.until_answered(end)
        await failure_reporting.report(
            self.store, due.flow_run, task.entrypoint, outcome.message, late=outcome.kind == "late"
        )

    async def until_answered(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Send a request until the API answers.

        Args:
            ask: sends the request

        Returns:
            Its result.

        Raises:
            NotFound: the API does not have the object
        """
        pause = 0.5
        while True:
            try:
                return await ask()
            except PrefectUnreachable as error:
                self.outage.begins(error)
                await asyncio.sleep(pause * random.uniform(0.5, 1.5))
                pause = min(15.0, pause * 2)

    @property
    def waiting(self) -> int:
        """Number of runs that are due and wait for a free process."""
        return self._waiting_beside(None)

    def _waiting_beside(self, queue: str | None) -> int:
        """Return how many runs of other queues are due and wait for a free process."""
        now = datetime.now(UTC)
        return sum(1 for one in self._backlog if one.at <= now and one.queue != queue)

    @property
    def running(self) -> int:
        """Number of active runs."""
        return len(self.active)

    async def cancel_when_busy(self) -> None:
        """Cancel runs on request; polls only while a run is old enough to be cancelled.

        Raises:
            PrefectUnreachable: the API does not answer
        """
        now = time.monotonic()
        if any(now - one.since > _CANCEL_AFTER for one in self.active.values()):
            await self.cancel_requested()

    async def cancel_requested(self) -> None:
        """Cancel the runs whose cancellation was requested.

        Raises:
            PrefectUnreachable: the API does not answer
        """
        for run in await self.api.in_state("CANCELLING"):
            known = self.active.get(run["id"])
            if known is None:
                continue
            if not self.processes.cancel(run["id"]) and not known.began:
                await self.api.end(run["id"], "CANCELLED", "cancelled before it started")

    async def refresh(self) -> None:
        """Update changed deployments and the priorities of queues.

        Raises:
            PrefectUnreachable: the API does not answer
        """
        await self._deployments.refresh()
        self._priorities = await self.api.priorities()

    async def finish(self) -> None:
        """Wait until all claimed runs, and due runs of the backlog, have ended."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def drain(self) -> None:
        """Wait for active runs as long as `drain` allows; end the others as Crashed."""
        self.stopping = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.options.drain.total_seconds()):
                await self.finish()
        left = list(self.active.values())
        for task in self._tasks:
            task.cancel()
        await self.processes.stop()
        message = "its worker was stopped before it ended"
        for one in left:
            await failure_reporting.release_claims_of(self.store, one.due.id)
            try:
                ended = await self.api.end(one.due.id, "CRASHED", message)
            except SentinelError as error:
                log.warning("another worker must recover run %s: %s", one.due.id, error)
                continue
            if ended and one.began:
                run = one.due.flow_run
                await failure_reporting.report(self.store, run, one.entrypoint, message)

    def snapshot(self) -> dict[str, Any]:
        """Return the present metrics."""
        return self.metrics.snapshot(
            in_hand=len(self.active),
            waiting=self.waiting,
            children=len(self.processes.children),
            memory=memory_of_tree(),
            replaced=dict(self.processes.replaced),
            api_calls=dict(self.api.calls),
        )

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
