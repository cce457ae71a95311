"""From the runs and Automations of Prefect to which flow depends on which. Pure.

Flows are services under their names, as they are in the spans of their runs. A flow depends on the
flows that it calls, whether as functions or as deployments; on those whose results it is given
within a flow that calls both; and on a flow after whose completed runs an Automation starts it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, cast

import msgspec

__all__ = ["ChildRun", "GraphNode", "Names", "automation_edges", "child_edges", "result_edges"]

_COMPLETED = "prefect.flow-run.Completed"
Edges = Mapping[tuple[str, str], int]


class ChildRun(msgspec.Struct, frozen=True, kw_only=True):
    """A flow run that another one started: its flow, and the flow run that started it."""

    id: str
    flow_id: str
    parent_run_id: str
    parent_flow_id: str


class GraphNode(msgspec.Struct, frozen=True, kw_only=True):
    """A node of the graph of a flow run.

    Attributes:
        id: of the flow run or the task run
        is_flow: whether it is a flow run
        parents: ids of the nodes whose results it was given, or that it waited for
    """

    id: str
    is_flow: bool
    parents: Sequence[str]


class Names(msgspec.Struct, frozen=True, kw_only=True):
    """Names in Prefect.

    Attributes:
        flows: of flows, by their ids
        deployed: of the flow of each deployment, by the deployment's id
        deployments: of the flows that have a deployment of a name, by that name
    """

    flows: Mapping[str, str]
    deployed: Mapping[str, str] = {}
    deployments: Mapping[str, Sequence[str]] = {}


def child_edges(runs: Iterable[ChildRun], names: Names) -> Edges:
    """Return which flows called which, and how often.

    Args:
        runs: that other runs started
        names: of their flows; one without a name was deleted, and is left out

    Returns:
        The calls, by the names of the caller and of the flow that it called.
    """
    found = Counter(
        (names.flows.get(one.parent_flow_id, ""), names.flows.get(one.flow_id, "")) for one in runs
    )
    return {edge: count for edge, count in found.items() if all(edge) and edge[0] != edge[1]}


def result_edges(nodes: Sequence[GraphNode], flow_of_run: Mapping[str, str], names: Names) -> Edges:
    """Return which flows were given results of which, within one flow that called both.

    Args:
        nodes: of the graph of that flow's run
        flow_of_run: the flow's id of each flow run that is a node
        names: of these flows

    Returns:
        How often, by the names of the flow that was given a result, and of the one whose result it
        was; whether at once or through tasks.
    """
    known = {one.id: one for one in nodes}
    found = Counter[tuple[str, str]]()
    for one in nodes:
        if not one.is_flow:
            continue
        given = names.flows.get(flow_of_run.get(one.id, ""), "")
        for source in _sources(one, known):
            gave = names.flows.get(flow_of_run.get(source, ""), "")
            if given and gave and given != gave:
                found[given, gave] += 1
    return found


def _sources(node: GraphNode, known: Mapping[str, GraphNode]) -> Iterator[str]:
    """Yield the flow runs whose results a node was given, at once or through tasks."""
    seen, waiting = {node.id}, list(node.parents)
    while waiting:
        id_ = waiting.pop()
        if id_ in seen or id_ not in known:
            continue
        seen.add(id_)
        if known[id_].is_flow:
            yield id_
        else:
            waiting += known[id_].parents


def automation_edges(automations: Iterable[Mapping[str, Any]], names: Names) -> Edges:
    """Return which flows Automations start once runs of which are completed.

    Args:
        automations: as Prefect gives them
        names: of flows and their deployments

    Returns:
        1 for each pair of the flow that is started and of the flow whose runs it waits for. What
        waits for anything but completed runs, or for those of any flow, says nothing of the sort.
    """
    found: dict[tuple[str, str], int] = {}
    for one in automations:
        if not one.get("enabled", True):
            continue
        started = {
            names.deployed.get(str(action.get("deployment_id") or ""), "")
            for action in one.get("actions") or ()
            if action.get("type") == "run-deployment"
        } - {""}
        if started:
            waited = {
                name for each in _triggers(one.get("trigger")) for name in _flows(each, names)
            }
            found |= {(new, old): 1 for new in started for old in waited if new != old}
    return found


def _triggers(trigger: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the event triggers of a trigger, which may be made of others."""
    if not isinstance(trigger, Mapping):
        return
    given = cast("Mapping[str, Any]", trigger)
    if given.get("type") == "event":
        expected = [str(one) for one in given.get("expect") or ()]
        proactive = given.get("posture") == "Proactive"
        if not proactive and any(fnmatchcase(_COMPLETED, one) for one in expected):
            yield given
    for one in given.get("triggers") or ():
        yield from _triggers(one)


def _flows(trigger: Mapping[str, Any], names: Names) -> Iterator[str]:
    """Yield the flows whose runs an event trigger waits for."""
    related: Any = trigger.get("match_related") or {}
    # Prefect takes one, or a list of which each must fit some related resource.
    several: list[Any] = cast("list[Any]", related) if isinstance(related, list) else [related]
    for match in several:
        if isinstance(match, Mapping):
            yield from _named(cast("Mapping[str, Any]", match), names)


def _named(match: Mapping[str, Any], names: Names) -> Iterator[str]:
    roles = _texts(match.get("prefect.resource.role"))
    for id_ in _texts(match.get("prefect.resource.id")):
        kind, _, own = id_.rpartition(".")
        if kind == "prefect.deployment" and own in names.deployed:
            yield names.deployed[own]
        elif kind == "prefect.flow" and own in names.flows:
            yield names.flows[own]
    for name in _texts(match.get("prefect.resource.name")):
        if "deployment" in roles:
            yield from names.deployments.get(name, ())
        elif "flow" in roles and name in names.flows.values():
            yield name


def _texts(given: Any) -> list[str]:
    some: list[Any] = cast("list[Any]", given) if isinstance(given, list) else [given]
    return [one for one in some if isinstance(one, str)]
