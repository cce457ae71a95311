"""The worker type that Prefect loads: its name, template, heartbeat, start and stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import signal
import threading
import time
from collections.abc import Awaitable, Callable, Generator, Mapping
from typing import Any

import anyio
import anyio.abc
import httpx
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings
from prefect.workers.base import BaseJobConfiguration, BaseVariables, BaseWorker, BaseWorkerResult

from sentinel.engine.log_levels import LogLevelWatch
from sentinel.errors import NotFound, PrefectUnreachable, SentinelError
from sentinel.printable import clean_log_records, counted
from sentinel.settings import settings
from sentinel.store import Store
from sentinel.worker.job_template import TYPE, base_job_template, other_type
from sentinel.worker.prefect_client import PoolApi
from sentinel.worker.recovery import Recovery
from sentinel.worker.run_ownership import Owner
from sentinel.worker.settings import Options
from sentinel.worker.status_server import StatusServer
from sentinel.worker.supervisor import Supervisor

__all__ = ["SentinelWorker"]

log = logging.getLogger("sentinel.worker")

_CANCEL_EVERY = 1.0
_REFRESH_EVERY = 10.0
_SWEEP_EVERY = 20.0


class SentinelWorker(BaseWorker[BaseJobConfiguration, BaseVariables, BaseWorkerResult]):
    """Runs flows in processes that are warm already.

    Polling, claiming and running are Sentinel's (`Supervisor`); the work pool, the heartbeat and
    the client are Prefect's.
    """

    type = TYPE
    job_configuration = BaseJobConfiguration

    _description = (
        "Runs flows in warm processes: hundreds of short runs a minute, without a start-up time. "
        "Flows use the worker's code and environment; deployments with their own image, command "
        "or code need another type."
    )
    _documentation_url = ""
    _logo_url = ""

    def __init__(
        self,
        work_pool_name: str,
        work_queues: list[str] | None = None,
        name: str | None = None,
        limit: int | None = None,
        **more: Any,
    ) -> None:
        super().__init__(work_pool_name, work_queues, name, limit=limit, **more)
        self._pool = work_pool_name
        self._queues = list(work_queues or ())
        self._most = limit
        self._supervisor: Supervisor | None = None

    @classmethod
    def get_default_base_job_template(cls) -> dict[str, Any]:
        """Return the base job template; its variables have no effect."""
        return base_job_template()

    async def start(
        self,
        run_once: bool = False,
        with_healthcheck: bool = False,
        printer: Callable[..., None] = print,
    ) -> None:
        """Work until cancelled, then wait for active runs.

        Args:
            run_once: run what is due now, and stop
            with_healthcheck: ignored; Prefect's command serves the health check
            printer: prints a line to the terminal
        """
        clean_log_records()
        # Prefect's client would retry for a minute before it reported an outage.
        with _cancel_on_signals(), temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}):
            await self._start(run_once, printer)

    async def _start(self, run_once: bool, printer: Callable[..., None]) -> None:
        options = Options.given()
        limit = self._most or options.limit
        owner = Owner.here(self.name)
        async with self:
            store = _store()
            supervisor = Supervisor(
                PoolApi(self.client, self._pool), options, owner, limit, store, self._queues
            )
            self._supervisor = supervisor
            status_server = StatusServer(
                settings().resolved_home(), self.name, supervisor.snapshot, options.metrics_port
            )
            recovery = Recovery(supervisor, store, owner)
            await supervisor.processes.start()
            await status_server.start()
            log_levels = _watch_log_levels(store, supervisor)
            printer(f"Worker {self.name!r} started!")
            try:
                if run_once:
                    await supervisor.until_answered(supervisor.poll)
                    await supervisor.finish()
                else:
                    async with anyio.create_task_group() as group:
                        group.start_soon(supervisor.poll_forever)
                        group.start_soon(self._send_heartbeats)
                        group.start_soon(self._check_pool_type, supervisor, printer)
                        group.start_soon(self._each, _CANCEL_EVERY, supervisor.cancel_when_busy)
                        group.start_soon(self._each, _REFRESH_EVERY, supervisor.refresh)
                        group.start_soon(self._each, _SWEEP_EVERY, recovery.recover)
            finally:
                with anyio.CancelScope(shield=True):
                    printer(
                        f"Worker {self.name!r} stops; waiting for "
                        f"{counted(supervisor.running, 'run')}."
                    )
                    await supervisor.drain()
                    if log_levels is not None:
                        log_levels.stop()
                    await recovery.release_lease()
                    await status_server.stop()
                    if store is not None:
                        store.close()
        printer(f"Worker {self.name!r} stopped!")

    def is_worker_still_polling(self, query_interval_seconds: float) -> bool:
        """Return whether the worker polled recently, for Prefect's health check."""
        if self._supervisor is None:
            return True
        return time.monotonic() - self._supervisor.polled < 30 * query_interval_seconds

    async def run(
        self,
        flow_run: FlowRun,
        configuration: BaseJobConfiguration,
        task_status: anyio.abc.TaskStatus[int] | None = None,
    ) -> BaseWorkerResult:
        """Reject a flow without a deployment, for which Prefect calls this method.

        Raises:
            NotImplementedError: always
        """
        raise NotImplementedError(
            "a worker of type sentinel runs deployments only: deploy the flow, or submit it to a "
            "work pool of type process"
        )

    async def _send_heartbeats(self) -> None:
        while True:
            try:
                await self.sync_with_backend()
            except httpx.HTTPError as error:
                log.debug("no heartbeat: %s", error)
            await asyncio.sleep(self.heartbeat_interval_seconds * random.uniform(0.85, 1.15))

    async def _check_pool_type(self, supervisor: Supervisor, printer: Callable[..., None]) -> None:
        with contextlib.suppress(NotFound):  # the pool will be created with this type
            kind = await supervisor.until_answered(supervisor.api.kind)
            if note := other_type(self._pool, kind):
                printer(note)

    async def _each(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await work()
            except (PrefectUnreachable, NotFound) as error:
                log.debug("trying again later: %s", error)
            except Exception:
                log.exception("a periodic task of the worker failed")
            await asyncio.sleep(seconds * random.uniform(0.9, 1.1))


@contextlib.contextmanager
def _cancel_on_signals() -> Generator[None]:
    """Cancel this task at the first SIGTERM or SIGINT; a second one ends the process at once.

    Prefect's command passes SIGTERM on as SIGINT, which processes in the background of a script
    ignore.
    """
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    if task is None or threading.current_thread() is not threading.main_thread():
        yield  # only the main thread can handle signals
        return

    def end() -> None:
        task.cancel()
        for number in before:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    for number in before:
        loop.add_signal_handler(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)


def _watch_log_levels(store: Store | None, supervisor: Supervisor) -> LogLevelWatch | None:
    """Follow the log levels that people set, here and in the children."""
    if store is None:
        return None
    loop = asyncio.get_running_loop()

    def changed(levels: Mapping[str, str]) -> None:
        loop.call_soon_threadsafe(supervisor.processes.set_log_levels, levels)

    watch = LogLevelWatch(store, changed)
    watch.start()
    return watch


def _store() -> Store | None:
    try:
        return Store.of(settings())
    except SentinelError as error:
        log.warning("no shared database, so crashes are not reported to rules: %s", error)
        return None
