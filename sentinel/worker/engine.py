"""Run one flow run with three requests to the API, and one for its name.

The engine and the client are Prefect's own, each for synchronous and for asynchronous flows; the
shared code is in `_Lean`, `Runs` and the functions here. The table of requests in
docs/explanation/worker.md lists what is omitted: reading an active run back, an update without
content, and a websocket per run.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from uuid import UUID, uuid4

import httpx
from prefect import Flow
from prefect.client.orchestration import PrefectClient, SyncPrefectClient
from prefect.client.schemas.objects import FlowRun, State
from prefect.context import AsyncClientContext, SyncClientContext
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_URL, get_current_settings

from sentinel.worker.active_runs import Pauses, Runs
from sentinel.worker.prefect_private import (
    AsyncFlowRunEngine,
    BaseFlowRunEngine,
    FlowRunEngine,
    OrchestrationResult,
    get_call_parameters,
    parameters_to_args_kwargs,
    to_state_create,
)

__all__ = ["credentials", "enter_async_client", "enter_client", "perform", "perform_async"]

_SET_STATE = "/flow_runs/{id}/set_state"


class LeanClient(SyncPrefectClient):
    """Prefect's client with fewer requests."""

    runs: Runs

    def read_flow_run(self, flow_run_id: UUID) -> FlowRun:
        """Return an active run from memory; request any other."""
        return self.runs.present.get(flow_run_id) or super().read_flow_run(flow_run_id)

    def update_flow_run(self, flow_run_id: UUID, *more: Any, **named: Any) -> httpx.Response:
        """Send the flow's version with the run's name, and omit a policy without retries."""
        update = self.runs.worth_sending(flow_run_id, more, named)
        if update is None:
            return httpx.Response(204)
        return super().update_flow_run(flow_run_id, *more, **update)

    def request(self, method: Any, path: Any, *arguments: Any, **named: Any) -> httpx.Response:
        """Send a request, with retries until the API answers; the parent knows of the wait."""
        pauses = Pauses(self.runs, named)
        while True:
            self.runs.check_process()
            try:
                response = super().request(method, path, *arguments, **named)
            except httpx.HTTPError as error:
                time.sleep(pauses.after(error))
            else:
                pauses.over()
                return response

    def set_flow_run_state(
        self, flow_run_id: UUID | str, state: State[Any], force: bool = False
    ) -> OrchestrationResult[Any]:
        """Propose a state."""
        run, body = _proposed(self.runs, flow_run_id, state, force)
        try:
            response = self.request("POST", _SET_STATE, path_params={"id": run}, json=body)
        except httpx.HTTPStatusError as error:
            raise _gone(error) from error
        return _accepted(self.runs, run, state, response)


class LeanAsyncClient(PrefectClient):
    """The asynchronous client with fewer requests."""

    runs: Runs

    async def read_flow_run(self, flow_run_id: UUID) -> FlowRun:
        """Return an active run from memory; request any other."""
        return self.runs.present.get(flow_run_id) or await super().read_flow_run(flow_run_id)

    async def update_flow_run(self, flow_run_id: UUID, *more: Any, **named: Any) -> httpx.Response:
        """Send the flow's version with the run's name, and omit a policy without retries."""
        update = self.runs.worth_sending(flow_run_id, more, named)
        if update is None:
            return httpx.Response(204)
        return await super().update_flow_run(flow_run_id, *more, **update)

    async def request(
        self, method: Any, path: Any, *arguments: Any, **named: Any
    ) -> httpx.Response:
        """Send a request, with retries until the API answers; the parent knows of the wait."""
        pauses = Pauses(self.runs, named)
        while True:
            self.runs.check_process()
            try:
                response = await super().request(method, path, *arguments, **named)
            except httpx.HTTPError as error:
                await asyncio.sleep(pauses.after(error))
            else:
                pauses.over()
                return response

    async def set_flow_run_state(
        self, flow_run_id: UUID | str, state: State[Any], force: bool = False
    ) -> OrchestrationResult[Any]:
        """Propose a state."""
        run, body = _proposed(self.runs, flow_run_id, state, force)
        try:
            response = await self.request("POST", _SET_STATE, path_params={"id": run}, json=body)
        except httpx.HTTPStatusError as error:
            raise _gone(error) from error
        return _accepted(self.runs, run, state, response)


def _gone(error: httpx.HTTPStatusError) -> Exception:
    return ObjectNotFound(http_exc=error) if error.response.status_code == 404 else error


def _proposed(
    runs: Runs, flow_run_id: UUID | str, state: State[Any], force: bool
) -> tuple[UUID, dict[str, Any]]:
    run = flow_run_id if isinstance(flow_run_id, UUID) else UUID(flow_run_id)
    if run in runs.present and state.is_running() and not state.message:
        # If this process dies, other workers read the owner of the run from this message.
        state.message = runs.owner
    create = to_state_create(state)
    create.state_details.flow_run_id = run
    # Retries use the same id, so that a transition whose answer was lost is recognized.
    create.state_details.transition_id = uuid4()
    return run, {"state": create.model_dump(mode="json", serialize_as_any=True), "force": force}


def _accepted(
    runs: Runs, run: UUID, state: State[Any], response: httpx.Response
) -> OrchestrationResult[Any]:
    result: OrchestrationResult[Any] = OrchestrationResult[Any].model_validate_json(
        response.content
    )
    started = state.is_running() and result.state is not None and result.state.is_running()
    if started and run in runs.present:
        runs.present[run].state = result.state
        runs.listener.started(run)
    return result


class _Lean(BaseFlowRunEngine[Any, Any]):
    """Prefect's engine without a suspension listener and a heartbeat for each run."""

    runs: Runs
    flow_run: FlowRun | None

    @property
    def heartbeat_seconds(self) -> int | None:
        """None for no heartbeats: they cost a thread and events, and delay the end of a run."""
        return None

    @contextmanager
    def setup_flow_run_suspension_request(self) -> Generator[Any]:
        """Allow a flow to suspend itself; suspensions from outside are not listened for."""
        yield self._get_flow_run_suspension_request()

    def _is_cancelled(self) -> bool:
        """Return whether a person cancelled the run, so that it ends as Cancelled."""
        return self.flow_run is not None and self.flow_run.id in self.runs.cancelled


class LeanEngine(_Lean, FlowRunEngine[Any, Any]):
    """The engine for synchronous flows."""

    def handle_crash(self, exc: BaseException) -> None:
        """End a run that a person cancelled as Cancelled, not as Crashed."""
        if self._is_cancelled():
            self.handle_cancellation(exc)
        else:
            super().handle_crash(exc)


class LeanAsyncEngine(_Lean, AsyncFlowRunEngine[Any, Any]):
    """The engine for asynchronous flows."""

    async def handle_crash(self, exc: BaseException) -> None:
        """End a run that a person cancelled as Cancelled, not as Crashed."""
        if self._is_cancelled():
            await self.handle_cancellation(exc)
        else:
            await super().handle_crash(exc)


@contextmanager
def enter_client(runs: Runs) -> Generator[LeanClient]:
    """Set one client for all flows that run in the context."""
    context = SyncClientContext()
    client = LeanClient(PREFECT_API_URL.value(), **credentials())
    client.runs = runs
    context.client = client
    with context:
        yield client


@asynccontextmanager
async def enter_async_client(runs: Runs) -> AsyncGenerator[LeanAsyncClient]:
    """Set one client for all asynchronous flows that run in the context."""
    context = AsyncClientContext()
    client = LeanAsyncClient(PREFECT_API_URL.value(), **credentials())
    client.runs = runs
    context.client = client
    async with context:
        yield client


def credentials() -> dict[str, Any]:
    """Return `api_key` and `auth_string` of Prefect's settings, for its clients; None if unset."""
    # The settings themselves: they have types, where `PREFECT_API_KEY.value()` is Any.
    api = get_current_settings().api
    return {
        "api_key": api.key.get_secret_value() if api.key is not None else None,
        "auth_string": api.auth_string.get_secret_value() if api.auth_string is not None else None,
    }


def perform(flow: Flow[..., Any], run: FlowRun, runs: Runs) -> State[Any]:
    """Run a synchronous flow to its end.

    Args:
        flow: the flow
        run: the flow run
        runs: the active runs of this process

    Returns:
        The final state in the API.

    Raises:
        BaseException: what ended the engine; the API has the state, if it could be reported
    """
    engine = LeanEngine(flow=flow, parameters=_parameters(flow, run), flow_run=run)
    engine.runs = runs
    with engine.start():
        while engine.is_running():
            with engine.run_context():
                engine.call_flow_fn()
    return engine.state


async def perform_async(flow: Flow[..., Any], run: FlowRun, runs: Runs) -> State[Any]:
    """Run an asynchronous flow to its end.

    Args:
        flow: the flow
        run: the flow run
        runs: the active runs of this process

    Returns:
        The final state in the API.

    Raises:
        BaseException: what ended the engine; the API has the state, if it could be reported
    """
    engine = LeanAsyncEngine(flow=flow, parameters=_parameters(flow, run), flow_run=run)
    engine.runs = runs
    async with engine.start():
        while engine.is_running():
            async with engine.run_context():
                await engine.call_flow_fn()
    return engine.state


def _parameters(flow: Flow[..., Any], run: FlowRun) -> dict[str, Any]:
    positional, named = parameters_to_args_kwargs(flow.fn, run.parameters)
    return get_call_parameters(flow.fn, positional, named)
