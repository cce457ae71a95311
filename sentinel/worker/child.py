"""A child: runs flows one after the other in its main thread, asynchronous ones in a loop.

A synchronous flow has the child to itself, so that whatever it does to its process happens to
nobody else. Once an asynchronous flow has come, the child belongs to its loop, and more of them
may share it.
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
_Frame = ipc.Perform | ipc.Cancel | ipc.Stop
_OFF = 1000


def prepare(level: str) -> None:
    """Set, before children are forked, from which level on a run's logs go to the API."""
    least = _OFF if level == "OFF" else logging.getLevelNamesMapping()[level]
    for name in ("prefect.flow_runs", "prefect.task_runs"):
        for handler in logging.getLogger(name).handlers:
            if isinstance(handler, APILogHandler):
                handler.setLevel(least)
                handler.addFilter(_of_the_flow)


def _of_the_flow(record: logging.LogRecord) -> bool:
    """Whether a record says anything that the run's states do not."""
    return record.levelno > logging.INFO or record.module != "flow_engine"


def serve(connection: socket.socket, owner: str) -> int:
    """Run what the parent sends until it says stop; the exit code."""
    # What a flow forks must not keep the parent from hearing that we are gone.
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

    # ------------------------------------------------------------- the thread that listens

    def listen(self) -> None:
        """Take frames from the parent; when it is gone, so are we."""
        while (body := ipc.receive(self._connection)) is not None:
            frame: _Frame = ipc.decode(body, _Frame)
            if isinstance(frame, ipc.Cancel):
                self._cancel(UUID(frame.run))
            else:
                self._put(frame if isinstance(frame, ipc.Perform) else None)
        # Nobody supervises any more: what runs here ends Crashed, told by the next worker.
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
        """Run flows until told to stop."""
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
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the edge to code that is not ours; told and shown
            said = f"{type(error).__name__}: {error}"
            if error.__cause__ is not None:
                said += f" ({error.__cause__})"
            what = f"the flow {frame.entrypoint} cannot be loaded: {said}"
            # It may be half imported: another child looks afresh.
            self._tell(ipc.Ended(frame.run, error=what, spoilt="a flow could not be loaded"))
            return None

    def _one(self, frame: ipc.Perform, flow: Flow[..., Any]) -> None:
        before = set(threading.enumerate())
        run = FlowRun.model_validate_json(frame.flow_run)
        self._runs.add(run)
        self._now = run.id
        spoilt = ""
        state: State[Any] | None = None
        error = ""
        try:
            state = perform(flow, run, self._runs)
        except BaseException as caught:  # noqa: BLE001 - the edge to a run; the engine has told its state
            state, error, spoilt = _after(caught, run)
        self._now = None
        self._runs.check_process()
        self._runs.remove(run.id)
        spoilt = spoilt or _left_behind(before)
        self._end(frame.run, state, error, spoilt)

    def _end(
        self, run: str, state: State[Any] | None, error: str, spoilt: str, loops: bool = False
    ) -> None:
        kind = state.type.value if state is not None else ""
        name = (state.name or "") if state is not None else ""
        self._tell(ipc.Ended(run, kind, name, error, loops, spoilt))

    # --------------------------------------------------------------------------- the loop

    async def _share(self, first: ipc.Perform, flow: Flow[..., Any]) -> None:
        self._loop = asyncio.get_running_loop()
        self._idle = asyncio.Event()
        async with enter_async_client(self._runs):
            self._begin(first, flow)
            while not (self._stopping and not self._tasks):
                self._idle.clear()
                while not self._inbox.empty():  # came before there was a loop
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
            # It would block everybody's loop.
            what = f"{frame.entrypoint} is no longer asynchronous"
            self._tell(ipc.Ended(frame.run, error=what, spoilt="a flow has changed its kind"))

    def _begin(self, frame: ipc.Perform, flow: Flow[..., Any]) -> None:
        run = FlowRun.model_validate_json(frame.flow_run)
        self._runs.add(run)
        task = asyncio.get_running_loop().create_task(self._among_others(frame.run, run, flow))
        self._tasks[run.id] = task
        task.add_done_callback(lambda _: self._idle.set())

    async def _among_others(self, key: str, run: FlowRun, flow: Flow[..., Any]) -> None:
        error = spoilt = ""
        state: State[Any] | None = None
        try:
            state = await perform_async(flow, run, self._runs)
        except BaseException as caught:  # noqa: BLE001 - the edge to a run; the engine has told its state
            state, error, spoilt = _after(caught, run)
            if run.id in self._runs.cancelled:
                spoilt = ""  # a cancelled task leaves a loop as it was
        self._runs.check_process()
        self._runs.remove(run.id)
        del self._tasks[run.id]
        self._end(key, state, error, spoilt, loops=True)

    # ---------------------------------------------------------------- what the parent hears

    def begun(self, run: UUID) -> None:
        """The API has taken its Running."""
        self._tell(ipc.Begun(str(run)))

    def held(self, run: UUID, on: bool) -> None:
        """It waits for the API, or no longer does."""
        self._tell(ipc.Held(str(run), on))

    def _tell(self, frame: Any) -> None:
        self._runs.check_process()
        with self._sending, contextlib.suppress(OSError):  # the other thread sees the parent gone
            ipc.send(self._connection, frame)


def _after(caught: BaseException, run: FlowRun) -> tuple[State[Any] | None, str, str]:
    """State, error and whether the child is spoilt, after the engine has raised."""
    state = run.state if run.state is not None and run.state.is_final() else None
    if isinstance(caught, Abort | Pause | ObjectNotFound):
        # Somebody else has decided over this run: it was cancelled, deleted or suspended.
        return getattr(caught, "state", None) or state, "", ""
    if isinstance(caught, Exception):
        return state, "" if state else f"{type(caught).__name__}: {caught}", ""
    return state, "", f"a flow raised {type(caught).__name__}"


def _left_behind(before: set[threading.Thread]) -> str:
    """A check that did not answer in time is still at it, in a thread that cannot be ended."""
    for thread in threading.enumerate():
        if thread not in before and thread.name.startswith("check-") and thread.is_alive():
            return f"{thread.name} still runs after its time"
    return ""
