"""The undocumented names of Prefect that Sentinel uses, each with the reason.

No other module imports or overrides such a name. `tests/worker/test_prefect_private.py` checks
`NEEDED` and reports which names a new version of Prefect no longer has, and what that breaks.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from typing import Any

import msgspec
from prefect.client.schemas.responses import OrchestrationResult
from prefect.events.worker import EventsWorker
from prefect.flow_engine import AsyncFlowRunEngine, BaseFlowRunEngine, FlowRunEngine
from prefect.logging.handlers import APILogHandler, APILogWorker
from prefect.states import to_state_create
from prefect.utilities.callables import get_call_parameters, parameters_to_args_kwargs

__all__ = [
    "NEEDED",
    "APILogHandler",
    "APILogWorker",
    "AsyncFlowRunEngine",
    "BaseFlowRunEngine",
    "EventsWorker",
    "FlowRunEngine",
    "Needed",
    "OrchestrationResult",
    "get_call_parameters",
    "missing",
    "parameters_to_args_kwargs",
    "to_state_create",
]


class Needed(msgspec.Struct, frozen=True):
    """One undocumented name: its place, the arguments Sentinel uses, and the reason."""

    module: str
    name: str
    arguments: tuple[str, ...]
    reason: str


NEEDED = [
    Needed(
        "prefect.flow_engine",
        "FlowRunEngine.setup_flow_run_suspension_request",
        ("self",),
        "overridden: the stock one starts a thread, a loop and a websocket for every run, to "
        "receive suspensions from outside",
    ),
    Needed(
        "prefect.flow_engine",
        "AsyncFlowRunEngine.setup_flow_run_suspension_request",
        ("self",),
        "the same for asynchronous flows",
    ),
    Needed(
        "prefect.flow_engine",
        "FlowRunEngine._get_flow_run_suspension_request",
        ("self",),
        "the value of the overridden context",
    ),
    Needed(
        "prefect.flow_engine",
        "BaseFlowRunEngine.heartbeat_seconds",
        (),
        "overridden: the heartbeat of every run is a thread, an event with five lookups, and up to "
        "a second at its end; the worker itself ends the runs of dead workers",
    ),
    Needed(
        "prefect.flow_engine",
        "FlowRunEngine.handle_crash",
        ("self", "exc"),
        "overridden: a run that a person cancelled ends Cancelled and not Crashed; the stock "
        "engine learns the difference from a runner over a socket of its own",
    ),
    Needed(
        "prefect.flow_engine",
        "AsyncFlowRunEngine.handle_crash",
        ("self", "exc"),
        "the same for asynchronous flows",
    ),
    Needed(
        "prefect.flow_engine",
        "FlowRunEngine.handle_cancellation",
        ("self", "exc"),
        "calls the hooks of a cancelled run and reports its states",
    ),
    Needed("prefect.flow_engine", "FlowRunEngine.start", ("self",), "the engine's own loop"),
    Needed("prefect.flow_engine", "FlowRunEngine.run_context", ("self",), "the engine's own loop"),
    Needed("prefect.flow_engine", "FlowRunEngine.call_flow_fn", ("self",), "the engine's own loop"),
    Needed("prefect.flow_engine", "AsyncFlowRunEngine.start", ("self",), "the engine's own loop"),
    *(
        Needed("prefect.flow_engine", f"AsyncFlowRunEngine.{name}", arguments, "the same there")
        for name, arguments in (
            ("run_context", ("self",)),
            ("call_flow_fn", ("self",)),
            ("handle_cancellation", ("self", "exc")),
            ("_get_flow_run_suspension_request", ("self",)),
        )
    ),
    *(
        Needed(
            "prefect.client.orchestration",
            f"PrefectClient.{name}",
            arguments,
            "overridden, as that of SyncPrefectClient is, for asynchronous flows",
        )
        for name, arguments in (
            ("set_flow_run_state", ("self", "flow_run_id", "state", "force")),
            ("update_flow_run", ("self", "flow_run_id", "flow_version", "name")),
            ("read_flow_run", ("self", "flow_run_id")),
            ("request", ("self", "method", "path")),
        )
    ),
    Needed(
        "prefect.client.orchestration",
        "SyncPrefectClient.set_flow_run_state",
        ("self", "flow_run_id", "state", "force"),
        "overridden: a state is sent again with the same transition id, and Running names "
        "the owner of the run",
    ),
    Needed(
        "prefect.client.orchestration",
        "SyncPrefectClient.update_flow_run",
        ("self", "flow_run_id", "flow_version", "name", "empirical_policy"),
        "overridden: the engine's first request of every run waits for the one that names it",
    ),
    Needed(
        "prefect.client.orchestration",
        "SyncPrefectClient.read_flow_run",
        ("self", "flow_run_id"),
        "overridden: the engine reads a run that the client has already",
    ),
    Needed(
        "prefect.client.orchestration",
        "SyncPrefectClient.request",
        ("self", "method", "path"),
        "overridden: a request that the API did not answer is retried without limit, "
        "and the parent knows",
    ),
    Needed("prefect.states", "to_state_create", ("state",), "a state as the API accepts it"),
    Needed(
        "prefect.utilities.callables",
        "parameters_to_args_kwargs",
        ("fn", "parameters"),
        "a run's parameters with the flow's defaults, as `run_flow` has them",
    ),
    Needed(
        "prefect.utilities.callables",
        "get_call_parameters",
        ("fn", "call_args", "call_kwargs"),
        "the same",
    ),
    Needed(
        "prefect.logging.handlers",
        "APILogWorker.drain_all",
        (),
        "a child that ends sends the logs of its runs",
    ),
    Needed("prefect.events.worker", "EventsWorker.drain_all", (), "the same for events"),
    Needed(
        "prefect.workers.base",
        "BaseWorker.sync_with_backend",
        ("self",),
        "the heartbeat that shows the worker as online in the UI",
    ),
    Needed("prefect.workers.base", "BaseWorker.setup", ("self",), "its client and first heartbeat"),
]


def missing(needed: Needed) -> str:
    """Return the problem of one name in the installed Prefect; empty if there is none."""
    where = f"{needed.module}.{needed.name}"
    try:
        found: Any = importlib.import_module(needed.module)
        for part in needed.name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError):
        return f"Prefect has no {where} any more. It was needed: {needed.reason}."
    known: Mapping[str, Any] = {}
    if callable(found):
        known = inspect.signature(found).parameters
    lost = [name for name in needed.arguments if name not in known]
    if lost:
        return f"{where} no longer takes {', '.join(lost)}. It was needed: {needed.reason}."
    return ""
