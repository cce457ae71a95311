"""Keep which flow depends on which, as Prefect's runs and Automations say, in the catalog.

The sweep asks for it; a lease lets it be read every five minutes, whoever sweeps.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import uuid4

from sentinel.prefect_client.flow_graph import RunNode, StartedRun
from sentinel.prefect_client.port import Deployed
from sentinel.services.flow_graph import (
    ChildRun,
    GraphNode,
    Names,
    automation_edges,
    child_edges,
    result_edges,
)
from sentinel.store import Store
from sentinel.store.services.edges import observe

__all__ = ["EVERY", "LEASE", "MOST_GRAPHS", "FlowGraphs", "follow_flow_graph"]

LEASE = "flow_graph"
EVERY = timedelta(minutes=5)
_BACK = timedelta(hours=1)
"""Longer than `EVERY`, so that what ran while nobody swept is seen later."""
MOST_GRAPHS = 20
"""Graphs of runs that are read at once, one for each flow: they say who was given whose result."""


class FlowGraphs(Protocol):
    """The methods of a Prefect API that are needed; each may raise `PrefectUnreachable`."""

    def child_runs(self, since: datetime) -> Sequence[StartedRun]:
        """Return the flow runs that others started, the newest first."""
        ...

    def runs_of_tasks(self, ids: Sequence[str]) -> Mapping[str, str]:
        """Return the flow run of each task run."""
        ...

    def flow_runs(self, ids: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        """Return flow runs by id."""
        ...

    def graph_of(self, flow_run_id: str) -> Sequence[RunNode]:
        """Return the nodes of a run's graph."""
        ...

    def flow_names(self, ids: Iterable[str]) -> Mapping[str, str]:
        """Return the names of flows by id."""
        ...

    def automations(self) -> Sequence[Mapping[str, Any]]:
        """Return all Automations."""
        ...

    def every_deployment(self) -> Sequence[Deployed]:
        """Return all deployments."""
        ...


def follow_flow_graph(
    store: Store, prefect: FlowGraphs, tenant: str, holder: Callable[[], object] = uuid4
) -> int:
    """Read who depends on whom from Prefect, unless that was done in the last five minutes.

    Args:
        store: the shared database
        prefect: the Prefect API
        tenant: whose catalog gets the dependencies
        holder: gives who takes the lease

    Returns:
        How many dependencies were seen; 0 where it is not time.

    Raises:
        PrefectUnreachable: the API does not answer; the next sweep tries again
    """
    mine = str(holder())
    if not store.leases.take(LEASE, mine, EVERY):
        return 0
    try:
        found = _seen(prefect, store.now() - _BACK)
    except BaseException:
        store.leases.release(LEASE, mine)
        raise
    return observe(store, tenant, found, "prefect")


def _seen(prefect: FlowGraphs, since: datetime) -> Mapping[tuple[str, str], int]:
    found = Counter[tuple[str, str]]()
    started = prefect.child_runs(since)
    if started:
        runs = _children(prefect, started)
        names = Names(flows=prefect.flow_names(_flows_of(runs)))
        found.update(child_edges(runs, names))
        for parent in _worth_drawing(runs):
            nodes = [
                GraphNode(id=one.id, is_flow=one.kind == "flow-run", parents=one.parents)
                for one in prefect.graph_of(parent)
            ]
            found.update(result_edges(nodes, {one.id: one.flow_id for one in runs}, names))
    found.update(_of_automations(prefect))
    return found


def _children(prefect: FlowGraphs, started: Sequence[StartedRun]) -> list[ChildRun]:
    """Return the runs whose parents Prefect still has."""
    tasks = sorted({one.parent_task_run_id for one in started if one.parent_task_run_id})
    parent_of = prefect.runs_of_tasks(tasks)
    parents = prefect.flow_runs(sorted(set(parent_of.values())))
    found: list[ChildRun] = []
    for one in started:
        parent = parents.get(parent_of.get(one.parent_task_run_id or "", ""))
        if parent is not None:
            found.append(
                ChildRun(
                    id=one.id, flow_id=one.flow_id, parent_run_id=str(parent["id"]),
                    parent_flow_id=str(parent["flow_id"]),
                )
            )  # fmt: skip
    return found


def _flows_of(runs: Iterable[ChildRun]) -> set[str]:
    return {id_ for one in runs for id_ in (one.flow_id, one.parent_flow_id)}


def _worth_drawing(runs: Iterable[ChildRun]) -> list[str]:
    """Return of each flow its newest run that called several flows, at most `MOST_GRAPHS`."""
    called: dict[str, set[str]] = {}
    flow_of: dict[str, str] = {}
    for one in runs:
        called.setdefault(one.parent_run_id, set()).add(one.flow_id)
        flow_of[one.parent_run_id] = one.parent_flow_id
    newest: dict[str, str] = {}
    for run, flows in called.items():
        if len(flows) > 1:
            newest.setdefault(flow_of[run], run)
    return list(newest.values())[:MOST_GRAPHS]


def _of_automations(prefect: FlowGraphs) -> Mapping[tuple[str, str], int]:
    some = [
        one for one in prefect.automations()
        if any(each.get("type") == "run-deployment" for each in one.get("actions") or ())
    ]  # fmt: skip
    if not some:
        return {}
    deployed = prefect.every_deployment()
    by_name: dict[str, list[str]] = {}
    for one in deployed:
        by_name.setdefault(one.name, []).append(one.flow)
    names = Names(
        flows={one.flow_id: one.flow for one in deployed if one.flow},
        deployed={one.id: one.flow for one in deployed if one.flow},
        deployments=by_name,
    )
    return automation_edges(some, names)
