"""The child process: runs synchronous flows one after the other, asynchronous ones concurrently.

A synchronous flow has the process to itself, so that it cannot harm other flow runs. After the
first asynchronous flow, the process runs an event loop, which several asynchronous flow runs
share.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import queue
import signal
import socket
import threading
from typing import Any
from uuid import UUID

from prefect import Flow
from prefect.client.schemas.objects import FlowRun, State
from prefect.exceptions import Abort, ObjectNotFound, Pause
from prefect.flows import load_flow_from_entrypoint

from sentinel.engine.lanes import LANE_THREAD
from sentinel.settings.log_levels import apply_levels
from sentinel.worker import ipc
from sentinel.worker.active_runs import Listener, Runs
from sentinel.worker.engine import (
    enter_async_client,
    enter_client,
    perform,
    perform_async,
)
from sentinel.worker.prefect_private import APILogHandler, APILogWorker, EventsWorker

__all__ = ["prepare", "serve"]

log = logging.getLogger("sentinel.worker.child")
_Frame = ipc.Perform | ipc.Cancel | ipc.LogLevels | ipc.Stop
_OFF = 1000


def prepare(level: str) -> None:
    """Set the lowest level of flow run logs that is sent to the API, before children are forked."""
    least = _OFF if level == "OFF" else logging.getLevelNamesMapping()[level]
    for name in ("prefect.flow_runs", "prefect.task_runs"):
        for handler in logging.getLogger(name).handlers:
            if isinstance(handler, APILogHandler):
                handler.setLevel(least)
                handler.addFilter(_of_the_flow)


def _of_the_flow(record: logging.LogRecord) -> bool:
    """Return whether a record says more than the states of the flow run do."""
    return record.levelno > logging.INFO or record.module != "flow_engine"


def serve(connection: socket.socket, owner: str) -> int:
    """Run the flow runs that the parent sends until it sends `Stop`; return the exit code."""
    # A process that a flow forks must not hold the socket open after this process ended.
    os.register_at_fork(after_in_child=connection.close)
    child = _Child(connection, owner)
    threading.Thread(target=child.listen, name="parent", daemon=True).start()
    code = child.work()
    for worker in (APILogWorker, EventsWorker):
        worker.drain_all(timeout=5)
    return code


class _Child(Listener):
    def __init__(self, connection: socket.socket, owner: str) -> None:
        self._connection = connection
        self._sending = threading.Lock()
        self._inbox: queue.SimpleQueue[ipc.Perform | None] = queue.SimpleQueue()
        self._runs = Runs(f"{owner}, process {os.getpid()}", self)
        self._now: UUID | None = None
        self._main = threading.get_ident()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: dict[UUID, asyncio.Task[None]] = {}
        self._flows: dict[str, Flow[..., Any]] = {}
        self._stopping = False

    # -------------------------------------------------------------- the listening thread

    def listen(self) -> None:
        """Receive frames from the parent, and exit when the parent is gone."""
        while (body := ipc.receive(self._connection)) is not None:
            frame: _Frame = ipc.decode(body, _Frame)
            if isinstance(frame, ipc.Cancel):
                self._cancel(UUID(frame.run))
            elif isinstance(frame, ipc.LogLevels):
                apply_levels(frame.levels)
            else:
                self._put(frame if isinstance(frame, ipc.Perform) else None)
        # There is no supervisor any more; another worker ends the active runs as Crashed.
        os._exit(0)

    def _put(self, frame: ipc.Perform | None) -> None:
        loop = self._loop
        if loop is None:
            self._inbox.put(frame)
        else:
            loop.call_soon_threadsafe(self._take, frame)

    def _cancel(self, run: UUID) -> None:
        self._runs.cancelled.add(run)
        loop = self._loop
        if loop is not None:
            loop.call_soon_threadsafe(self._cancel_task, run)
        elif self._now == run:
            signal.pthread_kill(self._main, signal.SIGTERM)

    def _cancel_task(self, run: UUID) -> None:
        if run in self._tasks:
            self._tasks[run].cancel()

    # -------------------------------------------------------------------- the main thread

    def work(self) -> int:
        """Run flows until the parent sends `Stop`."""
        with enter_client(self._runs):
            while (frame := self._inbox.get()) is not None:
                flow = self._load(frame)
                if flow is None:
                    continue
                if flow.isasync:
                    asyncio.run(self._share(frame, flow))
                    return 0
                self._one(frame, flow)
        return 0

    def _load(self, frame: ipc.Perform) -> Flow[..., Any] | None:
        try:
            if frame.entrypoint not in self._flows:
                self._flows[frame.entrypoint] = load_flow_from_entrypoint(
                    frame.entrypoint, use_placeholder_flow=False
                )
            return self._flows[frame.entrypoint]
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a user's file can raise anything; it is reported
            text = f"{type(error).__name__}: {error}"
            if error.__cause__ is not None:
                text += f" ({error.__cause__})"
            what = f"the flow {frame.entrypoint} cannot be loaded: {text}"
            # The module may be partly imported, so another child imports it again.
            self._send(ipc.Ended(frame.run, error=what, unusable="a flow could not be loaded"))
            return None

    def _one(self, frame: ipc.Perform, flow: Flow[..., Any]) -> None:
        before = set(threading.enumerate())
        run = FlowRun.model_validate_json(frame.flow_run)
        self._runs.add(run)
        self._now = run.id
        unusable = ""
        state: State[Any] | None = None
        error = ""
        try:
            state = perform(flow, run, self._runs)
        except BaseException as caught:  # noqa: BLE001 - a flow can raise anything; the engine reported its state
            state, error, unusable = _after(caught, run)
        self._now = None
        self._runs.check_process()
        self._runs.remove(run.id)
        unusable = unusable or _left_behind(before)
        self._end(frame.run, state, error, unusable)

    def _end(
        self, run: str, state: State[Any] | None, error: str, unusable: str, loops: bool = False
    ) -> None:
        kind = state.type.value if state is not None else ""
        name = (state.name or "") if state is not None else ""
        self._send(ipc.Ended(run, kind, name, error, loops, unusable))

    # --------------------------------------------------------------------------- the loop

    async def _share(self, first: ipc.Perform, flow: Flow[..., Any]) -> None:
        self._loop = asyncio.get_running_loop()
        self._idle = asyncio.Event()
        async with enter_async_client(self._runs):
            self._begin(first, flow)
            while not (self._stopping and not self._tasks):
                self._idle.clear()
                while not self._inbox.empty():  # received before the loop ran
                    self._take(self._inbox.get())
                await self._idle.wait()

    def _take(self, frame: ipc.Perform | None) -> None:
        if frame is None:
            self._stopping = True
            self._idle.set()
            return
        flow = self._load(frame)
        if flow is None:
            return
        if flow.isasync:
            self._begin(frame, flow)
        else:
            # It would block the loop that all runs here share.
            what = f"{frame.entrypoint} is no longer asynchronous"
            self._send(ipc.Ended(frame.run, error=what, unusable="a flow has changed its kind"))

    def _begin(self, frame: ipc.Perform, flow: Flow[..., Any]) -> None:
        run = FlowRun.model_validate_json(frame.flow_run)
        self._runs.add(run)
        task = asyncio.get_running_loop().create_task(self._among_others(frame.run, run, flow))
        self._tasks[run.id] = task
        task.add_done_callback(lambda _: self._idle.set())

    async def _among_others(self, key: str, run: FlowRun, flow: Flow[..., Any]) -> None:
        error = unusable = ""
        state: State[Any] | None = None
        try:
            state = await perform_async(flow, run, self._runs)
        except BaseException as caught:  # noqa: BLE001 - a flow can raise anything; the engine reported its state
            state, error, unusable = _after(caught, run)
            if run.id in self._runs.cancelled:
                unusable = ""  # a cancelled task leaves a loop as it was
        self._runs.check_process()
        self._runs.remove(run.id)
        del self._tasks[run.id]
        self._end(key, state, error, unusable, loops=True)

    # ------------------------------------------------------------- messages to the parent

    def started(self, run: UUID) -> None:
        """Report that the API accepted the state Running."""
        self._send(ipc.Started(str(run)))

    def waiting(self, run: UUID, on: bool) -> None:
        """Report that the run waits for the API, or no longer does."""
        self._send(ipc.Waiting(str(run), on))

    def _send(self, frame: Any) -> None:
        self._runs.check_process()
        with self._sending, contextlib.suppress(OSError):  # the other thread exits without a parent
            ipc.send(self._connection, frame)


def _after(caught: BaseException, run: FlowRun) -> tuple[State[Any] | None, str, str]:
    """Return state, error, and why the child must be replaced, after the engine raised."""
    state = run.state if run.state is not None and run.state.is_final() else None
    if isinstance(caught, Abort | Pause | ObjectNotFound):
        # The run was cancelled, deleted or suspended from outside.
        return getattr(caught, "state", None) or state, "", ""
    if isinstance(caught, Exception):
        return state, "" if state else f"{type(caught).__name__}: {caught}", ""
    return state, "", f"a flow raised {type(caught).__name__}"


def _left_behind(before: set[threading.Thread]) -> str:
    """Return a reason to replace the child if the thread of a check or a send still runs."""
    ours = ("check-", LANE_THREAD)
    for thread in threading.enumerate():
        if thread not in before and thread.name.startswith(ours) and thread.is_alive():
            return f"{thread.name} still runs after its timeout"
    return ""
