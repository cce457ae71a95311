"""Polls, claims, hands to children, and tells Prefect what they could not.

Every claimed run is one task from its claim to its end. What has to be told to the API is told
again until it answers; meanwhile nothing is claimed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import uuid4

import msgspec

from sentinel.errors import NotFound, PrefectUnreachable, SentinelError
from sentinel.store import Store
from sentinel.worker import failure_reporting
from sentinel.worker.api_retry import Outage
from sentinel.worker.deployments import Deployments
from sentinel.worker.metrics import Figures
from sentinel.worker.prefect_client import PAGE, PoolApi
from sentinel.worker.process import memory_of_tree
from sentinel.worker.process_pool import Crew, Outcome, Task
from sentinel.worker.run_ownership import Owner
from sentinel.worker.run_selection import (
    Choice,
    Due,
    choose,
    due_of,
    hard_timeout,
    in_order,
    is_rule,
    rule_name,
)
from sentinel.worker.settings import Options
from sentinel.worker.unsupported import refusal

__all__ = ["Supervisor"]

log = logging.getLogger("sentinel.worker")
T = TypeVar("T")

_URGENT_ROOM = 2
"""Runs of the first work queue that may be in hand beyond the limit."""
_CANCEL_AFTER = 1.0
"""Seconds that a run has been in hand before it is worth asking whether to cancel it."""
_AT_LEAST = 10.0
"""Seconds within which all queues are looked at, however much there is to do."""
_JSON = msgspec.json.Encoder()


class InHand(msgspec.Struct):
    """A run that this worker has claimed, or is about to."""

    due: Due
    entrypoint: str
    since: float
    began: bool = False


class Supervisor:
    """One worker's work.

    Args:
        api: of its pool
        options: times and limits
        owner: who this is
        limit: most runs at once
        store: the shared database; None where there is none
        queues: names of the work queues to serve; empty means all
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
        self.figures = Figures()
        self.outage = Outage(self.figures)
        self.crew = Crew(options, str(owner), limit + _URGENT_ROOM)
        self.in_hand: dict[str, InHand] = {}
        self.polled = time.monotonic()
        self.stopping = False
        self._limit = limit
        self._queues = tuple(sorted(queues))
        self._deployments = Deployments(api)
        self._priorities: dict[str, int] = {}
        self._alone: set[str] = set()
        self._backlog: list[Due] = []
        self._tasks: set[asyncio.Task[None]] = set()

    # ----------------------------------------------------------------------------- polling

    async def poll_for_ever(self) -> None:
        """Look for runs until cancelled; what is in hand goes on."""
        whole_at = 0.0
        while True:
            pause = self.options.poll.total_seconds()
            first = self._first_queue()
            now = time.monotonic()
            # While there is plenty to do, looking for more only costs the server.
            whole = now >= whole_at and (self.waiting < self._limit or now >= whole_at + _AT_LEAST)
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
                pause = 5.0  # the pool is made by the next heartbeat, or by whoever is told of it
            except Exception:
                log.exception("looking for runs")
                pause = 5.0
            await asyncio.sleep(pause * random.uniform(0.9, 1.1))

    def _first_queue(self) -> str | None:
        """The queue that is looked at more often, where there are several."""
        known = [name for name in self._priorities if not self._queues or name in self._queues]
        return min(known, key=lambda name: self._priorities[name]) if len(known) > 1 else None

    async def poll(self, queues: Sequence[str] = ()) -> bool:
        """Look once, and claim; whether to look again at once.

        Args:
            queues: names of those to look at; empty means all

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
        await self._deployments.learn(one.deployment for one in due if one.deployment)
        choice = choose(due, now=now, known=self.in_hand, full=len(found) >= PAGE)
        await self._collapse(choice)
        others = [one for one in self._backlog if queues and one.queue not in queues]
        self._backlog = choice.claim + others
        self._fill()
        self.outage.over(self.waiting)
        return choice.again

    def _fill(self) -> None:
        """Begin what is due and has a place, of what the polls have found."""
        now = datetime.now(UTC)
        left: list[Due] = []
        for one in in_order(self._backlog, now):
            if one.id in self.in_hand:
                continue
            if one.at <= now + self.options.ahead and self._fits(one):
                self.in_hand[one.id] = InHand(one, self._entrypoint(one), time.monotonic())
                self._spawn(self._carry(one))
            else:
                left.append(one)
        self._backlog = left

    async def _collapse(self, choice: Choice) -> None:
        if choice.collapse:
            said = "late; a newer run of the same rule stands for it, and this time stays unknown"
            self.figures.collapsed += await self.api.collapse(choice.collapse, said)

    def _fits(self, due: Due) -> bool:
        entrypoint = self._entrypoint(due)
        if self.crew.shares(entrypoint):
            return self.crew.sharing < self.options.loop_limit
        alone = sum(1 for one in self.in_hand.values() if not self.crew.shares(one.entrypoint))
        first = min(self._priorities.values(), default=0)
        urgent = len(self._priorities) > 1 and due.priority <= first
        return alone < self._limit + (_URGENT_ROOM if urgent else 0)

    def _entrypoint(self, due: Due) -> str:
        deployment = self._deployments.get(due.deployment) if due.deployment else None
        return str((deployment or {}).get("entrypoint") or "")

    # ------------------------------------------------------------------------------ one run

    async def _carry(self, due: Due) -> None:
        """A run from its claim to its end."""
        try:
            if await self._claimed(due):
                await self._run(due)
        except Exception:
            # The edge of a run: the others go on, and the sweep ends what is left of this one.
            log.exception("run %s", due.id)
        finally:
            self.in_hand.pop(due.id, None)
            if not self.stopping:
                self._fill()

    async def _claimed(self, due: Due) -> bool:
        transition = str(uuid4())
        try:
            claim = await self.insist(lambda: self.api.claim(due.id, transition, str(self.owner)))
        except NotFound:
            return False
        if not claim.mine:
            self.figures.lost_claims += 1
            log.debug("run %s is not ours: %s", due.id, claim.why)
            return False
        due.flow_run["state"] = claim.state
        return True

    async def _run(self, due: Due) -> None:
        run = due.flow_run
        deployment = self._deployments.get(due.deployment) if due.deployment else None
        if deployment is None:
            says = "its deployment is gone" if due.deployment else "it has no deployment"
            await self.insist(lambda: self.api.end(due.id, "CANCELLED", says))
            return
        why = refusal(deployment, run)
        if why:
            log.error("%s", why)
            self.figures.ended["Refused"] += 1
            await self.insist(lambda: self.api.end(due.id, "FAILED", why, name="Refused"))
            return
        await asyncio.sleep(max(0.0, (due.at - datetime.now(UTC)).total_seconds()))
        task = Task(
            run=due.id,
            entrypoint=deployment["entrypoint"],
            flow_run=_JSON.encode(run),
            timeout=hard_timeout(run, grace=self.options.grace, other=self.options.timeout),
        )
        self.in_hand[due.id].began = True
        began = datetime.now(UTC)
        outcome = await self.crew.perform(task, alone=due.id in self._alone)
        self._count(due, began, outcome)
        await self._settle(due, task, outcome)

    def _count(self, due: Due, began: datetime, outcome: Outcome) -> None:
        late = max(0.0, (began - due.at).total_seconds())
        took = (datetime.now(UTC) - began).total_seconds()
        how = outcome.state or outcome.kind.capitalize()
        self.figures.run_ended(how, late=late, took=took)
        if is_rule(due.flow_run) and due.flow_run.get("auto_scheduled"):
            every = failure_reporting.period(due.flow_run)
            self.figures.rule_ran(rule_name(due.flow_run), every, late=late, took=took)

    async def _settle(self, due: Due, task: Task, outcome: Outcome) -> None:
        """Tell what the child could not."""
        if outcome.kind == "ended":
            self._alone.discard(due.id)
            return
        if outcome.kind == "cancelled":
            if outcome.state != "Cancelled":
                await self.insist(lambda: self.api.end(due.id, "CANCELLED", outcome.says))
            return
        if outcome.shared and due.id not in self._alone and outcome.kind in ("died", "late"):
            # One of those that shared a loop did it, and nobody knows which: once more, alone.
            self._alone.add(due.id)
            says = f"done again in a process of its own: {outcome.says}"
            await self.insist(lambda: self.api.again(due.id, datetime.now(UTC), says))
            return
        self._alone.discard(due.id)
        log.warning("run %s (%s): %s", due.flow_run.get("name"), task.entrypoint, outcome.says)
        if outcome.kind == "late":
            end = lambda: self.api.end(due.id, "FAILED", outcome.says, name="TimedOut")  # noqa: E731
        elif outcome.kind == "failed":
            end = lambda: self.api.end(due.id, "FAILED", outcome.says)  # noqa: E731
        else:
            end = lambda: self.api.end(due.id, "CRASHED", outcome.says)  # noqa: E731
        await self.insist(end)
        await self._tell_rule(due, task.entrypoint, outcome.says, late=outcome.kind == "late")

    async def _tell_rule(self, due: Due, entrypoint: str, says: str, *, late: bool = False) -> None:
        if self.store is not None:
            await asyncio.to_thread(
                failure_reporting.safely, "tell a rule that its check failed",
                failure_reporting.tell_failed,
                self.store, due.flow_run, entrypoint, says, late=late,
            )  # fmt: skip

    async def insist(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask the API until it answers.

        Raises:
            NotFound: it knows no such thing
        """
        pause = 0.5
        while True:
            try:
                return await ask()
            except PrefectUnreachable as error:
                self.outage.begins(error)
                await asyncio.sleep(pause * random.uniform(0.5, 1.5))
                pause = min(15.0, pause * 2)

    # ------------------------------------------------------------------------------- upkeep

    @property
    def waiting(self) -> int:
        """How many runs are due, and wait for a place."""
        now = datetime.now(UTC)
        return sum(1 for one in self._backlog if one.at <= now)

    @property
    def running(self) -> int:
        """How many runs are in hand."""
        return len(self.in_hand)

    async def cancel_when_busy(self) -> None:
        """End what somebody wants cancelled; asks only while there is anything to cancel.

        Raises:
            PrefectUnreachable: the API does not answer
        """
        now = time.monotonic()
        if any(now - one.since > _CANCEL_AFTER for one in self.in_hand.values()):
            await self.cancel_asked()

    async def cancel_asked(self) -> None:
        """End what somebody wants cancelled.

        Raises:
            PrefectUnreachable: the API does not answer
        """
        for run in await self.api.in_state("CANCELLING"):
            known = self.in_hand.get(run["id"])
            if known is None:
                continue
            if not self.crew.cancel(run["id"]) and not known.began:
                await self.api.end(run["id"], "CANCELLED", "cancelled before it began")

    async def refresh(self) -> None:
        """Take in changed deployments and queues.

        Raises:
            PrefectUnreachable: the API does not answer
        """
        await self._deployments.refresh()
        self._priorities = await self.api.priorities()

    async def finish(self) -> None:
        """Wait until all that is due and was found has been done, also what had no place yet."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def drain(self) -> None:
        """Let what is in hand end, for as long as the options allow; what is left crashes."""
        self.stopping = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.options.drain.total_seconds()):
                await self.finish()
        left = list(self.in_hand.values())
        for task in self._tasks:
            task.cancel()
        await self.crew.stop()
        says = "its worker was stopped before it ended"
        for one in left:
            try:
                ended = await self.api.end(one.due.id, "CRASHED", says)
            except SentinelError as error:
                log.warning("run %s is left to whichever worker looks next: %s", one.due.id, error)
                continue
            if ended and one.began:
                await self._tell_rule(one.due, one.entrypoint, says)

    def snapshot(self) -> dict[str, Any]:
        """The present figures."""
        return self.figures.snapshot(
            in_hand=len(self.in_hand),
            waiting=self.waiting,
            children=len(self.crew.hands),
            memory=memory_of_tree(),
            replaced=dict(self.crew.recycled),
            api_calls=dict(self.api.calls),
        )

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
