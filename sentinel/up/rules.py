"""Block types and deployments of a start, and the first run of each demo rule."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

from sentinel.errors import ConfigurationError, PrefectUnreachable
from sentinel.up import services
from sentinel.up.console import StartScreen
from sentinel.up.plan import Plan
from sentinel.up.processes import ProcessGroup, tail
from sentinel.up.rollout import DEMO, Rollout, demo_paused, demo_to_pause, find_rules
from sentinel.up.setup import Setup

__all__ = ["RULES", "Rules"]

log = logging.getLogger(__name__)

RULES = "Rules"


class Rules:
    """Rolls out what is in `prefect.yaml`.

    Args:
        plan: of this start
        environment: of the processes it starts
        processes: runs and stops them
        screen: the terminal that shows progress
        setup: opens a connection to Prefect
    """

    def __init__(
        self,
        plan: Plan,
        environment: Mapping[str, str],
        processes: ProcessGroup,
        screen: StartScreen,
        setup: Callable[[], Setup],
    ) -> None:
        self._plan = plan
        self._environment = dict(environment)
        self._processes = processes
        self._screen = screen
        self._setup = setup

    async def start(self, tables: Awaitable[None], pool: Awaitable[None]) -> None:
        """Block types and deployments, and a first run of each demo rule."""
        plan = self._plan
        source = find_rules(plan.options)
        rules: Rollout | None = None
        try:
            rules = Rollout(source, demo=plan.options.demo) if source else None
        except ConfigurationError as error:
            self._screen.step(RULES, "failed", str(error))
        if source is None:
            self._screen.step(RULES, "ready", "there is no prefect.yaml, so none")
        started = asyncio.Event()
        with self._setup() as setup:
            await tables  # before anything of a rule can run
            looking = asyncio.create_task(self._first_looks(setup, pool, started))
            try:
                if rules is not None:
                    await self._roll_out(rules, setup, pool)
                await pool
            finally:
                started.set()
            await looking

    async def _roll_out(self, rules: Rollout, setup: Setup, pool: Awaitable[None]) -> None:
        rules.keep_demo(self._plan.home)
        digest = await asyncio.to_thread(rules.digest, self._plan.prefect_api)
        unchanged = f"{rules.in_words}, unchanged"
        if rules.is_done(self._plan.home, digest):
            await pool
            if not rules.missing(await _names(setup)):
                self._screen.step(RULES, "ready", unchanged)
                return
        self._screen.step(RULES, "starts", f"deploying {len(rules.names)}")
        service = services.rollout(self._plan, self._environment, rules.write(self._plan.home))
        code = await self._processes.finish(service)
        missing = rules.missing(await _names(setup))
        if code or missing:
            what = f"not deployed: {', '.join(missing)}" if missing else tail(service.log, 3)
            self._screen.step(RULES, "failed", f"{what} (see {service.log})")
            return
        rules.done(self._plan.home, digest)
        self._screen.step(RULES, "ready", rules.in_words)

    async def _first_looks(
        self, setup: Setup, pool: Awaitable[None], started: asyncio.Event
    ) -> None:
        """Run each demo rule once, as soon as it is deployed: its schedule may be a while away."""
        await pool
        seen: set[str] = set()
        while True:
            last = started.is_set()
            try:
                there = await asyncio.to_thread(setup.deployments, tags=[DEMO])
                act, due = setup.pause, demo_to_pause(self._plan.home, there)
                if self._plan.options.demo:
                    act = setup.run_deployment
                    due = [str(one["id"]) for one in there if not one.get("paused")]
                for deployment in due:
                    if deployment not in seen:
                        await asyncio.to_thread(act, deployment)
                        seen.add(deployment)
            except PrefectUnreachable as error:
                # On SQLite the server answers 503 while deployments are being written. What is
                # missed here runs by its schedule.
                log.info("asking again: %s", error)
            if last:
                break
            with suppress(TimeoutError):
                await asyncio.wait_for(started.wait(), 0.5)
        if seen and not self._plan.options.demo:
            demo_paused(self._plan.home)
            self._screen.say(
                f"Paused {len(seen)} demo rules that an earlier start had deployed (--no-demo)."
            )


async def _names(setup: Setup, tries: int = 10) -> list[str]:
    """Names of all deployments; a server that is busy for a moment is asked again."""
    while True:
        try:
            found = await asyncio.to_thread(setup.deployments)
            return [str(deployment["name"]) for deployment in found]
        except PrefectUnreachable:
            tries -= 1
            if not tries:
                raise
            await asyncio.sleep(1)
